import type { ConsistentHash, TcpProfile } from '@spillway/snapshot';
import { CLOSED_BY, FAILED_BY, VS, VS_HISTOGRAM } from '@spillway/telemetry';
import { asker } from '../core/asker.js';
import { chooseBackup, failActionOf } from '../core/backup.js';
import { ClientConnection } from '../core/connection.js';
import { clientKey } from '../core/hash-key.js';
import { applicationOf } from '../core/point.js';
import type { OwnFacts } from '../core/describe.js';
import { Refusal, type Pool } from '../core/pool.js';
import { PoolGroup } from '../core/pool-group.js';
import { poolFor } from '../core/service.js';
import type { ServerRuntime } from '../core/server.js';
import type { Known } from '../persistence/persistence.js';
import { Held } from '../http1/held.js';
import type { CloseReason, SocketOptions } from '../transport/seam.js';
import { writeHeader } from '../proxy-protocol/header.js';
import type { L4Rules, L4Target } from './rules.js';
import { ServerNameLayer } from './server-name.js';
import { TcpServer } from './server.js';

/** Servers that are tried for one connection. */
const MOST_ATTEMPTS = 3;
/** Bytes that are taken before the server is reached; to pause and resume for less costs more than to hold it. */
const MOST_HELD = 16 * 1024;
const NO_POOL = { hash: null };
const PLAIN: TcpProfile = { idle_timeout: 0 };
/** TCP keep-alive probes, milliseconds. */
const PROBES_MS = 60_000;

/** How a server is counted that could not be reached. */
const FAILURE: Record<CloseReason, number> = {
  refused: FAILED_BY.REFUSED,
  unreachable: FAILED_BY.UNREACHABLE,
  reset: FAILED_BY.RESET,
  end: FAILED_BY.CLOSED,
  local: FAILED_BY.CONNECT_TIMEOUT,
  tls: FAILED_BY.HANDSHAKE,
};

/** A client's connection to an L4 virtual service: bytes go both ways between it and one server. */
export class TcpClient extends ClientConnection {
  readonly asItIs = true;
  private readonly pool: Pool | null;
  /** The group that its pool was chosen from; null when there was none. */
  private readonly group: PoolGroup | null;
  private readonly profile: TcpProfile;
  private server: TcpServer | null = null;
  /** What the client has sent before a server was reached. */
  private held: Held | null = null;
  /** What persistence knows of the client; null where the pool has none. */
  private known: Known | null = null;
  private paused = false;
  private ended = false;
  private attempts = 0;

  constructor(...args: ConstructorParameters<typeof ClientConnection>) {
    super(...args);
    const { config } = this.placement.service;
    const application = applicationOf(config.spec, this.service);
    this.profile = application.type === 'tcp' ? application.tcp : PLAIN;
    const target = config.l4 === null ? null : this.targetByRules(config.l4, args[4]);
    this.group = target === null ? config.group : target instanceof PoolGroup ? target : null;
    this.pool = target === null ? poolFor(config) : target instanceof PoolGroup ? target.choose() : target;
  }

  private targetByRules(rules: L4Rules, before: ClientConnection | null): L4Target | null {
    const serverName = before instanceof ServerNameLayer ? before.serverName : (this.tls?.serverName ?? '');
    const { remoteAddress: address } = this.ends;
    return rules.targetFor({ protocol: 'tcp', address, port: this.socket.localPort, serverName });
  }

  /** Call once after construction. The server may be the first to speak, so the connection to it is made at once. */
  begin(): this {
    this.touch();
    this.next(null);
    return this;
  }

  protected override doing(): OwnFacts {
    const { server } = this;
    return {
      protocol: 'tcp',
      state: server === null ? 'over' : server.open ? 'open' : 'connecting',
      server: server?.server.key ?? '',
    };
  }

  override heldBytes(): number {
    return super.heldBytes() + (this.held?.data.length ?? 0) + (this.server?.heldBytes() ?? 0);
  }

  onData(data: Uint8Array, start: number, end: number): void {
    this.count(VS.BYTES_IN, end - start);
    if (this.placement.service.rttDue) this.placement.service.sampleClient(this.socket);
    this.touch();
    const { server } = this;
    if (server === null) return;
    if (!server.open) {
      if (this.held === null) this.held = new Held(data, start, end);
      else this.held.append(data, start, end);
      if (this.held.length > MOST_HELD) this.pause();
    } else if (!server.write(data, start, end)) this.pause();
  }

  onDrain(): void {
    this.touch();
    this.server?.resume();
  }

  onEnd(): void {
    this.ended = true;
    if (this.server?.open === true) this.server.end();
  }

