import type { Service } from '@spillway/snapshot';
import { CLOSED_BY, VS } from '@spillway/telemetry';
import type { CloseReason, Socket, SocketHandler } from '../transport/seam.js';
import type { Holder } from './budget.js';
import { endpoint, type ConnectionFacts, type OwnFacts } from './describe.js';
import { Timed } from './clock.js';
import type { PlaneContext } from './context.js';
import type { PlacementRuntime } from './placement.js';
import type { Pool } from './pool.js';
import type { ServerRuntime } from './server.js';

/** Where a connection comes from and goes to: as its socket says, or as the PROXY protocol does. */
export interface Ends {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** What the client's certificate says. */
export interface ClientCertificate {
  /** The certificate chain could be verified. */
  readonly verified: boolean;
  readonly der: Uint8Array;
}

/** What TLS has established on a client's connection. */
export interface TlsFacts {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string;
  /** The suite in OpenSSL's spelling. */
  readonly cipher: string;
  /** The name that the client asked for; empty without one. */
  readonly serverName: string;
  /** The protocol chosen by ALPN (`h2`, `http/1.1`); empty without one. */
  readonly protocol: string;
  /** A session was resumed. */
  readonly resumed: boolean;
  /** Tells the session, over all connections that resume it, from others; empty where nobody asks for it. */
  readonly session: string;
  readonly clientCertificate: ClientCertificate | null;
}

/** What a placement counts and ends: a connection, or a flow of datagrams. */
export interface Tracked {
  /** Its place in `PlacementRuntime.connections`; -1 when it is in none (any more). */
  place: number;
  /** What follows ends it: one of CLOSED_BY. The first cause that is told counts. */
  because(cause: number): void;
  /** Ends it and what belongs to it, at once. */
  kill(): void;
  /** A drain of its placement begins. A protocol that can tell its client at any time does so. */
  drainBegins?(): void;
}

/**
 * A connection from a client. It holds its socket and its placement; the configuration is looked up per request.
 * A layer (PROXY protocol, TLS) is a connection too, until the next one takes its place: see layers.ts.
 */
export abstract class ClientConnection extends Timed implements SocketHandler, Tracked, Holder {
  /** Its place in `placement.connections`; -1 when it is in none (any more). */
  place = -1;
  heldBefore = 0;
  /** Since when the client is connected, by the coarse clock. */
  readonly since: number;
  readonly ends: Ends;
  readonly tls: TlsFacts | null;
  /** The header line that tells servers of this client, once it has been needed. */
  forwardedLine: Uint8Array | null = null;
  forwardedName = '';
  /** Connections to servers that serve this client only; see http/binding.ts. */
  bindsServers = false;
  private bound: BoundLink | null = null;
  private boundCount = 0;

  /** What ends it, one of CLOSED_BY; -1 while nothing on this side does. */
  private why = -1;

  /**
   * @param service the port by which it came in
   * @param replaces the layer whose place it takes; null for the first one on a socket
   */
  constructor(
    readonly context: PlaneContext,
    readonly socket: Socket,
    readonly placement: PlacementRuntime,
    readonly service: Service,
    replaces: ClientConnection | null,
  ) {
    super();
    this.since = replaces === null ? context.clock.coarse : replaces.since;
    this.ends = replaces === null ? socket : replaces.endsForNext();
    this.tls = replaces === null ? null : replaces.tlsForNext();
    if (replaces === null) placement.add(this);
    else placement.replace(replaces, this);
  }

  /** A layer that knows better than its socket says so here. */
  endsForNext(): Ends {
    return this.ends;
  }

  /** A layer that has established TLS says so here. */
  tlsForNext(): TlsFacts | null {
    return this.tls;
  }

  /** Resets the connection and what belongs to it, at once. */
  abstract kill(): void;

  abstract onData(data: Uint8Array, start: number, end: number): void;
  abstract onDrain(): void;
  abstract onEnd(): void;

  /** What it is doing; a protocol that knows more says so. */
  protected doing(): OwnFacts {
    return {};
  }

