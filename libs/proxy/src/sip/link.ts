import type { PlaneContext } from '../core/context.js';
import type { TlsFacts } from '../core/connection.js';
import type { ServerRuntime } from '../core/server.js';
import { Held } from '../http1/held.js';
import { TcpServer, type TcpServerUser } from '../tcp/server.js';
import type { CloseReason, SocketOptions } from '../transport/seam.js';
import type { SipClient } from './client.js';
import { Frames, type FrameUser } from './frames.js';
import type { SipMessage } from './message.js';

/** Bytes that may wait for a server that is not reached yet; then its client is not read any more. */
const MOST_HELD = 64 * 1024;

/** A client's connection to one of its servers: whole messages go each way. */
export class SipLink implements TcpServerUser, FrameUser {
  private readonly tcp: TcpServer;
  private readonly frames = new Frames(this);
  /** Messages for a server that is not reached yet. */
  private held: Held | null = null;
  private taken = true;

  /** @param attempts servers that were tried in vain before, for the messages that this one is for */
  constructor(
    private readonly client: SipClient,
    context: PlaneContext,
    readonly server: ServerRuntime,
    readonly attempts: number,
  ) {
    this.tcp = new TcpServer(context, server, this);
  }

  begin(): this {
    this.tcp.begin();
    return this;
  }

  get tls(): TlsFacts | null {
    return this.client.tls;
  }

  get options(): SocketOptions | null {
    return this.client.options;
  }

  get probes(): number {
    return this.client.probes;
  }

  get servicePort(): number {
    return this.client.socket.localPort;
  }

  get heldBytes(): number {
    return (this.held?.data.length ?? 0) + this.frames.heldBytes + this.tcp.heldBytes();
  }

  /** Sends a whole message. False: wait for `linkTakes`. */
  send(b: Uint8Array, start: number, end: number): boolean {
    if (this.tcp.open) return this.tcp.write(b, start, end);
    if (this.held === null) this.held = new Held(b, start, end);
    else this.held.append(b, start, end);
    return this.held.length <= MOST_HELD;
  }

  /** What was never sent. */
  takeHeld(): Held | null {
    const { held } = this;
    this.held = null;
    return held;
  }

  resume(): void {
    this.tcp.resume();
  }

  clientGone(inOrder: boolean): void {
    this.tcp.clientGone(inOrder);
  }

  connected(_tcp: TcpServer, milliseconds: number): void {
    this.client.linkConnected(this.server, milliseconds);
  }

  serverOpen(tcp: TcpServer): void {
    const held = this.takeHeld();
    if (held === null || tcp.write(held.data, held.start, held.end)) this.client.linkTakes();
  }

  fromServer(data: Uint8Array, start: number, end: number): boolean {
    this.taken = true;
    if (!this.frames.take(data, start, end)) this.client.linkMalformed(this);
    return this.taken;
  }

  message(message: SipMessage, b: Uint8Array, start: number, end: number): boolean {
    this.taken = this.client.fromLink(this, message, b, start, end);
    return true;
  }

  ping(): void {
    if (this.tcp.open) this.tcp.write(PONG, 0, PONG.length);
  }

  serverTakes(): void {
    this.client.linkTakes();
  }

  /** A server that has ended its direction has nothing more to say: the next message gets a new connection. */
  serverEnded(): void {
    this.tcp.clientGone(true);
    this.client.linkEnded(this);
  }

  serverClosed(tcp: TcpServer, reason: CloseReason): void {
    this.client.linkClosed(this, tcp, reason);
  }

  keepAlive(): void {
    this.client.keepAlive();
  }

  sampled(rtt: number): void {
    this.client.linkSampled(rtt);
  }
}

/** The answer to two empty lines. */
export const PONG = Buffer.from('\r\n');
