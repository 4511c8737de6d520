import { connect, type Socket } from 'node:net';
import { connectFailure, RequestAborted, RequestFailure } from './failure.js';
import {
  hasConnectionOption,
  MalformedResponse,
  type ResponseHead,
  ResponseParser,
} from './response-parser.js';

/** Where and how to connect. */
export interface ConnectOptions {
  host: string;
  port: number;
  localAddress?: string;
  /** Milliseconds until `connect_timeout`. Default 5,000. */
  connectTimeout?: number;
}

/** One request. */
export interface RequestSpec {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: Buffer;
  /** Milliseconds from sending to the end of the response. Default 10,000. */
  timeout?: number;
  /** Instead of keeping the body: called with each part. */
  onBody?: (chunk: Buffer) => void;
  onHead?: (head: ResponseHead) => void;
}

/** A complete response. */
export interface Response {
  head: ResponseHead;
  /** Empty when the request had `onBody`. */
  body: Buffer;
  /** Bytes behind a 101: they belong to the upgraded protocol. */
  rest: Buffer;
}

/** How a connection ended. */
export type ConnectionEnd =
  | 'open'
  | 'closed_by_us'
  | 'closed_as_announced'
  | 'closed_idle'
  | 'reset_idle'
  | 'unsolicited_data'
  | 'closed_in_request'
  | 'reset_in_request';

interface Exchange {
  parser: ResponseParser;
  head?: ResponseHead;
  chunks: Buffer[];
  size: number;
  resolve: (response: Response) => void;
  reject: (failure: RequestFailure | RequestAborted) => void;
  timer: NodeJS.Timeout;
}

/** Wall clock in milliseconds with fractions: comparable between the processes of one machine. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * One HTTP/1.1 client connection over a bare socket. It does one request at a time and never retries,
 * pools or hides anything: what happens on the wire is what its caller sees.
 */
export class ClientConnection {
  readonly openedAt = now();
  readonly localPort: number;
  requests = 0;
  /** When a response with `Connection: close` was read (ms since the epoch). */
  announcedAt: number | undefined;
  closedAt: number | undefined;
  ended: ConnectionEnd = 'open';
  /** After a 101: takes over the bytes and the end of the connection. */
  onUpgraded:
    | { data(chunk: Buffer): void; end(how: 'closed' | 'reset'): void; /** We closed it. */ abort?(): void }
    | undefined;
  #exchange: Exchange | undefined;
  #upgraded = false;

