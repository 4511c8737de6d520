import net from 'node:net';
import tls from 'node:tls';
import { Http2Raw, settingsFrame, type Field, type StreamSeen } from './http2-client.js';

/** A request as it came on a stream. */
export interface Http2Received {
  connection: Http2Raw;
  id: number;
  seen: StreamSeen;
}

export const valueOf = (fields: readonly Field[] | undefined, name: string): string | undefined =>
  fields?.find(([n]) => n === name)?.[1];

/** A server of HTTP/2 with prior knowledge that shows every frame; `answer` gets each complete request. */
export class Http2Origin {
  port = 0;
  readonly connections: Http2Raw[] = [];
  answer: (r: Http2Received) => void = ({ connection, id }) => {
    connection.headers(id, [[':status', '200']], false);
    connection.body(id, 'ok');
  };
  /** Gets each request when its head has come. */
  early: ((r: Http2Received) => void) | null = null;
  settings: [number, number][] = [];
  private readonly sockets = new Set<net.Socket>();
  private readonly server: net.Server;

  private constructor(secure: tls.TlsOptions | null) {
    this.server =
      secure === null
        ? net.createServer({ allowHalfOpen: true, noDelay: true }, (s) => this.accept(s))
        : tls.createServer(secure, (s) => this.accept(s));
  }

  /** @param secure with TLS */
  static async start(
    answer?: (r: Http2Received) => void,
    settings: [number, number][] = [],
    secure: tls.TlsOptions | null = null,
    at = { port: 0, address: '127.0.0.1' },
  ): Promise<Http2Origin> {
    const origin = new Http2Origin(secure);
    if (answer !== undefined) origin.answer = answer;
    origin.settings = settings;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    origin.server.once('error', reject);
    origin.server.listen(at.port, at.address, () => resolve());
    await promise;
    origin.port = (origin.server.address() as net.AddressInfo).port;
    return origin;
  }

  stop(): void {
    this.server.close();
    for (const s of this.sockets) s.destroy();
  }

  /** Streams of all connections, in the order of each. */
  get requests(): StreamSeen[] {
    return this.connections.flatMap((c) => [...c.streams.values()]);
  }

  private accept(socket: net.Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    const connection = new Http2Raw(socket);
    connection.isServer = true;
    this.connections.push(connection);
    const told = new Set<number>();
    const answered = new Set<number>();
    connection.onStream = (id, seen) => {
      const received = { connection, id, seen };
      if (!told.has(id)) {
        told.add(id);
        this.early?.(received);
      }
      if (!seen.ended || answered.has(id)) return;
      answered.add(id);
      this.answer(received);
    };
    connection.write(settingsFrame(...this.settings));
  }
}
