import type { Feed } from '@spillway/balancing';
import { coarseBucketOf, HEALTH, SERVER } from '@spillway/telemetry';
import type { Socket } from '../transport/seam.js';
import { endpoint, type ConnectionFacts } from './describe.js';
import { Timed } from './clock.js';
import { Ending } from './ending.js';
import type { ServerLink } from './connection.js';
import type { PlaneContext } from './context.js';
import type { ErrorRules } from './errors.js';
import { agedWork } from './latency.js';
import type { Pool } from './pool.js';
import { smoothed } from './rtt.js';

/** An idle kept connection, as the list of its server sees it. */
export interface IdleLink {
  newer: IdleLink | null;
  older: IdleLink | null;
  closeIdle(): void;
}

/** `draining` and `disabled` get no new requests; see the schema of the snapshot for what they end. */
export type ServerState = 'enabled' | 'draining' | 'disabled';

/**
 * A server of a pool as this worker knows it: its connections and its counts. There is one per identity
 * (`pool_uuid/address:port`), it outlives every change of the configuration.
 */
export class ServerRuntime extends Timed {
  state: ServerState = 'enabled';
  /** Which deadline it has; see server-life.ts. */
  lifeMark = 0;
  /** The time of a server that drains is up. */
  private over = false;
  /** It was down when the verdicts were looked at last. */
  private downSeen = false;
  /** The pool as it is now, and the place in it. */
  pool: Pool | null = null;
  place = -1;
  /** What the algorithm of its pool wants to be told; null for most. */
  feed: Feed | null = null;
  maxIdle = 0;
  /** 1 to 65535, the same in every worker; few servers of a pool share one. */
  readonly hint: number;
  /** Index in the counters. */
  counters = 0;
  /** Something may have been counted since the last mark. */
  private touched = false;
  /** A round trip may be measured: at most once a tick. */
  rttDue = false;
  /** Smoothed round trip, microseconds; 0 while unknown. */
  rtt = 0;
  /** Connections of this worker that are open or being opened, the idle ones too. */
  private open = 0;
  /** Places that were taken for connections which are not begun yet. */
  private reserved = 0;
  private mark = 0;
  private firstByte = 0;
  private slot = -1;
  private cell = -1;
  /** Open connections with a request, or L4 connections, of this worker. */
  active = 0;
  readonly busy: ServerLink[] = [];
  private newest: IdleLink | null = null;
  /** Idle connections that are kept for one client each. */
  readonly bound = new Set<IdleLink>();
  idleCount = 0;

  constructor(
    private readonly context: PlaneContext,
    readonly key: string,
    readonly address: string,
    /** 0: that of the virtual service; see `portFor`. */
    readonly port: number,
    slot: number,
  ) {
    super();
    this.hint = hintOf(address, port);
    this.moveTo(slot);
  }

  /** Where it is spoken to by who came to that port of the virtual service (Disable Port Translation). */
  portFor(servicePort: number): number {
    return this.port === 0 ? servicePort : this.port;
  }

  /** Its last verdict was bad. */
  get isDown(): boolean {
    return this.context.mapping.health[this.slot] === HEALTH.DOWN;
  }

  /** The slot of the shared mapping; what is open is carried over when it changes. */
  moveTo(slot: number): void {
    const cell = this.context.block.activeCell(slot);
    if (cell === this.cell) return;
    const { block } = this.context;
    const { f64 } = this.context;
    const work = this.cell >= 0 ? block.work[this.cell]! : 0;
    if (this.cell >= 0) {
      block.active[this.cell]! -= this.active;
      block.work[this.cell] = 0;
      block.places[this.cell]! -= this.open + this.reserved;
      f64[this.counters + SERVER.CONNECTIONS_OPEN]! -= this.open;
    }
    this.slot = slot;
    this.cell = cell;
    this.counters = block.server(slot);
    this.firstByte = block.serverHistogram(slot);
    this.mark = block.serverMark(slot);
    if (!this.touched) return;
    // What is open goes on counting here.
    this.touch();
    block.active[cell]! += this.active;
    block.work[cell] = work;
    block.places[cell]! += this.open + this.reserved;
    f64[this.counters + SERVER.CONNECTIONS_OPEN]! += this.open;
  }

