import { SERVER } from '@spillway/telemetry';
import { Timed } from '../core/clock.js';
import { connectTo } from '../core/connect.js';
import type { ServerLink, TlsFacts } from '../core/connection.js';
import type { PlaneContext } from '../core/context.js';
import type { ServerRuntime } from '../core/server.js';
import type { CloseReason, Socket, SocketHandler, SocketOptions } from '../transport/seam.js';

/**
 * Probes are asked for once a connection is so old. Most are over by then; the wheel lets go of those, so that they need
 * not wait in a list.
 */
const LASTS_MS = 5_000;

/** For whom a connection to a server is: the client's side of it. */
export interface TcpServerUser {
  readonly tls: TlsFacts | null;
  /** What is asked of TCP; null for nothing. */
  readonly options: SocketOptions | null;
  /** Milliseconds of silence after which a peer is asked whether it is there. */
  readonly probes: number;
  /** The port of the virtual service that the client came to. */
  readonly servicePort: number;
  /** A connection was made, in so many milliseconds. */
  connected(server: TcpServer, milliseconds: number): void;
  /** The server is reached: it can be written to. */
  serverOpen(server: TcpServer): void;
  /** Bytes of the server. False: wait for `resume`. */
  fromServer(data: Uint8Array, start: number, end: number): boolean;
  /** The server has taken what was queued for it. */
  serverTakes(): void;
  serverEnded(): void;
  /** The connection to the server is over, or never came to be. */
  serverClosed(server: TcpServer, reason: CloseReason): void;
  /** The connection lasts. */
  keepAlive(): void;
  /** A round trip of the server was measured: microseconds, or -1. */
  sampled(rtt: number): void;
}

/** The server's end of an L4 connection. */
export class TcpServer extends Timed implements SocketHandler, ServerLink {
  readonly asItIs = true;
  busyPlace = -1;
  work = 0;
  takenAt = 0;
  /** The server has been reached. */
  open = false;
  /** Something has come from it. */
  answered = false;
  /** It did not take the connection in time. */
  late = false;
  private socket!: Socket;
  private paused = false;
  private begunAt = 0;
  /** What TLS calls the server, if it speaks it. */
  private readonly name: string;

  constructor(
    private readonly context: PlaneContext,
    readonly server: ServerRuntime,
    private client: TcpServerUser | null,
  ) {
    super();
    this.name = server.pool?.tls?.nameFor(client?.tls?.serverName ?? '') ?? '';
  }

  begin(): this {
    const { server } = this;
    server.acquire(this);
    server.opening();
    this.begunAt = this.context.transport.now();
    this.socket = connectTo(
      this.context,
      server,
      server.portFor(this.client?.servicePort ?? 0),
      this.name,
      this,
    );
    this.context.clock.arm(this, this.server.pool?.spec.connect_timeout ?? 0);
    return this;
  }

  stateName(): string {
    return this.open ? 'busy' : 'connecting';
  }

  heldBytes(): number {
    return this.socket.queued + this.socket.stashed;
  }

  onOpen(): void {
    this.open = true;
    this.server.taken();
    this.context.clock.arm(this, LASTS_MS);
    this.client?.connected(this, this.context.transport.now() - this.begunAt);
    const options = this.client?.options ?? null;
    if (options !== null) this.socket.tune(options);
    this.client?.serverOpen(this);
  }

  onData(data: Uint8Array, start: number, end: number): void {
    this.answered = true;
    this.server.count(SERVER.BYTES_IN, end - start);
    if (this.server.rttDue) this.client?.sampled(this.server.sample(this.socket));
    if (this.client?.fromServer(data, start, end) === false) {
      this.paused = true;
      this.socket.pause();
    }
  }

  onDrain(): void {
    this.client?.serverTakes();
  }

  onEnd(): void {
    this.client?.serverEnded();
  }

  onClose(reason: CloseReason): void {
    this.server.closed();
    this.over(reason);
  }

  /** The connection took too long to come up; or it lasts. */
  override onTimeout(): void {
    if (this.open) {
      if (this.client === null) return;
      this.socket.keepAlive(this.client.probes);
      this.client.keepAlive();
      return;
    }
    this.late = true;
    this.socket.reset();
    this.over('unreachable');
  }

  /** The server is out of service: what it still has ends with a reset. */
  serverGone(): void {
    this.socket.reset();
    this.over('local');
  }

  write(data: Uint8Array, start: number, end: number): boolean {
    this.server.count(SERVER.BYTES_OUT, end - start);
    return this.socket.write(data, start, end);
  }

  end(): void {
    this.socket.shutdown();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }

  clientGone(inOrder: boolean): void {
    this.client = null;
    this.leave();
    if (inOrder) this.socket.close();
    else this.socket.reset();
  }

  private over(reason: CloseReason): void {
    this.leave();
    const { client } = this;
    this.client = null;
    client?.serverClosed(this, reason);
  }

  private leave(): void {
    if (!this.open && this.busyPlace >= 0) this.server.count(SERVER.UNSENT, 1);
    this.context.clock.forget(this);
    this.server.release(this);
  }
}
