import { CLOSED_BY, FAILED_BY, VS, VS_HISTOGRAM } from '@spillway/telemetry';
import type { SipProfile, TcpProfile } from '@spillway/snapshot';
import { asker, type Asker, type KeptLinks } from '../core/asker.js';
import { ClientConnection } from '../core/connection.js';
import type { OwnFacts } from '../core/describe.js';
import { Refusal } from '../core/refusal.js';
import type { ServerRuntime } from '../core/server.js';
import { FAILURE, MOST_ATTEMPTS, tcpProfileOf } from '../tcp/client.js';
import type { TcpServer } from '../tcp/server.js';
import { serverOf, type Target } from '../tcp/target.js';
import type { CloseReason, SocketOptions } from '../transport/seam.js';
import { Calls } from './calls.js';
import { Frames, type FrameUser } from './frames.js';
import { callKey } from './key.js';
import { PONG, SipLink } from './link.js';
import { INCOMPLETE, MALFORMED, SipMessage } from './message.js';

/** TCP keep-alive probes, milliseconds. */
const PROBES_MS = 60_000;

/**
 * A client's connection to a virtual service for SIP whose pool goes by Call-ID (pools document, Callid): every message
 * goes to the server of its call, so that the calls of one connection may be at several servers. Messages pass as they
 * are.
 */
export class SipClient extends ClientConnection implements FrameUser, KeptLinks {
  private readonly profile: TcpProfile;
  private readonly calls: Calls;
  private readonly frames = new Frames(this);
  private readonly links = new Map<ServerRuntime, SipLink>();
  private paused = false;
  private over = false;

  /** @param target where a new call goes under the running configuration */
  constructor(
    private readonly target: () => Target,
    sip: SipProfile,
    ...args: ConstructorParameters<typeof ClientConnection>
  ) {
    super(...args);
    this.profile = tcpProfileOf(this.placement, this.service);
    this.calls = new Calls(sip.transaction_timeout, () => this.count(VS.CALLS_EVICTED, 1));
  }

  begin(): this {
    this.touch();
    return this;
  }

  protected override doing(): OwnFacts {
    return {
      protocol: 'sip',
      state: this.links.size === 0 ? 'idle' : 'open',
      server: [...this.links.keys()].map((s) => s.key).join(' '),
    };
  }

  override heldBytes(): number {
    let bytes = super.heldBytes() + this.frames.heldBytes;
    for (const link of this.links.values()) bytes += link.heldBytes;
    return bytes;
  }

  get options(): SocketOptions | null {
    return this.placement.service.config.options;
  }

  get probes(): number {
    return this.profile.probe_interval ?? PROBES_MS;
  }

  onData(data: Uint8Array, start: number, end: number): void {
    this.count(VS.BYTES_IN, end - start);
    if (this.placement.service.rttDue) this.placement.service.sampleClient(this.socket);
    this.touch();
    if (this.over || this.frames.take(data, start, end)) return;
    this.because(CLOSED_BY.HANDSHAKE);
    this.kill();
  }

  message(message: SipMessage, b: Uint8Array, start: number, end: number): boolean {
    this.route(callKey(b, message), b, start, end, null);
    return !this.over;
  }

  ping(): void {
    this.write(PONG, 0, PONG.length);
  }

  onDrain(): void {
    this.touch();
    for (const link of this.links.values()) link.resume();
  }

  /** Who has ended its direction takes no answer either (RFC 3261 section 18.4): the connection is closed. */
  onEnd(): void {
    this.end(true);
    this.socket.close();
  }

  override onClose(reason: CloseReason): void {
    super.onClose(reason);
    this.end(reason === 'end');
  }

  override onTimeout(): void {
    this.because(CLOSED_BY.IDLE);
    this.kill();
  }

  kill(): void {
    this.over = true;
    this.socket.reset();
  }

  keepAlive(): void {
    this.socket.keepAlive(this.probes);
  }

  linkConnected(server: ServerRuntime, milliseconds: number): void {
    server.opened(milliseconds);
    this.placement.service.record(VS_HISTOGRAM.SERVER_CONNECT, milliseconds * 1000);
  }