  /** On every tick: tells readers of the mapping that what was counted since the last one is there. */
  settle(): void {
    if (!this.touched) return;
    this.context.u32[this.mark]!++;
    this.rttDue = true;
    this.touched = this.active > 0 || this.open > 0;
    if (this.feed !== null && this.feed.classes && this.active > 0) this.ageWork(this.feed);
  }

  private ageWork(feed: Feed): void {
    this.context.block.work[this.cell] = agedWork(feed, this.busy, this.context.clock.coarse);
  }

  private touch(): void {
    this.touched = true;
    this.context.u32[this.mark]!++;
  }

  /**
   * Takes one of `limit` places for connections to this server, counted over all workers: for the next `opening`, or for
   * `unreserve`. What a dead worker held is free again.
   */
  tryReserve(limit: number): boolean {
    if (!this.touched) this.touch();
    if (!this.context.block.tryAdd(this.context.block.places, this.slot, limit)) return false;
    this.reserved++;
    return true;
  }

  /** Gives back what `tryReserve` took, if `opening` did not use it. */
  unreserve(): void {
    if (this.reserved === 0) return;
    this.reserved--;
    this.context.block.places[this.cell]!--;
  }

  /** Connections of this worker that are open or being opened, the idle ones too. */
  get connections(): number {
    return this.open;
  }

  /** A request or an L4 connection begins on `link`. */
  acquire(link: ServerLink): void {
    if (!this.touched) this.touch();
    this.active++;
    this.context.block.active[this.cell]!++;
    this.context.f64[this.counters + SERVER.REQUESTS]!++;
    link.busyPlace = this.busy.length;
    this.busy.push(link);
    if (this.feed !== null) this.beginWork(this.feed, link);
    const { pool } = this;
    if (pool === null) return;
    pool.algorithm.changed(this.place);
    if (pool.room !== null) pool.room.acquired();
  }

  /** It is over, however. */
  release(link: ServerLink): void {
    if (link.busyPlace < 0) return;
    this.active--;
    this.context.block.active[this.cell]!--;
    const last = this.busy.pop()!;
    if (last !== link) {
      this.busy[link.busyPlace] = last;
      last.busyPlace = link.busyPlace;
    }
    link.busyPlace = -1;
    if (link.work > 0) this.endWork(link);
    const { pool } = this;
    if (pool === null) return;
    pool.algorithm.changed(this.place);
    if (pool.room !== null) pool.room.released(this);
  }

  private beginWork(feed: Feed, link: ServerLink): void {
    link.work = feed.workOf(link.kind ?? 0);
    link.takenAt = this.context.clock.coarse;
    this.context.block.work[this.cell]! += link.work;
  }

  private endWork(link: ServerLink): void {
    const { work } = this.context.block;
    // With nothing under way there is no work left, whatever became of it in sums.
    work[this.cell] = this.active === 0 ? 0 : work[this.cell]! - link.work;
    link.work = 0;
  }

  count(counter: number, by: number): void {
    if (!this.touched) this.touch();
    this.context.f64[this.counters + counter]! += by;
  }

  /** A connection to it is begun. */
  opening(): void {
    this.count(SERVER.CONNECTIONS, 1);
    this.open++;
    this.context.f64[this.counters + SERVER.CONNECTIONS_OPEN]!++;
    if (this.reserved > 0) this.reserved--;
    else this.context.block.places[this.cell]!++;
    this.pool?.room?.opening();
  }