  override onClose(reason: CloseReason): void {
    super.onClose(reason);
    const { server, known } = this;
    this.server = null;
    this.known = null;
    known?.by.ends?.(known);
    server?.clientGone(reason === 'end');
  }

  /** Nothing has moved for as long as the profile allows. */
  override onTimeout(): void {
    this.because(CLOSED_BY.IDLE);
    this.kill();
  }

  kill(): void {
    this.socket.reset();
  }

  /** A connection was made, in so many milliseconds. */
  connected({ server }: TcpServer, milliseconds: number): void {
    server.opened(milliseconds);
    server.feed?.firstByte(server.place, milliseconds * 1000, this.context.transport.now());
    this.placement.service.record(VS_HISTOGRAM.SERVER_CONNECT, milliseconds * 1000);
  }

  /** A round trip of the server was measured: microseconds, or -1. */
  sampled(rtt: number): void {
    if (rtt >= 0) this.placement.service.record(VS_HISTOGRAM.SERVER_RTT, rtt);
  }

  /** Milliseconds of silence after which a peer is asked whether it is there. */
  get probes(): number {
    return this.profile.probe_interval ?? PROBES_MS;
  }

  /** What is asked of TCP, towards the server too; null for nothing. */
  get options(): SocketOptions | null {
    return this.placement.service.config.options;
  }

  /** The connection lasts. */
  keepAlive(): void {
    this.socket.keepAlive(this.probes);
  }

  /** The server is reached. */
  serverOpen(server: TcpServer): void {
    const { held } = this;
    this.held = null;
    const { send_proxy: version } = this.profile;
    // What the client has sent goes in the same write as the header where it can.
    const taken =
      version === undefined
        ? held === null || server.write(held.data, held.start, held.end)
        : this.introduce(server, writeHeader(version, this.ends), held);
    if (taken) this.resume();
    else this.pause();
    if (this.ended) server.end();
  }

  private introduce(server: TcpServer, header: Uint8Array, held: Held | null): boolean {
    if (held === null) return server.write(header, 0, header.length);
    held.start -= header.length;
    held.data.set(header, held.start);
    return server.write(held.data, held.start, held.end);
  }

  fromServer(data: Uint8Array, start: number, end: number): boolean {
    this.touch();
    return this.write(data, start, end);
  }

  serverTakes(): void {
    this.resume();
  }

  serverEnded(): void {
    this.socket.shutdown();
  }

  /** The connection to the server is over, or never came to be. */
  serverClosed(server: TcpServer, reason: CloseReason): void {
    this.server = null;
    if (!server.open && reason !== 'local') {
      this.failed(server, server.late ? FAILED_BY.CONNECT_TIMEOUT : FAILURE[reason], true);
      this.next(server.server);
    } else if (reason === 'end') this.socket.close();
    else {
      // Taken, and reset before it said anything: as good as refused.
      if (reason === 'reset' && !server.answered && !this.ended) this.failed(server, FAILED_BY.RESET, false);
      this.kill();
    }
  }

  private failed({ server }: TcpServer, kind: number, first: boolean): void {
    server.failed(kind);
    server.fault(kind, this.placement.service.config.errors, first);
  }

  private next(avoid: ServerRuntime | null): void {
    const server = this.attempts++ < MOST_ATTEMPTS ? this.choose(avoid) : null;
    if (server !== null) {
      this.server = new TcpServer(this.context, server, this).begin();
      return;
    }
    if (avoid === null) this.because(CLOSED_BY.NO_SERVER);
    this.kill();
  }

  private choose(avoid: ServerRuntime | null): ServerRuntime | null {
    const pool = avoid?.pool ?? this.pool;
    const keyOf = (hash: ConsistentHash): number =>
      clientKey(hash, this.ends.remoteAddress, this.ends.remotePort);
    const { hash } = pool ?? NO_POOL;
    const client = asker.of(this.ends, this.socket, this.tls, hash === null ? 0 : keyOf(hash));
    client.known = this.known;
    const server = pool?.choose(client, avoid) ?? null;
    if (client.known !== null && client.known !== this.known) this.remember(client.known);
    if (server !== null || avoid !== null || pool?.refusal === Refusal.PersistentServerDown) return server;
    return chooseBackup(failActionOf(pool, this.group), keyOf);
  }

  private remember(known: Known): void {
    this.known?.by.ends?.(this.known);
    this.known = known;
    known.by.begins?.(known);
  }

  private touch(): void {
    this.context.clock.arm(this, this.profile.idle_timeout);
  }

  private pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  private resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }
}
