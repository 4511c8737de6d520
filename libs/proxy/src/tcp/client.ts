import type { ConsistentHash, Service, TcpProfile } from '@spillway/snapshot';
import { CLOSED_BY, FAILED_BY, VS, VS_HISTOGRAM } from '@spillway/telemetry';
import { asker, type Asker } from '../core/asker.js';
import { ClientConnection } from '../core/connection.js';
import { clientKey } from '../core/hash-key.js';
import { applicationOf } from '../core/point.js';
import type { OwnFacts } from '../core/describe.js';
import type { PlacementRuntime } from '../core/placement.js';
import { Refusal } from '../core/refusal.js';
import type { ServerRuntime } from '../core/server.js';
import type { Known } from '../persistence/persistence.js';
import { Held } from '../http1/held.js';
import type { CloseReason, SocketOptions } from '../transport/seam.js';
import { writeHeader } from '../proxy-protocol/header.js';
import { TcpServer, type TcpServerUser } from './server.js';
import { serverOf, type Target } from './target.js';

/** Servers that are tried for one connection. */
export const MOST_ATTEMPTS = 3;
/** Bytes that are taken before the server is reached; to pause and resume for less costs more than to hold it. */
const MOST_HELD = 16 * 1024;
const PLAIN: TcpProfile = { idle_timeout: 0 };
/** TCP keep-alive probes, milliseconds. */
const PROBES_MS = 60_000;

/** How a server is counted that could not be reached. */
export const FAILURE: Record<CloseReason, number> = {
  refused: FAILED_BY.REFUSED,
  unreachable: FAILED_BY.UNREACHABLE,
  reset: FAILED_BY.RESET,
  end: FAILED_BY.CLOSED,
  local: FAILED_BY.CONNECT_TIMEOUT,
  tls: FAILED_BY.HANDSHAKE,
};

/** What the connections of a port are held to. */
export function tcpProfileOf({ service: { config } }: PlacementRuntime, service: Service): TcpProfile {
  const application = applicationOf(config.spec, service);
  return application.type === 'tcp' ? application.tcp : PLAIN;
}

/** A client's connection to an L4 virtual service: bytes go both ways between it and one server. */
export class TcpClient extends ClientConnection implements TcpServerUser {
  readonly asItIs = true;
  private readonly profile: TcpProfile;
  private server: TcpServer | null = null;
  /** What the client has sent before a server was reached. */
  private held: Held | null = null;
  /** What persistence knows of the client; null where the pool has none. */
  private known: Known | null = null;
  private paused = false;
  private ended = false;
  private attempts = 0;

  constructor(
    private readonly target: Target,
    ...args: ConstructorParameters<typeof ClientConnection>
  ) {
    super(...args);
    this.profile = tcpProfileOf(this.placement, this.service);
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

  get servicePort(): number {
    return this.socket.localPort;
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
    const keyOf = (hash: ConsistentHash): number =>
      clientKey(hash, this.ends.remoteAddress, this.ends.remotePort);
    const client = asker.of(this.ends, this.socket, this.tls, 0);
    client.known = this.known;
    const server = this.chooseAs(client, avoid, keyOf);
    if (client.known !== null && client.known !== this.known) this.remember(client.known);
    return server;
  }

  private chooseAs(
    client: Asker,
    avoid: ServerRuntime | null,
    keyOf: (hash: ConsistentHash) => number,
  ): ServerRuntime | null {
    if (avoid === null) {
      const server = serverOf(this.target, client, null, keyOf);
      if (server === null && this.target.pool?.refusal === Refusal.Full) this.target.pool.room?.refused();
      return server;
    }
    // Servers that are up and refuse are no reason for a backup pool.
    const pool = avoid.pool ?? this.target.pool;
    const hash = pool === null ? null : pool.hash;
    client.key = hash === null ? 0 : keyOf(hash);
    return pool?.choose(client, avoid) ?? null;
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