  /** It was made, in so many milliseconds. */
  opened(milliseconds: number): void {
    this.count(SERVER.CONNECTED, 1);
    this.count(SERVER.CONNECT_TIME, milliseconds * 1000);
  }

  /** A connection that was begun is over, whatever became of it. Call it exactly once for each. */
  closed(): void {
    this.open--;
    this.context.block.places[this.cell]!--;
    this.count(SERVER.CONNECTIONS_OPEN, -1);
    this.pool?.room?.closed(this);
  }

  /**
   * Ends a connection to it in order. Where connections are limited its place is free once the server has ended it too:
   * `handler` hears nothing more then.
   * @param ended the server has ended its side
   */
  hangUp(socket: Socket, ended: boolean): void {
    if (ended || (this.pool?.room ?? null) === null) socket.close();
    else Ending.begin(this.context, this, socket);
  }

  /** @param kind one of FAILED_BY */
  failed(kind: number): void {
    this.count(SERVER.FAILURES, 1);
    this.count(SERVER.FAILED + kind, 1);
  }

  /**
   * The head of a final response has come (and not been counted before).
   * @param errors of the virtual service
   */
  answered(status: number, errors: ErrorRules): void {
    this.context.f64[this.counters + SERVER.OUTCOMES]!++;
    if (status < 400) return;
    this.count(status >= 500 ? SERVER.RESPONSES_5XX : SERVER.RESPONSES_4XX, 1);
    if (!errors.isError(status)) return;
    this.count(SERVER.ERRORS, 1);
    if (status < 500) this.count(SERVER.ERRORS_4XX, 1);
  }

  /** A final response of SIP has come. */
  answeredCall(status: number, errors: ErrorRules): void {
    this.count(SERVER.OUTCOMES, 1);
    if (errors.isSipError(status)) this.count(SERVER.ERRORS, 1);
  }

  /** An L4 connection was made, or a flow begun. */
  taken(): void {
    this.count(SERVER.OUTCOMES, 1);
  }

  /**
   * It failed by its own fault, which `failed` has counted.
   * @param kind one of FAILED_BY
   * @param first nothing was counted for the request (or L4 connection) by `answered` or `taken`
   */
  fault(kind: number, errors: ErrorRules, first: boolean): void {
    if (first) this.count(SERVER.OUTCOMES, 1);
    if (errors.isFault(kind)) this.count(SERVER.ERRORS, 1);
    if (this.feed !== null) this.feed.failed(this.place, this.context.transport.now());
  }

  /** A response came whole; times in microseconds. */
  responded(firstByte: number, transfer: number): void {
    const { f64, u32 } = this.context;
    const { counters } = this;
    f64[counters + SERVER.RESPONSES]!++;
    f64[counters + SERVER.FIRST_BYTE_TIME]! += firstByte;
    f64[counters + SERVER.APP_RESPONSE_TIME]! += Math.max(0, firstByte - this.rtt);
    f64[counters + SERVER.DATA_TRANSFER_TIME]! += transfer;
    u32[this.firstByte + coarseBucketOf(firstByte)]!++;
  }

  /** Takes its round trip where that is due; -1 when it could not be had. */
  sample(socket: Socket): number {
    this.rttDue = false;
    const rtt = this.context.rtt.of(socket);
    if (rtt < 0) return -1;
    this.rtt = smoothed(this.rtt, rtt);
    this.count(SERVER.RTT_SAMPLES, 1);
    this.count(SERVER.RTT, rtt);
    return rtt;
  }

  /** Its connections as they are: those at work one by one, then those that are kept. */
  *describe(virtualServiceUuid: string): IterableIterator<ConnectionFacts> {
    const row = (state: string, held: number, requests: number): ConnectionFacts => ({
      side: 'server',
      virtual_service_uuid: virtualServiceUuid,
      vip_id: '',
      peer: endpoint(this.address, this.port),
      local: '',
      protocol: 'server',
      state,
      age: -1,
      bytes_in: -1,
      bytes_out: -1,
      held,
      requests,
      request: null,
      server: this.key,
    });
    for (const link of this.busy.slice()) yield row(link.stateName?.() ?? 'busy', link.heldBytes?.() ?? 0, 1);
    for (let n = this.idleCount; n > 0; n--) yield row('idle', 0, 0);
  }

