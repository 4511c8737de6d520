import { Agent, request as httpsRequest } from 'node:https';

/** The API refused: status and what it said. */
export class ApiError extends Error {
  readonly code = 'api';

  constructor(
    readonly status: number,
    call: string,
    body: string,
  ) {
    super(`${call} answered ${status}: ${body.slice(0, 500)}`);
  }
}

/** Where the API is, whose CA signed for it, and who we are. */
export interface ApiAccess {
  url: string;
  ca: string;
  username: string;
  password: string;
}

interface Reply {
  status: number;
  cookies: string[];
  body: string;
}

/** A list of objects, as the API answers it. */
export interface ApiList<T> {
  count: number;
  results: T[];
}

const timeoutMs = 10_000;

/** A session with the REST API, as any client of it has. */
export class ApiClient {
  readonly #agent: Agent;
  #headers: Record<string, string> = {};

  private constructor(private readonly access: ApiAccess) {
    this.#agent = new Agent({ keepAlive: true, ca: access.ca });
  }

  /** Logs in. @throws ApiError 401 when the password is not (or no longer) the right one */
  static async login(access: ApiAccess): Promise<ApiClient> {
    const client = new ApiClient(access);
    const { username, password } = access;
    const reply = await client.#send('POST', '/login', { username, password });
    const cookies = reply.cookies.map((cookie) => cookie.split(';')[0] ?? '');
    const csrf = cookies.find((cookie) => cookie.startsWith('csrftoken='))?.slice('csrftoken='.length) ?? '';
    client.#headers = {
      Cookie: cookies.join('; '),
      'X-CSRFToken': csrf,
      Referer: access.url,
      'X-Avi-Tenant': 'admin',
    };
    return client;
  }

  async get<T>(path: string): Promise<T> {
    return await this.#json<T>('GET', path);
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return await this.#json<T>('POST', path, body);
  }

  async put<T>(path: string, body: unknown): Promise<T> {
    return await this.#json<T>('PUT', path, body);
  }

  /** Ends the connections of the session. */
  close(): void {
    this.#agent.destroy();
  }

  async #json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const reply = await this.#send(method, path, body);
    const value: T = JSON.parse(reply.body);
    return value;
  }

  async #send(method: string, path: string, body?: unknown): Promise<Reply> {
    const reply = await new Promise<Reply>((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const request = httpsRequest(
        new URL(path, this.access.url),
        {
          method,
          agent: this.#agent,
          timeout: timeoutMs,
          headers: {
            Accept: 'application/json',
            ...(text
              ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }
              : {}),
            ...this.#headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              cookies: response.headers['set-cookie'] ?? [],
              body: Buffer.concat(chunks).toString(),
            }),
          );
        },
      );
      request.once('timeout', () =>
        request.destroy(new Error(`${method} ${path}: no answer in ${timeoutMs} ms`)),
      );
      request.once('error', reject);
      request.end(text);
    });
    if (reply.status < 200 || reply.status > 299)
      throw new ApiError(reply.status, `${method} ${path}`, reply.body);
    return reply;
  }
}
