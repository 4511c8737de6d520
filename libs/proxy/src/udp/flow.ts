import { CLOSED_BY, VS } from '@spillway/telemetry';
import type { UdpProfile } from '@spillway/snapshot';
import { clientKey } from '../core/hash-key.js';
import { asker, type KeptLinks } from '../core/asker.js';
import { Timed } from '../core/clock.js';
import type { Ends, Tracked } from '../core/connection.js';
import type { ErrorRules } from '../core/errors.js';
import { Refusal } from '../core/refusal.js';
import type { ServerRuntime } from '../core/server.js';
import type { Known } from '../persistence/persistence.js';
import { SipFlow } from '../sip/flow.js';
import { serverOf, targetFor, type Target } from '../tcp/target.js';
import type { FlowHash } from './flow-table.js';
import { UdpLink } from './link.js';
import type { UdpPoint } from './point.js';

/** No descriptor is left: more attempts would only cost. */
const EXHAUSTED = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/**
 * The datagrams between one client and an address and port of a virtual service. They go to one server, or, with
 * load balancing per datagram, to several; it ends when nothing has come from either side for the idle time-out.
 */
export class UdpFlow extends Timed implements Tracked, Ends, KeptLinks {
  place = -1;
  /** Where it stands in the flow table; null where flows are not shared. */
  shared: FlowHash | null = null;
  /** One, but with load balancing per datagram one for each server that was chosen. */
  private readonly links: UdpLink[] = [];
  /** What persistence knows of the client; null where the pool has none. */
  private known: Known | null = null;
  /** Takes what comes apart by what it says, where the virtual service is one for SIP. */
  private readonly messages: SipFlow | null;
  /** It refused what it was sent last. */
  failed: ServerRuntime | null = null;
  private why = -1;
  /** All servers were full once. */
  private refused = false;

  constructor(
    private readonly point: UdpPoint,
    readonly address: string,
    readonly port: number,
    private readonly profile: UdpProfile,
    /** Of the server that a worker which died had chosen; 0 for none. */
    private hint: number,
  ) {
    super();
    point.placement.add(this);
    const { sip } = point.placement.service.config.spec;
    this.messages = sip === undefined ? null : new SipFlow(this, sip);
  }

  get remoteAddress(): string {
    return this.address;
  }

  get remotePort(): number {
    return this.port;
  }

  get localAddress(): string {
    return this.point.address;
  }

  get localPort(): number {
    return this.point.boundPort;
  }

  /** What its virtual service takes for errors of servers. */
  get errors(): ErrorRules {
    return this.point.placement.service.config.errors;
  }

  fromClient(data: Uint8Array, start: number, end: number): void {
    const { point } = this;
    point.count(VS.BYTES_IN, end - start);
    point.context.clock.arm(this, this.profile.idle_timeout);
    if (this.messages === null) this.sendOn(data, start, end);
    else this.messages.fromClient(data, start, end);
  }

  /** Sends a datagram to the server of the flow, or to one of its own. */
  sendOn(data: Uint8Array, start: number, end: number): void {
    this.sendTo(this.profile.per_datagram ? this.next() : this.present(), data, start, end);
  }

  /** Sends a datagram, or counts it as dropped where there is nobody to get it. */
  sendTo(link: UdpLink | null, data: Uint8Array, start: number, end: number): void {
    if (link === null) this.point.count(VS.DATAGRAMS_DROPPED, 1);
    else link.send(data, start, end);
  }

  /** Milliseconds, by the coarse clock. */
  get now(): number {
    return this.point.context.clock.coarse;
  }

  fromServer(link: UdpLink, data: Uint8Array, start: number, end: number): void {
    const { point } = this;
    this.messages?.fromServer(link.server, data, start, end);
    point.context.clock.arm(this, this.profile.idle_timeout);
    point.answer(data, start, end, this.address, this.port);
  }

  /** A flow may have several servers: one that it has needs no further socket. */
  keeps(server: ServerRuntime): boolean {
    if (!this.profile.per_datagram && this.messages === null) return false;
    return this.links.some((link) => link.server === server);
  }

