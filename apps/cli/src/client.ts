import { request as httpsRequest, type RequestOptions } from 'node:https';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { saveContext, type Context, type Session } from './context.js';
import { CliError, EXIT, exitCodeOf } from './errors.js';

/** Any JSON object that the API gives or takes. */
export type Json = Record<string, unknown>;

export interface Page {
  count: number;
  results: Json[];
  next?: string;
}

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
}

const REQUEST_TIMEOUT_MS = 60_000;

/** A session with the REST API: logs in when it has to, once more when the session has gone. */
export class Client {
  constructor(readonly context: Context) {}

  get = (path: string): Promise<Json> => this.object('GET', path);
  post = (path: string, body: unknown): Promise<Json> => this.object('POST', path, body);
  put = (path: string, body: unknown): Promise<Json> => this.object('PUT', path, body);

  async delete(path: string): Promise<void> {
    await this.call('DELETE', path);
  }

  /** All pages of a list. */
  async list(path: string): Promise<Json[]> {
    const all: Json[] = [];
    let next: string | undefined = path;
    while (next !== undefined) {
      const page = (await this.get(next)) as unknown as Page;
      if (!Array.isArray(page.results)) return [page as unknown as Json];
      all.push(...page.results);
      next = page.next === undefined ? undefined : pathOf(page.next);
    }
    return all;
  }

  private async object(method: string, path: string, body?: unknown): Promise<Json> {
    const reply = await this.call(method, path, body);
    return typeof reply.body === 'object' && reply.body !== null ? (reply.body as Json) : {};
  }

  /** One request; a refused one becomes a CliError with the server's own words. */
  async call(method: string, path: string, body?: unknown): Promise<Reply> {
    if (this.context.session === undefined) await this.login();
    let reply = await this.send(method, path, body);
    if (reply.status === 401 || reply.status === 419) {
      await this.login();
      reply = await this.send(method, path, body);
    }
    if (reply.status >= 400) throw refused(method, path, reply);
    return reply;
  }

  /** Lines of a server-sent event stream, as `{event, data}`, until the server or the signal ends it. */
  async *events(path: string, signal?: AbortSignal): AsyncGenerator<{ event: string; data: string }> {
    if (this.context.session === undefined) await this.login();
    const message = await this.open('GET', path, undefined, { accept: 'text/event-stream' }, signal);
    if ((message.statusCode ?? 0) >= 400) throw refused('GET', path, await collect(message));
    let buffer = '';
    message.setEncoding('utf8');
    for await (const chunk of message) {
      buffer += String(chunk);
      let end: number;
      while ((end = buffer.indexOf('\n\n')) >= 0) {
        yield parseEvent(buffer.slice(0, end));
        buffer = buffer.slice(end + 2);
      }
    }
  }

  async login(): Promise<void> {
    const { username, password, token } = this.context;
    if (password === undefined && token === undefined)
      throw new CliError('the session has ended; use: spillway login', EXIT.denied);
    this.context.session = undefined;
    const body = token === undefined ? { username, password } : { username, token };
    const reply = await this.send('POST', '/login', body);
    if (reply.status !== 200)
      throw new CliError(
        `login as ${username} at ${this.context.api} was refused: ${textOf(reply.body)}`,
        EXIT.denied,
      );
    this.context.session = sessionOf(reply);
    saveContext(this.context);
  }

  private async send(method: string, path: string, body?: unknown): Promise<Reply> {
    return collect(await this.open(method, path, body));
  }

  private open(
    method: string,
    path: string,
    body?: unknown,
    extra: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const { api, ca, insecure, session, tenant } = this.context;
    const url = new URL(path, api);
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const options: RequestOptions = {
      method,
      ca,
      rejectUnauthorized: insecure !== true,
      signal,
      headers: {
        accept: 'application/json',
        ...(payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        ...(session === undefined ? {} : sessionHeaders(session, api)),
        ...(tenant === undefined ? {} : { 'x-avi-tenant': tenant }),
        ...extra,
      },
    };
    return new Promise((resolve, reject) => {
      const make = url.protocol === 'http:' ? httpRequest : httpsRequest;
      const request = make(url, options, resolve);
      if (extra['accept'] === undefined)
        request.setTimeout(REQUEST_TIMEOUT_MS, () =>
          request.destroy(new Error(`no answer in ${REQUEST_TIMEOUT_MS / 1000} s`)),
        );
      request.on('error', (error) =>
        reject(new CliError(`${method} ${url.href}: ${error.message}`, EXIT.unreachable)),
      );
      request.end(payload);
    });
  }
}

async function collect(message: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  let body: unknown = text;
  if (text !== '' && /json/.test(message.headers['content-type'] ?? '')) body = JSON.parse(text);
  return { status: message.statusCode ?? 0, headers: message.headers, body };
}

function sessionHeaders(session: Session, api: string): Record<string, string> {
  const cookie = Object.entries(session.cookies)
    .map(([k, v]) => `${k}=${v}`)
    .join('; ');
  return { cookie, 'x-csrftoken': session.csrf, referer: `${api}/` };
}

function sessionOf(reply: Reply): Session {
  const cookies: Record<string, string> = {};
  const set = reply.headers['set-cookie'] ?? [];
  for (const line of Array.isArray(set) ? set : [set]) {
    const pair = /^([^=]+)=([^;]*)/.exec(line);
    if (pair?.[1] !== undefined && pair[2] !== undefined) cookies[pair[1]] = pair[2];
  }
  return { cookies, csrf: cookies['csrftoken'] ?? '' };
}

/** The server's own words; the request is named where the server cannot have known what was meant. */
function refused(method: string, path: string, reply: Reply): CliError {
  const { status, body } = reply;
  const unknown =
    typeof body === 'object' && body !== null && 'code' in body && body.code === 'PATH_NOT_FOUND';
  const kind = /^\/api\/([a-z]+)/.exec(path)?.[1];
  if (unknown && kind !== undefined)
    return new CliError(
      `there is no kind ${kind}; docs/reference/objects lists all (${method} ${path})`,
      EXIT.notFound,
    );
  return new CliError(`${textOf(body)} (${status})`, exitCodeOf(status));
}

function textOf(body: unknown): string {
  if (typeof body === 'string') return body.trim();
  if (typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string')
    return body.error;
  return JSON.stringify(body);
}

/** A block of a `text/event-stream`. */
export function parseEvent(block: string): { event: string; data: string } {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
  }
  return { event, data: data.join('\n') };
}

/** The path and query of an absolute URL of the API. */
export function pathOf(url: string): string {
  const u = new URL(url);
  return u.pathname + u.search;
}
