import { FAILED_BY, SERVER } from '@spillway/telemetry';
import type { ServerLink } from '../core/connection.js';
import type { PlaneContext } from '../core/context.js';
import type { ServerRuntime } from '../core/server.js';
import type { DatagramHandler, DatagramPeer } from '../transport/seam.js';
import type { UdpFlow } from './flow.js';

/** The server's end of a flow: a socket of its own, so that answers are this flow's and refusals are told. */
export class UdpLink implements DatagramHandler, ServerLink {
  busyPlace = -1;
  work = 0;
  takenAt = 0;
  private readonly peer: DatagramPeer;
  /** When the first datagram was sent, for algorithms that ask; 0 before, -1 once that was answered. */
  private askedAt = 0;

  constructor(
    private readonly context: PlaneContext,
    readonly server: ServerRuntime,
    private flow: UdpFlow | null,
    /** Of the virtual service. */
    servicePort: number,
  ) {
    server.acquire(this);
    server.opening();
    server.taken();
    this.peer = context.transport.connectDatagrams(server.address, server.portFor(servicePort), this);
  }

  send(data: Uint8Array, start: number, end: number): void {
    if (!this.peer.send(data, start, end)) return;
    this.server.count(SERVER.BYTES_OUT, end - start);
    if (this.askedAt === 0 && this.server.feed !== null) this.askedAt = this.context.transport.now();
  }

  onDatagram(data: Uint8Array, start: number, end: number): void {
    this.server.count(SERVER.BYTES_IN, end - start);
    if (this.askedAt > 0) this.answered(this.askedAt);
    this.flow?.fromServer(this, data, start, end);
  }

  private answered(askedAt: number): void {
    const now = this.context.transport.now();
    this.askedAt = -1;
    this.server.feed?.firstByte(this.server.place, (now - askedAt) * 1000, now);
  }

  /** The server refuses what it was sent: nobody listens there, or there is no way to it. */
  onError(code: string): void {
    const { flow } = this;
    if (flow === null) return;
    const kind = code === 'ECONNREFUSED' ? FAILED_BY.REFUSED : FAILED_BY.UNREACHABLE;
    this.server.failed(kind);
    this.server.fault(kind, flow.errors, false);
    this.close();
    flow.linkFailed(this, code);
  }

  serverGone(): void {
    const { flow } = this;
    this.close();
    flow?.linkGone(this);
  }

  close(): void {
    if (this.flow === null) return;
    this.flow = null;
    this.peer.close();
    this.server.closed();
    this.server.release(this);
  }
}