  describe(): ConnectionFacts {
    const { ends, socket, placement } = this;
    const bytes = socket.transferred();
    return {
      side: 'client',
      virtual_service_uuid: placement.service.uuid,
      vip_id: placement.vipId,
      peer: endpoint(ends.remoteAddress, ends.remotePort),
      local: endpoint(ends.localAddress, ends.localPort),
      protocol: 'handshake',
      state: '',
      age: this.context.clock.coarse - this.since,
      bytes_in: bytes?.received ?? -1,
      bytes_out: bytes?.sent ?? -1,
      held: this.heldBytes(),
      requests: 0,
      request: null,
      server: '',
      ...this.doing(),
    };
  }

  /** A connection adds what it holds beside its socket. */
  heldBytes(): number {
    return this.socket.queued + this.socket.stashed;
  }

  get holderAddress(): string {
    return this.ends.remoteAddress;
  }

  shed(): void {
    this.because(CLOSED_BY.MEMORY);
    this.kill();
  }

  onOpen(): void {}

  onClose(reason: CloseReason): void {
    this.context.clock.forget(this);
    if (this.place < 0) return;
    this.count(VS.CLOSED + (this.why >= 0 ? this.why : CAUSE[reason]), 1);
    this.placement.remove(this);
    while (this.bound !== null) this.bound.closeIdle();
  }

  /** Another server connection may be kept for this client. */
  get mayBind(): boolean {
    return this.boundCount < MOST_BOUND;
  }

  /** Keeps a server connection that has nothing to do for this client's next request. */
  bind(link: BoundLink): void {
    this.boundCount++;
    link.nextBound = this.bound;
    this.bound = link;
  }

  /**
   * The connection that was kept for a pool, under the name that TLS has for its servers; it is bound no more.
   * @param server the one that it has to be; null for any
   */
  takeBound(pool: Pool | null, server: ServerRuntime | null, serverName: string): BoundLink | null {
    for (let link = this.bound; link !== null; link = link.nextBound)
      if (
        link.server.pool === pool &&
        (server === null || link.server === server) &&
        link.serverName === serverName
      ) {
        this.unbind(link);
        return link;
      }
    return null;
  }

  unbind(link: BoundLink): void {
    this.boundCount--;
    if (this.bound === link) this.bound = link.nextBound;
    else
      for (let at = this.bound; at !== null; at = at.nextBound)
        if (at.nextBound === link) at.nextBound = link.nextBound;
    link.nextBound = null;
  }

  /** What follows ends the connection: the first cause that is told counts. */
  because(cause: number): void {
    if (this.why < 0) this.why = cause;
  }

  count(counter: number, by: number): void {
    this.context.f64[this.placement.service.counters + counter]! += by;
  }

  /** Writes to the client and counts it; false when the client has to catch up (`Socket.write`). */
  write(data: Uint8Array, start: number, end: number): boolean {
    this.context.f64[this.placement.service.counters + VS.BYTES_OUT]! += end - start;
    const taken = this.socket.write(data, start, end);
    if (!taken) this.context.budget.note();
    return taken;
  }
}

/** Idle server connections that one client may have: with each pool and host that it asks for come others. */
const MOST_BOUND = 16;

/** A connection to a server that waits for the next request of one client. */
export interface BoundLink {
  readonly server: ServerRuntime;
  /** What TLS calls the server; empty without. */
  readonly serverName: string;
  nextBound: BoundLink | null;
  /** Unbinds and closes it. */
  closeIdle(): void;
}

/** What ended a connection that this side did not end for a reason of its own. */
const CAUSE: Record<CloseReason, number> = {
  end: CLOSED_BY.CLIENT,
  reset: CLOSED_BY.CLIENT_RESET,
  local: CLOSED_BY.SERVER,
  refused: CLOSED_BY.CLIENT_RESET,
  unreachable: CLOSED_BY.CLIENT_RESET,
  tls: CLOSED_BY.HANDSHAKE,
};

/** What is under way at a server, as its server record sees it. */
export interface ServerLink {
  /** Its place in `server.busy`; -1 when it is not there. */
  busyPlace: number;
  readonly server: ServerRuntime;
  /** Predicted work that it is counted with, microseconds, and since when by the coarse clock. Written by the server. */
  work: number;
  takenAt: number;
  /** Class of its request, for algorithms that tell requests apart; absent or 0: none. */
  readonly kind?: number;
  /** Bytes that wait for it, or that it has sent and nobody has taken. */
  heldBytes?(): number;
  /** What it is doing, for those who look for a fault. */
  stateName?(): string;
  /** The server may not be used any longer: what is under way on this connection is given up. */
  serverGone(): void;
}