  linkSampled(rtt: number): void {
    if (rtt >= 0) this.placement.service.record(VS_HISTOGRAM.SERVER_RTT, rtt);
  }

  linkTakes(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }

  /** A message of a server. Calls that it begins stay with it. False: the client takes no more for now. */
  fromLink({ server }: SipLink, message: SipMessage, b: Uint8Array, start: number, end: number): boolean {
    if (this.over) return true;
    this.touch();
    if (message.status >= 200) server.answeredCall(message.status, this.placement.service.config.errors);
    this.calls.set(callKey(b, message), server, this.context.clock.coarse);
    return this.write(b, start, end);
  }

  /** What comes from the server is no SIP. */
  linkMalformed(link: SipLink): void {
    link.server.failed(FAILED_BY.MALFORMED);
    link.server.fault(FAILED_BY.MALFORMED, this.placement.service.config.errors, false);
    link.clientGone(false);
    this.linkEnded(link);
  }

  linkEnded(link: SipLink): void {
    if (this.links.get(link.server) === link) this.links.delete(link.server);
    this.linkTakes();
  }

  /** A connection to a server is over. Messages that it never got go to another one. */
  linkClosed(link: SipLink, tcp: TcpServer, reason: CloseReason): void {
    this.linkEnded(link);
    if (tcp.open || reason === 'local') return;
    const { server } = link;
    const kind = tcp.late ? FAILED_BY.CONNECT_TIMEOUT : FAILURE[reason];
    server.failed(kind);
    server.fault(kind, this.placement.service.config.errors, true);
    const held = link.takeHeld();
    if (this.over || held === null) return;
    if (link.attempts + 1 >= MOST_ATTEMPTS) {
      this.kill();
      return;
    }
    const read = new SipMessage();
    for (let at = held.start; at < held.end && !this.over;) {
      const length = read.scan(held.data, at, held.end, true);
      if (length === INCOMPLETE || length === MALFORMED) return;
      this.route(callKey(held.data, read), held.data, at, at + length, link);
      at += length;
    }
  }

  /** @param failed the link whose server could not be reached for it; null at first */
  private route(key: number, b: Uint8Array, start: number, end: number, failed: SipLink | null): void {
    const now = this.context.clock.coarse;
    const known = failed === null ? this.calls.find(key, now) : null;
    const server = known === null ? this.choose(key, failed?.server ?? null) : this.admitted(known);
    if (server === null) {
      this.because(CLOSED_BY.SERVER);
      this.kill();
      return;
    }
    if (known === null) this.calls.set(key, server, now);
    if (!this.linkTo(server, failed).send(b, start, end)) this.pause();
  }

  private choose(key: number, avoid: ServerRuntime | null): ServerRuntime | null {
    const target = this.target();
    const server = serverOf(target, this.ask(), avoid, () => key);
    if (server === null && target.pool?.refusal === Refusal.Full) target.pool.room?.refused();
    return server;
  }

  /** One that a call has had, with a place where the pool limits connections. */
  private admitted(server: ServerRuntime): ServerRuntime | null {
    return server.pool?.admit(server, this.ask()) ?? null;
  }

  private ask(): Asker {
    return asker.of(this.ends, this.socket, this.tls, 0).keptBy(this);
  }

  keeps(server: ServerRuntime): boolean {
    return this.links.has(server);
  }

  private linkTo(server: ServerRuntime, failed: SipLink | null): SipLink {
    const link = this.links.get(server);
    if (link !== undefined) return link;
    const made = new SipLink(this, this.context, server, failed === null ? 0 : failed.attempts + 1);
    this.links.set(server, made);
    return made.begin();
  }

  private end(inOrder: boolean): void {
    this.over = true;
    this.calls.close();
    for (const link of this.links.values()) link.clientGone(inOrder);
    this.links.clear();
  }

  private pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  private touch(): void {
    this.context.clock.arm(this, this.profile.idle_timeout);
  }
}