  private constructor(
    private readonly socket: Socket,
    private readonly authority: string,
  ) {
    this.localPort = socket.localPort!;
    socket.on('data', (chunk) => this.#data(chunk as Buffer));
    socket.on('end', () => this.#closed('closed'));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#closed('reset', error.code));
    socket.on('close', () => this.#closed('closed'));
  }

  /** @throws RequestFailure with a reason of connecting. */
  static open(options: ConnectOptions): Promise<ClientConnection> {
    const { host, port, localAddress, connectTimeout = 5_000 } = options;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, ...(localAddress && { localAddress }), noDelay: true });
      const timer = setTimeout(() => {
        socket.destroy();
        reject(
          new RequestFailure(
            'connect_timeout',
            `no connection to ${host} port ${port} within ${connectTimeout} ms`,
          ),
        );
      }, connectTimeout);
      const failed = (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        socket.destroy();
        reject(connectFailure(error));
      };
      socket.once('error', failed);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', failed);
        resolve(new ClientConnection(socket, host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`));
      });
    });
  }

  /** May another request be sent here? */
  get usable(): boolean {
    return this.ended === 'open' && this.announcedAt === undefined && !this.#exchange && !this.#upgraded;
  }

  /** Sends a request and waits for its complete response. @throws RequestFailure */
  request(spec: RequestSpec): Promise<Response> {
    if (!this.usable) throw new Error(`connection is not usable for a request (${this.ended})`);
    const method = spec.method ?? 'GET';
    const timeout = spec.timeout ?? 10_000;
    this.requests++;
    return new Promise((resolve, reject) => {
      const exchange: Exchange = {
        chunks: [],
        size: 0,
        resolve,
        reject,
        timer: setTimeout(() => this.#timeout(timeout), timeout),
        parser: new ResponseParser(method, {
          head: (head) => {
            exchange.head = head;
            if (hasConnectionOption(head, 'close')) this.announcedAt = now();
            spec.onHead?.(head);
          },
          body: (chunk) => {
            exchange.size += chunk.length;
            if (spec.onBody) spec.onBody(chunk);
            else exchange.chunks.push(Buffer.from(chunk));
          },
        }),
      };
      this.#exchange = exchange;
      this.socket.write(this.#serialize(method, spec), 'latin1');
      if (spec.body) this.socket.write(spec.body);
    });
  }

  /** Uses the connection for bare bytes from now on, without HTTP; `onUpgraded` gets them. */
  beginRaw(): void {
    this.#upgraded = true;
  }

  /** Ends a request that the caller takes for failed, and the connection with it. */
  giveUp(failure: RequestFailure): void {
    this.#fail(failure);
  }

  /** Raw bytes of an upgraded connection. */
  write(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Closes with FIN. */
  close(): void {
    this.#mark(this.announcedAt === undefined ? 'closed_by_us' : 'closed_as_announced');
    this.#abort();
    this.socket.end();
    this.socket.destroySoon();
  }

  /** Closes with RST: leaves no TIME_WAIT behind. */
  reset(): void {
    this.#mark('closed_by_us');
    this.#abort();
    this.socket.resetAndDestroy();
  }

  #abort(): void {
    this.onUpgraded?.abort?.();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (!exchange) return;
    clearTimeout(exchange.timer);
    exchange.reject(new RequestAborted());
  }

  #serialize(method: string, spec: RequestSpec): string {
    let text = `${method} ${spec.path} HTTP/1.1\r\nHost: ${this.authority}\r\n`;
    for (const [name, value] of Object.entries(spec.headers ?? {})) text += `${name}: ${value}\r\n`;
    if (spec.body) text += `Content-Length: ${spec.body.length}\r\n`;
    return `${text}\r\n`;
  }

  #data(chunk: Buffer): void {
    if (this.#upgraded) {
      this.onUpgraded?.data(chunk);
      return;
    }
    const exchange = this.#exchange;
    if (!exchange) {
      this.#mark('unsolicited_data');
      this.socket.destroy();
      return;
    }
    let rest: Buffer;
    try {
      rest = exchange.parser.push(chunk);
    } catch (error) {
      if (error instanceof RequestFailure) this.#fail(error);
      else if (error instanceof MalformedResponse) this.#fail(new RequestFailure('malformed', error.message));
      else throw error;
      return;
    }
    if (exchange.parser.done) this.#complete(exchange, rest);
  }

  #complete(exchange: Exchange, rest: Buffer): void {
    const head = exchange.head!;
    if (rest.length > 0 && head.status !== 101) {
      this.#fail(
        new RequestFailure('malformed', `${rest.length} bytes behind the end of the response`, head.status),
      );
      return;
    }
    clearTimeout(exchange.timer);
    this.#exchange = undefined;
    if (head.status === 101) this.#upgraded = true;
    exchange.resolve({ head, body: Buffer.concat(exchange.chunks), rest });
  }

  #closed(how: 'closed' | 'reset', code?: string): void {
    if (this.ended !== 'open') return;
    const exchange = this.#exchange;
    if (this.#upgraded) {
      this.#mark(how === 'reset' ? 'reset_in_request' : 'closed_in_request');
      this.onUpgraded?.end(how);
    } else if (!exchange) {
      const expected = this.announcedAt !== undefined && how === 'closed';
      this.#mark(expected ? 'closed_as_announced' : how === 'reset' ? 'reset_idle' : 'closed_idle');
    } else if (how === 'closed' && exchange.parser.end()) {
      this.announcedAt ??= now();
      this.#complete(exchange, Buffer.alloc(0));
      this.#mark('closed_as_announced');
    } else {
      this.#mark(how === 'reset' ? 'reset_in_request' : 'closed_in_request');
      this.#fail(cutFailure(exchange, how, code));
    }
    this.socket.destroy();
  }

  #timeout(limit: number): void {
    const exchange = this.#exchange;
    if (!exchange) return;
    const seen = exchange.parser.begun ? `response unfinished (${exchange.size} body bytes)` : 'no response';
    this.#fail(new RequestFailure('timeout', `${seen} after ${limit} ms`, exchange.head?.status));
  }

  #fail(failure: RequestFailure): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#mark('closed_by_us');
    this.socket.destroy();
    if (exchange) {
      clearTimeout(exchange.timer);
      exchange.reject(failure);
    }
  }

  #mark(end: ConnectionEnd): void {
    if (this.ended !== 'open') return;
    this.ended = end;
    this.closedAt = now();
  }
}

function cutFailure(exchange: Exchange, how: 'closed' | 'reset', code = 'FIN'): RequestFailure {
  if (!exchange.parser.begun) {
    const reason = how === 'reset' ? 'reset_before_response' : 'closed_before_response';
    return new RequestFailure(reason, `${code} before the first byte of the response`);
  }
  return new RequestFailure(
    'truncated',
    `${code} after ${exchange.size} bytes of the body`,
    exchange.head?.status,
  );
}