  /** Whether the flow may send to a server that nobody has just chosen for it. */
  admitted(server: ServerRuntime): boolean {
    return (server.pool?.admit(server, asker.of(this, this, null, 0).keptBy(this)) ?? null) !== null;
  }

  /** The server does not take this flow's datagrams: the next one goes to another, if there is one. */
  linkFailed(link: UdpLink, code: string): void {
    this.failed = link.server;
    this.linkGone(link);
    if (EXHAUSTED.has(code)) this.kill();
  }

  linkGone(link: UdpLink): void {
    const at = this.links.indexOf(link);
    if (at >= 0) this.links.splice(at, 1);
  }

  /** Nothing has come for as long as the profile allows. */
  override onTimeout(): void {
    this.because(CLOSED_BY.IDLE);
    this.kill();
  }

  because(cause: number): void {
    if (this.why < 0) this.why = cause;
  }

  /** Counts one of the counters of its virtual service (`VS`). */
  count(counter: number): void {
    this.point.count(counter, 1);
  }

  kill(): void {
    if (this.why >= 0) this.point.count(VS.CLOSED + this.why, 1);
    this.point.context.clock.forget(this);
    this.known?.by.ends?.(this.known);
    this.messages?.close();
    for (const link of this.links.splice(0)) link.close();
    this.point.over(this);
  }

  /** The server that it has, unless that is down by now. */
  private present(): UdpLink | null {
    const [link] = this.links;
    if (link !== undefined && !link.server.isDown) return link;
    const server = this.choose(link?.server ?? this.failed);
    // With nobody else to serve it, the flow stays: its server may be slow, and yet able to go on.
    if (server === null || server.isDown) {
      server?.unreserve();
      return link ?? null;
    }
    link?.close();
    this.links.length = 0;
    return this.open(server);
  }

  private next(): UdpLink | null {
    const server = this.choose(this.failed);
    return server === null ? null : this.linkTo(server);
  }

  /** The link to a server, a new one if need be. */
  linkTo(server: ServerRuntime): UdpLink {
    for (const link of this.links) if (link.server === server) return link;
    return this.open(server);
  }

  /** Where the next datagram goes under the running configuration. */
  target(): Target {
    const { address, point } = this;
    const facts = { protocol: 'udp' as const, address, port: point.boundPort, serverName: '' };
    return targetFor(point.placement.service.config, facts);
  }

  /** The server for what has that key, where consistent hash asks for one. */
  serverFor(target: Target, key: number): ServerRuntime | null {
    const server = serverOf(target, asker.of(this, this, null, 0).keptBy(this), this.failed, () => key);
    if (server === null) this.notServed(target);
    return server;
  }

  private choose(avoid: ServerRuntime | null): ServerRuntime | null {
    const target = this.target();
    const among = target.group ?? target.pool;
    const wanted = this.hint === 0 ? null : (among?.byHint(this.hint) ?? null);
    this.hint = 0;
    const { address, port } = this;
    const client = asker.of(this, this, null, 0).keptBy(this);
    if (wanted !== null) return target.pool!.admit(wanted, client);
    client.known = this.known;
    const server = serverOf(target, client, avoid, (hash) => clientKey(hash, address, port));
    if (client.known !== null && client.known !== this.known) this.remember(client.known);
    if (server === null) this.notServed(target);
    return server;
  }

  /** A flow that finds all servers full counts once, however many datagrams it brings. */
  private notServed({ pool }: Target): void {
    if (this.refused || pool?.refusal !== Refusal.Full) return;
    this.refused = true;
    pool.room?.refused();
  }

  private remember(known: Known): void {
    this.known?.by.ends?.(this.known);
    this.known = known;
    known.by.begins?.(known);
  }

  private open(server: ServerRuntime): UdpLink {
    const link = new UdpLink(this.point.context, server, this, this.point.boundPort);
    this.links.push(link);
    this.failed = null;
    this.point.chosen(this, server.hint);
    return link;
  }
}
