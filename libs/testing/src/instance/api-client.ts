import { Agent, request as httpsRequest } from 'node:https';
import { eventually } from '../process/eventually.js';

/** A JSON object as the API sends it. */
export type Json = Record<string, unknown>;

/** An object of the configuration. */
export type ConfigObject = Json & { uuid: string; url: string; name: string };

/** A page of a list. */
export interface Page<T = ConfigObject> {
  count: number;
  results: T[];
  next?: string;
}

/** What the API answered. */
export interface ApiReply<T = unknown> {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: T;
  text: string;
}

/** The API refused, or answered something else than expected. */
export class ApiError extends Error {
  constructor(
    readonly method: string,
    readonly path: string,
    readonly status: number,
    readonly text: string,
  ) {
    super(`${method} ${path}: ${status} ${text.slice(0, 2_000)}`);
    this.name = 'ApiError';
  }
}

export interface ApiClientOptions {
  /** `https://host:port` */
  url: string;
  username: string;
  password: string;
  /** PEM of the CA to trust. */
  ca: string;
  tenant?: string;
  /** `X-Avi-Version`; none by default. */
  version?: string;
}

/** State of an operation, as `/api/operation/<uuid>` gives it. */
export type Operation = Json & {
  uuid: string;
  type: string;
  state: 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled';
  step: string;
  text: string;
  progress: number;
  error?: string;
  error_code?: string;
};

const ENDED = new Set<Operation['state']>(['succeeded', 'failed', 'cancelled']);

/** A client of the REST API as strangers write one: logs in, keeps cookies, sends the CSRF token. */
export class ApiClient {
  readonly #agent: Agent;
  #cookies = new Map<string, string>();

  constructor(private readonly options: ApiClientOptions) {
    this.#agent = new Agent({ keepAlive: true, ca: options.ca, maxSockets: 32 });
  }

  close(): void {
    this.#agent.destroy();
  }

  async login(): Promise<Json> {
    const { username, password } = this.options;
    this.#cookies.clear();
    const reply = await this.send<Json>('POST', '/login', { username, password });
    if (reply.status !== 200) throw new ApiError('POST', '/login', reply.status, reply.text);
    return reply.body;
  }

  /** One request with the session, whatever the answer is. */
  async send<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiReply<T>> {
    const { url, tenant, version } = this.options;
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const csrf = this.#cookies.get('csrftoken');
    const target = new URL(url);
    const reply = await new Promise<ApiReply<T>>((resolve, reject) => {
      const request = httpsRequest(
        {
          host: target.hostname.replace(/^\[|\]$/g, ''),
          port: target.port,
          method,
          // Not through URL: what a test wants to send must not be tidied up.
          path,
          agent: this.#agent,
          timeout: 60_000,
          headers: {
            Accept: 'application/json',
            Referer: url,
            ...(payload && { 'Content-Type': 'application/json', 'Content-Length': payload.length }),
            ...(cookie && { Cookie: cookie }),
            ...(csrf && { 'X-CSRFToken': csrf }),
            ...(tenant && { 'X-Avi-Tenant': tenant }),
            ...(version && { 'X-Avi-Version': version }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            const json = /json/.test(response.headers['content-type'] ?? '');
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: (json && text !== '' ? JSON.parse(text) : text) as T,
              text,
            });
          });
        },
      );
      request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer within 60 s`)));
      request.on('error', reject);
      request.end(payload);
    });
    for (const line of [reply.headers['set-cookie'] ?? []].flat()) {
      const [pair = ''] = line.split(';', 1);
      const at = pair.indexOf('=');
      if (at > 0) this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return reply;
  }

  /** As `send`, but a status of 400 or more is an `ApiError`; a lost session is renewed once. */
  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    let reply = await this.send<T>(method, path, body);
    if (reply.status === 401 || reply.status === 419) {
      await this.login();
      reply = await this.send<T>(method, path, body);
    }
    if (reply.status >= 400) throw new ApiError(method, path, reply.status, reply.text);
    return reply.body;
  }

  get<T = Json>(path: string): Promise<T> {
    return this.request<T>('GET', path);
  }

  post<T = ConfigObject>(path: string, body: unknown): Promise<T> {
    return this.request<T>('POST', path, body);
  }

  put<T = ConfigObject>(path: string, body: unknown): Promise<T> {
    return this.request<T>('PUT', path, body);
  }

  patch<T = ConfigObject>(path: string, body: unknown): Promise<T> {
    return this.request<T>('PATCH', path, body);
  }

  async delete(path: string): Promise<void> {
    await this.request('DELETE', path);
  }

  /** The first page of a kind (at most 200). */
  async list<T = ConfigObject>(kind: string, query: Record<string, string> = {}): Promise<T[]> {
    const search = new URLSearchParams({ page_size: '200', ...query });
    return (await this.get<Page<T>>(`/api/${kind}?${search.toString()}`)).results;
  }

  /** The one object of a kind with this name. */
  async find<T = ConfigObject>(kind: string, name: string): Promise<T> {
    const found = await this.list<T>(kind, { name });
    if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind} are named ${name}`);
    return found[0]!;
  }

  /**
   * Waits for the end of an operation.
   * @throws when it ends otherwise than `wanted` or stops to ask, with its own words.
   */
  async waitOperation(
    uuid: string,
    options: { within?: number; wanted?: Operation['state'] } = {},
  ): Promise<Operation> {
    const { within = 30_000, wanted = 'succeeded' } = options;
    const operation = await eventually(
      async () => {
        const now = await this.get<Operation>(`/api/operation/${uuid}`);
        return ENDED.has(now.state) || now.state === wanted ? now : Promise.reject(new Error(describe(now)));
      },
      { within, every: 50, what: `operation ${uuid} to end` },
    );
    if (operation.state !== wanted) throw new Error(`${describe(operation)} (wanted: ${wanted})`);
    return operation;
  }
}

function describe(o: Operation): string {
  return `operation ${o.type} ${o.uuid} is ${o.state} at step ${o.step} (${o.progress} %): ${o.text} ${o.error_code ?? ''} ${o.error ?? ''} ${o['question'] ? JSON.stringify(o['question']) : ''}`.trimEnd();
}
