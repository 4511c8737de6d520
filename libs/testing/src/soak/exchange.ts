import net from 'node:net';

const WAIT_MS = 20_000;

export interface Got {
  readonly head: string;
  readonly status: number;
  /** Without chunk framing. */
  readonly body: string;
}

/** The connection ended before a response was whole. */
export class Cut extends Error {}

/** A client's connection that reads one response after the other. */
export class SoakClient {
  #text = '';
  bytes = 0;
  closed = false;
  ended = false;
  #wake: (() => void) | null = null;
  readonly socket: net.Socket;

  private constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (data: string) => {
      this.#text += data;
      this.bytes += data.length;
      this.#wake?.();
    });
    this.socket.on('end', () => {
      this.ended = true;
      this.#wake?.();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
      this.#wake?.();
    });
    this.socket.on('connect', () => this.#wake?.());
  }

  static async open(port: number): Promise<SoakClient> {
    const client = new SoakClient(port);
    await client.until(() => !client.socket.connecting);
    return client;
  }

  /** @returns false when the connection is closed. @throws after 20 s: something hangs */
  async until(probe: () => boolean): Promise<boolean> {
    const deadline = performance.now() + WAIT_MS;
    while (!probe()) {
      if (this.closed) return false;
      if (performance.now() > deadline)
        throw new Error(
          `hangs, with ${this.#text.length} bytes: ${JSON.stringify(this.#text.slice(0, 300))}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    return true;
  }

  send(text: string): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.from(text, 'latin1'));
  }

  /** The next final response. @throws {Cut} */
  async response(toHead = false): Promise<Got> {
    for (;;) {
      let found: ReturnType<typeof parse> = null;
      await this.until(() => (found = parse(this.#text, toHead, this.ended)) !== null);
      found ??= parse(this.#text, toHead, this.ended);
      if (found === null) throw new Cut(`cut short behind ${this.bytes} bytes`);
      const { got, length } = found;
      this.#text = this.#text.slice(length);
      if (got.status >= 200) return got;
    }
  }

  /** What has come and was not taken begins so. */
  begins(text: string): boolean {
    return this.#text.startsWith(text);
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }
}

function parse(text: string, toHead: boolean, ended: boolean): { got: Got; length: number } | null {
  const blank = text.indexOf('\r\n\r\n');
  if (blank < 0) return null;
  const head = text.slice(0, blank + 4);
  const status = Number(head.slice(9, 12));
  const start = blank + 4;
  const whole = (body: string, length: number): { got: Got; length: number } => ({
    got: { head, status, body },
    length,
  });
  if (status < 200 || status === 204 || status === 304 || toHead) return whole('', start);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length !== null) {
    const end = start + Number(length[1]);
    return text.length >= end ? whole(text.slice(start, end), end) : null;
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head))
    return ended ? whole(text.slice(start), text.length) : null;
  let body = '';
  for (let at = start; ;) {
    const eol = text.indexOf('\r\n', at);
    if (eol < 0) return null;
    const size = Number.parseInt(text.slice(at, eol), 16);
    if (size === 0) {
      const end = text.indexOf('\r\n\r\n', eol);
      return end < 0 ? null : whole(body, end + 4);
    }
    if (text.length < eol + 4 + size) return null;
    body += text.slice(eol + 2, eol + 2 + size);
    at = eol + 4 + size;
  }
}
