import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { patternBytes } from '../http/pattern.js';
import {
  normalBehaviour,
  type Origin,
  type OriginBehaviour,
  type OriginCounters,
  type OriginSpec,
  zeroCounters,
} from './behaviour.js';
import { Line } from './line.js';
import { Listener } from './listener.js';

/** Milliseconds between two lines of `/stream`. */
export const STREAM_INTERVAL = 100;
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * An HTTP/1.1 origin server. Every response carries `X-Origin: <name>`.
 *
 * - `/` and every path without a meaning: `<name>\n`
 * - `/health`, `/delay/<ms>`, `/status/<code>`
 * - `/bytes/<n>` (Content-Length), `/chunked/<n>`: the pattern of `patternBytes`
 * - `/stream`: a line `<count> <name>` every 100 ms until the client goes
 * - `/echo`: the request head as JSON (`rawHeaders` in order, method, url, remote address and port)
 * - `/body`: the request's body back
 * - `?field=<name>:<value>`, on any path and as often as wanted: a field of the response
 * - `Upgrade: echo`: 101, then every byte back
 */
export class HttpOrigin implements Origin {
  readonly kind = 'http';
  readonly name: string;
  readonly #server: Server;
  readonly #listener: Listener;
  readonly #counters = zeroCounters();
  readonly #behaviour: OriginBehaviour;
  readonly #line = new Line();

  private constructor(spec: OriginSpec) {
    this.name = spec.name;
    this.#behaviour = { ...normalBehaviour, ...spec.behaviour };
    this.#server = createServer((request, response) => this.#request(request, response));
    this.#server.requestTimeout = 0;
    this.#server.headersTimeout = 0;
    this.#server.timeout = 0;
    this.#server.maxRequestsPerSocket = 0;
    this.#server.keepAliveTimeout = this.#behaviour.keepAliveTimeout;
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('clientError', (_error, socket) => {
      this.#counters.refusedHeads++;
      socket.destroy();
    });
    this.#listener = new Listener(this.#server, spec.host ?? '127.0.0.1', spec.port ?? 0, this.#counters);
  }

  static async start(spec: OriginSpec): Promise<HttpOrigin> {
    const origin = new HttpOrigin(spec);
    await origin.#listener.listen();
    return origin;
  }

  get host(): string {
    return this.#listener.host;
  }

  get port(): number {
    return this.#listener.port;
  }

