import net from 'node:net';
import { until } from './cases.js';

export interface RawResponse {
  head: string;
  status: number;
  body: Buffer;
}

/** A client on a plain socket: sends exactly what it is given and shows every byte that came. */
export class RawClient {
  /** What was received and not taken is its first `length` bytes. */
  private store = Buffer.allocUnsafe(16 * 1024);
  private length = 0;
  bytes = 0;
  /** Count received bytes, and forget them. */
  forget = false;
  ended = false;
  closed = false;
  error: string | null = null;

  constructor(readonly socket: net.Socket) {
    socket.on('data', (d: Buffer) => {
      this.bytes += d.length;
      if (!this.forget) this.append(d);
    });
    socket.on('end', () => (this.ended = true));
    socket.on('error', (e: NodeJS.ErrnoException) => (this.error = e.code ?? e.message));
    socket.on('close', () => (this.closed = true));
  }

  private append(d: Buffer): void {
    if (this.length + d.length > this.store.length) {
      const larger = Buffer.allocUnsafe(2 * (this.length + d.length));
      this.store.copy(larger, 0, 0, this.length);
      this.store = larger;
    }
    d.copy(this.store, this.length);
    this.length += d.length;
  }

  private get buffer(): Buffer {
    return this.store.subarray(0, this.length);
  }

  private drop(bytes: number): void {
    this.store.copyWithin(0, bytes, this.length);
    this.length -= bytes;
  }

  static async open(port: number, address = '127.0.0.1', from?: string): Promise<RawClient> {
    const client = new RawClient(
      net.connect({
        port,
        host: address,
        allowHalfOpen: true,
        noDelay: true,
        ...(from === undefined ? {} : { localAddress: from }),
      }),
    );
    await until(() => !client.socket.connecting || client.closed, 'a client connection');
    if (client.error !== null) throw new Error(`connect: ${client.error}`);
    return client;
  }

  send(data: string | Uint8Array): this {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    return this;
  }

  get text(): string {
    return this.buffer.toString('latin1');
  }

  /** Everything received and not yet taken. */
  take(): Buffer {
    const all = Buffer.from(this.buffer);
    this.length = 0;
    return all;
  }

  /** The next complete response; `toHead` when it answers HEAD. Chunked bodies are decoded. */
  async response(toHead = false, milliseconds = 10_000): Promise<RawResponse> {
    let found: { response: RawResponse; length: number } | null = null;
    await until(
      () => {
        found = parse(this.buffer, toHead, this.ended);
        return found !== null || this.closed;
      },
      `a response (have ${JSON.stringify(this.text.slice(0, 200))})`,
      milliseconds,
    );
    found ??= parse(this.buffer, toHead, this.ended);
    if (found === null)
      throw new Error(`closed without a response: ${this.error ?? 'end'}, ${JSON.stringify(this.text)}`);
    this.drop(found.length);
    return found.response;
  }

  async get(path: string, headers = ''): Promise<RawResponse> {
    return this.send(`GET ${path} HTTP/1.1\r\nHost: test\r\n${headers}\r\n`).response();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  end(): void {
    this.socket.destroy();
  }
}

function parse(b: Buffer, toHead: boolean, ended: boolean): { response: RawResponse; length: number } | null {
  const at = b.indexOf('\r\n\r\n');
  if (at < 0) return null;
  const head = b.toString('latin1', 0, at + 4);
  const status = Number(head.slice(9, 12));
  const start = at + 4;
  const whole = (body: Buffer, length: number): { response: RawResponse; length: number } => ({
    response: { head, status, body },
    length,
  });
  if (toHead || status < 200 || status === 204 || status === 304) return whole(Buffer.alloc(0), start);
  const length = /\r\ncontent-length:\s*(\d+)/i.exec(head);
  if (length !== null) {
    const end = start + Number(length[1]);
    return b.length >= end ? whole(Buffer.from(b.subarray(start, end)), end) : null;
  }
  if (!/\r\ntransfer-encoding:\s*chunked/i.test(head))
    return ended ? whole(Buffer.from(b.subarray(start)), b.length) : null;
  const parts: Buffer[] = [];
  for (let i = start; ;) {
    const eol = b.indexOf('\r\n', i);
    if (eol < 0) return null;
    const size = Number.parseInt(b.toString('latin1', i, eol), 16);
    if (size === 0) {
      const end = b.indexOf('\r\n\r\n', eol);
      return end < 0 ? null : whole(Buffer.concat(parts), end + 4);
    }
    if (b.length < eol + 4 + size) return null;
    parts.push(b.subarray(eol + 2, eol + 2 + size));
    i = eol + 4 + size;
  }
}