  /** An idle connection is kept for its client alone: nobody else can hope for it. */
  keepBound(link: IdleLink): void {
    this.bound.add(link);
    this.pool?.room?.bound(1);
  }

  /** It is used again, or over. */
  leaveBound(link: IdleLink): void {
    if (this.bound.delete(link)) this.pool?.room?.bound(-1);
  }

  get mayKeep(): boolean {
    if (this.state !== 'enabled' || this.idleCount >= this.maxIdle) return false;
    return this.pool?.room?.mayKeep(this) ?? true;
  }

  putIdle(link: IdleLink): void {
    link.older = this.newest;
    link.newer = null;
    if (this.newest !== null) this.newest.newer = link;
    this.newest = link;
    this.idleCount++;
    this.pool?.room?.idle(this, 1);
  }

  /** The idle connection that was used last: the least likely to have been given up by the server. */
  get newestIdle(): IdleLink | null {
    return this.newest;
  }

  removeIdle(link: IdleLink): void {
    if (link.newer !== null) link.newer.older = link.older;
    else this.newest = link.older;
    if (link.older !== null) link.older.newer = link.newer;
    link.newer = null;
    link.older = null;
    this.idleCount--;
    this.pool?.room?.idle(this, -1);
  }

  closeIdle(): void {
    while (this.newest !== null) this.newest.closeIdle();
    for (const link of this.bound) link.closeIdle();
  }

  /**
   * Acts on the state it has got. Outside `enabled` idle connections are closed at once; `draining` gives the rest
   * `milliseconds` (-1: for ever, 0: nothing), `disabled` nothing. Set the states of all servers first: a request
   * that is ended here looks for another server at once.
   */
  enforce(milliseconds: number): void {
    this.over = false;
    this.downSeen = false;
    this.context.clock.disarm(this);
    if (this.state === 'enabled') return;
    this.closeIdle();
    if (this.state === 'disabled' || milliseconds === 0) this.end();
    else if (milliseconds > 0) this.context.clock.armNotEarly(this, milliseconds);
  }

  /** It drains, and clients that belong to it may still come: its time is not up. */
  get isEnding(): boolean {
    return this.state === 'draining' && !this.over;
  }

  /** The verdicts have changed: what is left of it lives `milliseconds` from when it went down. */
  healthSeen(milliseconds: number): void {
    const down = this.state === 'enabled' && this.isDown;
    if (down === this.downSeen) return;
    this.downSeen = down;
    if (!down) {
      if (this.state === 'enabled') this.context.clock.disarm(this);
    } else if (milliseconds === 0) this.onTimeout();
    else this.context.clock.armNotEarly(this, milliseconds);
  }

  /** The time for a graceful end is up. */
  override onTimeout(): void {
    if (this.state !== 'enabled') this.end();
    else if (this.isDown && this.pool?.spec.down_timeout !== undefined) {
      this.closeIdle();
      this.endBusy();
    }
  }

  /** Nothing of it is left: it can be forgotten. */
  get unused(): boolean {
    return this.busy.length === 0 && this.idleCount === 0 && this.bound.size === 0;
  }

  private end(): void {
    this.over = true;
    this.endBusy();
  }

  private endBusy(): void {
    const links = this.busy.slice(); // each leaves the list as it ends
    for (const link of links) link.serverGone();
  }
}

function hintOf(address: string, port: number): number {
  let h = Math.imul(port, 0x9e3779b1);
  for (let i = 0; i < address.length; i++) h = Math.imul(h ^ address.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return 1 + (((h ^ (h >>> 13)) >>> 0) % 0xffff);
}