  async set(behaviour: Partial<OriginBehaviour>): Promise<void> {
    Object.assign(this.#behaviour, behaviour);
    this.#server.keepAliveTimeout = this.#behaviour.keepAliveTimeout;
  }

  async counters(): Promise<OriginCounters> {
    return this.#listener.readCounters();
  }

  async goAway(connections: 'keep' | 'close' | 'reset' = 'reset'): Promise<void> {
    this.#listener.goAway(connections);
  }

  async comeBack(): Promise<void> {
    if (!this.#listener.listening) await this.#listener.listen();
  }

  async resetConnections(): Promise<void> {
    this.#listener.resetAll();
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => undefined);
    response.setHeader('X-Origin', this.name);
    if (this.#behaviour.closeAfterResponse) response.setHeader('Connection', 'close');
    const answer = () => this.#route(request, response);
    const serve = () => {
      if (this.#behaviour.delay > 0) setTimeout(answer, this.#behaviour.delay);
      else answer();
    };
    if (request.url === '/health') serve();
    else response.once('close', this.#line.enter(this.#behaviour.concurrency, serve));
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const [path = '', query = ''] = request.url!.split('?', 2);
    addFields(response, query);
    if (path === '/health') {
      this.#health(response);
      return;
    }
    const n = ++this.#counters.requests;
    const { respond, resetEvery, truncateEvery, corruptEvery } = this.#behaviour;
    if (respond === 'hang') return;
    if (respond === 'reset' || every(n, resetEvery)) {
      this.#counters.resets++;
      request.socket.resetAndDestroy();
      return;
    }
    const reply = this.#reply(path, request, response);
    if (!reply) return;
    if (every(n, truncateEvery)) this.#truncate(response, reply);
    else if (every(n, corruptEvery)) this.#corrupt(response, reply);
    else {
      response.statusCode = reply.status ?? this.#behaviour.status;
      if (reply.chunked) {
        for (let at = 0; at < reply.body.length; at += 1000)
          response.write(reply.body.subarray(at, at + 1000));
        response.end();
      } else response.end(reply.body);
    }
  }

  /** What a path answers; undefined when it answers by itself. */
  #reply(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): { body: Buffer; status?: number; chunked?: boolean } | undefined {
    const [, verb = '', arg] = path.split('/');
    const n = Number(arg);
    switch (verb) {
      case 'delay':
        setTimeout(() => response.end(`${this.name}\n`), n || 0);
        return undefined;
      case 'bytes':
      case 'chunked':
        return { body: patternBytes(Math.min(n || 0, MAX_BYTES)), chunked: verb === 'chunked' };
      case 'status':
        return { status: n >= 200 && n <= 599 ? n : 400, body: Buffer.from(`${this.name}\n`) };
      case 'stream':
        this.#stream(response);
        return undefined;
      case 'echo':
        response.setHeader('Content-Type', 'application/json');
        return { body: Buffer.from(JSON.stringify(describeRequest(this.name, request))) };
      case 'body':
        request.pipe(response);
        return undefined;
      default:
        return { body: Buffer.from(`${this.name}\n`) };
    }
  }

  #health(response: ServerResponse): void {
    this.#counters.healthChecks++;
    const { health } = this.#behaviour;
    if (health === 'hang') return;
    response.statusCode = health === 'ok' ? 200 : 503;
    response.end(`${health}\n`);
  }

  #stream(response: ServerResponse): void {
    this.#counters.streams++;
    let count = 0;
    const line = () => response.write(`${count++} ${this.name}\n`);
    line();
    const timer = setInterval(line, STREAM_INTERVAL);
    response.once('close', () => clearInterval(timer));
  }

  #truncate(response: ServerResponse, reply: { body: Buffer }): void {
    this.#counters.truncations++;
    response.setHeader('Content-Length', reply.body.length + (reply.body.length === 0 ? 1 : 0));
    response.flushHeaders();
    response.write(reply.body.subarray(0, Math.floor(reply.body.length / 2)), () => response.socket?.end());
  }

  #corrupt(response: ServerResponse, reply: { body: Buffer; status?: number }): void {
    this.#counters.corruptions++;
    const body = Buffer.from(reply.body);
    if (body.length > 0) body[body.length >> 1]! ^= 1;
    response.statusCode = reply.status ?? 200;
    response.end(body);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.headers.upgrade?.toLowerCase() !== 'echo') {
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    this.#counters.upgrades++;
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Origin: ${this.name}\r\n\r\n`,
    );
    if (head.length > 0) socket.write(head);
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  }
}

/** What `/echo` answers. */
export interface EchoedRequest {
  origin: string;
  method: string;
  url: string;
  httpVersion: string;
  /** Names and values as received, in order. */
  rawHeaders: [string, string][];
  remoteAddress: string;
  remotePort: number;
}

/** What the query asks to be in the head. */
function addFields(response: ServerResponse, query: string): void {
  for (const field of new URLSearchParams(query).getAll('field')) {
    const at = field.indexOf(':');
    if (at > 0) response.appendHeader(field.slice(0, at), field.slice(at + 1));
  }
}

function describeRequest(origin: string, request: IncomingMessage): EchoedRequest {
  const rawHeaders: [string, string][] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    rawHeaders.push([request.rawHeaders[i]!, request.rawHeaders[i + 1]!]);
  }
  return {
    origin,
    method: request.method!,
    url: request.url!,
    httpVersion: request.httpVersion,
    rawHeaders,
    remoteAddress: request.socket.remoteAddress ?? '',
    remotePort: request.socket.remotePort ?? 0,
  };
}

function every(n: number, period: number): boolean {
  return period > 0 && n % period === 0;
}
