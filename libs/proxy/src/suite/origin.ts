import net from 'node:net';

export interface Received {
  head: string;
  /** Body as it came, chunk framing included. */
  body: Buffer;
  socket: net.Socket;
  /** Number of the request on its connection, from 1. */
  nth: number;
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/**
 * A server on plain sockets: it shows every byte that came and sends exactly the bytes that a case asks for.
 * `answer` gets each complete request; `early` each head, before its body.
 */
export class Origin {
  port = 0;
  readonly requests: Received[] = [];
  readonly sockets = new Set<net.Socket>();
  connections = 0;
  /** Most connections that neither side had ended at the same time. */
  peak = 0;
  private readonly live = new Set<net.Socket>();
  /** Connections that ended with an error. */
  resets = 0;
  bytesIn = 0;
  answer: (r: Received) => void = (r) => void r.socket.write(OK);
  early: ((head: string, socket: net.Socket) => void) | null = null;
  /** Instead of reading requests: gets the raw connection. */
  raw: ((socket: net.Socket) => void) | null = null;
  private readonly server = net.createServer({ allowHalfOpen: true }, (s) => this.accept(s));

  static async start(answer?: (r: Received) => void): Promise<Origin> {
    const origin = new Origin();
    if (answer !== undefined) origin.answer = answer;
    await origin.listen(0);
    return origin;
  }

  async listen(port: number, address = '127.0.0.1'): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.server.once('error', reject);
    this.server.listen(port, address, () => resolve());
    await promise;
    this.port = (this.server.address() as net.AddressInfo).port;
  }

  /** Listens no more and ends its connections. */
  stop(): void {
    this.server.close();
    for (const s of this.sockets) s.destroy();
  }

  private accept(socket: net.Socket): void {
    this.connections++;
    this.sockets.add(socket);
    this.live.add(socket);
    this.peak = Math.max(this.peak, this.live.size);
    socket.on('end', () => this.live.delete(socket));
    socket.on('error', () => this.resets++);
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.live.delete(socket);
    });
    if (this.raw !== null) {
      this.raw(socket);
      return;
    }
    let buffer = Buffer.alloc(0);
    let nth = 0;
    let head: string | null = null;
    socket.on('end', () => socket.end());
    socket.on('data', (data: Buffer) => {
      this.bytesIn += data.length;
      buffer = Buffer.concat([buffer, data]);
      for (;;) {
        if (head === null) {
          const at = buffer.indexOf('\r\n\r\n');
          if (at < 0) return;
          head = buffer.toString('latin1', 0, at + 4);
          buffer = buffer.subarray(at + 4);
          this.early?.(head, socket);
        }
        const length = bodyLength(head, buffer);
        if (length < 0) return;
        const received: Received = {
          head,
          body: Buffer.from(buffer.subarray(0, length)),
          socket,
          nth: ++nth,
        };
        buffer = buffer.subarray(length);
        head = null;
        this.requests.push(received);
        this.answer(received);
      }
    });
  }
}

/** Bytes of the body at the start of `buffer`; -1 when it is not complete. */
function bodyLength(head: string, buffer: Buffer): number {
  const length = /\r\ncontent-length:\s*(\d+)/i.exec(head);
  if (length !== null) return buffer.length >= Number(length[1]) ? Number(length[1]) : -1;
  if (!/\r\ntransfer-encoding:\s*chunked/i.test(head)) return 0;
  let at = 0;
  for (;;) {
    const eol = buffer.indexOf('\r\n', at);
    if (eol < 0) return -1;
    const size = Number.parseInt(buffer.toString('latin1', at, eol), 16);
    if (size === 0) {
      // Trailer lines up to the empty one.
      let line = eol + 2;
      for (;;) {
        const end = buffer.indexOf('\r\n', line);
        if (end < 0) return -1;
        if (end === line) return end + 2;
        line = end + 2;
      }
    }
    at = eol + 2 + size + 2;
    if (at > buffer.length) return -1;
  }
}
