import https from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import tls from 'node:tls';

export type Json = Record<string, unknown>;

/** An object as the API shows it. */
export type ListedObject = Json & { uuid: string; url: string; name: string };

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; empty where it is none. */
  readonly body: Json;
}

export type Headers = Readonly<Record<string, string>>;

/** A client of the REST API over real HTTPS that sends exactly what it is told. */
export class ApiSession {
  /** Cookie header of the session. */
  cookie = '';
  csrf = '';
  /** Headers of every request, such as X-Avi-Tenant. */
  readonly headers: Record<string, string> = {};

  constructor(
    readonly base: string,
    private readonly ca: string,
  ) {}

  /** Logs in with a form, as the published clients do. */
  async login(username: string, password: string): Promise<Reply> {
    const reply = await this.send('POST', '/login', new URLSearchParams({ username, password }).toString(), {
      'Content-Type': 'application/x-www-form-urlencoded',
    });
    this.take(reply);
    return reply;
  }

  /** Takes the cookies of a reply over. */
  take(reply: Reply): void {
    const cookies = (reply.headers['set-cookie'] ?? []).map((c) => c.split(';')[0] ?? '');
    if (cookies.length === 0) return;
    this.cookie = cookies.join('; ');
    this.csrf = cookies.find((c) => c.startsWith('csrftoken='))?.slice('csrftoken='.length) ?? '';
  }

  get(path: string, headers: Headers = {}): Promise<Reply> {
    return this.send('GET', path, undefined, headers);
  }
  post(path: string, body: unknown, headers: Headers = {}): Promise<Reply> {
    return this.json('POST', path, body, headers);
  }
  put(path: string, body: unknown, headers: Headers = {}): Promise<Reply> {
    return this.json('PUT', path, body, headers);
  }
  patch(path: string, body: unknown, headers: Headers = {}): Promise<Reply> {
    return this.json('PATCH', path, body, headers);
  }
  delete(path: string, headers: Headers = {}): Promise<Reply> {
    return this.send('DELETE', path, undefined, headers);
  }

  /** Creates an object and answers it; anything but 201 is an error that shows the reply. */
  async create(kind: string, body: Json): Promise<ListedObject> {
    const reply = await this.post(`/api/${kind}`, body);
    if (reply.status !== 201) throw new Error(`POST /api/${kind}: ${reply.status} ${reply.text}`);
    return reply.body as ListedObject;
  }

  /** The one object of that name. */
  async find(kind: string, name: string): Promise<ListedObject> {
    const [found, ...others] = await this.list(`/api/${kind}?include_name=&name=${encodeURIComponent(name)}`);
    if (!found || others.length > 0)
      throw new Error(`${others.length + (found ? 1 : 0)} ${kind} are called ${name}`);
    return found;
  }

  /** The objects of a list. */
  async list(path: string): Promise<ListedObject[]> {
    const reply = await this.get(path);
    if (reply.status !== 200) throw new Error(`GET ${path}: ${reply.status} ${reply.text}`);
    return reply.body['results'] as ListedObject[];
  }

  json(method: string, path: string, body: unknown, headers: Headers = {}): Promise<Reply> {
    return this.send(method, path, JSON.stringify(body), { 'Content-Type': 'application/json', ...headers });
  }

  send(method: string, path: string, body: string | undefined, headers: Headers = {}): Promise<Reply> {
    const sent: Record<string, string> = {
      ...(this.cookie === '' ? {} : { Cookie: this.cookie }),
      ...(this.csrf === '' ? {} : { 'X-CSRFToken': this.csrf }),
      ...this.headers,
      ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
      ...headers,
    };
    const { hostname, port } = new URL(this.base);
    return new Promise((resolve, reject) => {
      const request = https.request(
        {
          method,
          hostname,
          port,
          path,
          headers: sent,
          ca: this.ca,
          agent: false,
          // A test may send another Host: the certificate is still that of the address.
          checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(hostname, certificate),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parse(text) });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  /** Sends bytes as they are and answers everything that comes back until the connection ends. */
  raw(bytes: string): Promise<string> {
    const { hostname, port } = new URL(this.base);
    return new Promise((resolve, reject) => {
      const socket = tls.connect({ host: hostname, port: Number(port), ca: this.ca }, () =>
        socket.write(bytes),
      );
      let text = '';
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => (text += chunk));
      socket.on('error', reject);
      socket.on('close', () => resolve(text));
    });
  }
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {};
  }
}
