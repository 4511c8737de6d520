import type { Pool as PoolSpec } from '@spillway/snapshot';
import { coarseBucketOf, POOL, POOL_CELL, WORKER_STATE, type Releases } from '@spillway/telemetry';
import type { Deferred } from '../transport/seam.js';
import type { Asker } from './asker.js';
import type { PlaneContext } from './context.js';
import { FreePlaces } from './free-places.js';
import type { Pool } from './pool.js';
import type { ServerRuntime } from './server.js';
import { WaitingList, type Waiter } from './waiting-list.js';

/** Milliseconds that a request waits for a connection which nobody uses to be closed. */
const EXPECT_MS = 500;
/** Milliseconds after which nobody is thought to wait for places any more. */
const CALM_MS = 1000;
/** Where two workers hold as many connections as makes no difference, one in so many is passed on. */
const PASS_ON = 8;

/** Waiters that are asked in vain before it is left at that: with persistence their servers may be full, and others not. */
const MOST_PASSED = 16;

/** Who waits for a place; outlives changes of the configuration. */
class Waiting {
  /** They were told that a place is about to be free. */
  readonly expecting = new WaitingList();
  readonly queue = new WaitingList();
  /** The pool as it is now; null when there is none any more. */
  pool: Pool | null = null;
}

/**
 * The connections that the servers of one pool may have, under one configuration: exact over the workers of the SE, and
 * who waits for one of them. See docs/adr/0023-places-at-servers.md.
 */
export class Room implements Deferred {
  readonly free: FreePlaces;
  private readonly waiting: Waiting;
  private readonly releases: Releases;
  /** How far `releases` was read. */
  private read: number;
  private readonly places = new Map<number, number>();
  /** Connections serve many at a time: whether one is spare is not told by its requests. */
  private readonly multiplexed: boolean;
  private turn = 0;
  private serving = false;
  private retired = false;
  /** When somebody was seen to wait last, by the coarse clock. */
  private wantedAt = -CALM_MS;
  private cursor = 0;

  /**
   * @param slots of the servers
   * @param slot of the pool
   * @param most connections of a server that are this SE's part
   */
  constructor(
    private readonly context: PlaneContext,
    private readonly spec: PoolSpec,
    private readonly servers: readonly ServerRuntime[],
    private readonly slots: Int32Array,
    readonly slot: number,
    readonly most: number,
    previous: Room | null,
  ) {
    this.free = new FreePlaces(servers.length);
    this.multiplexed = spec.enable_http2 === true;
    this.waiting = previous?.waiting ?? new Waiting();
    this.releases = context.mapping.releases(slot);
    this.read = this.releases.head;
    for (const [place, of] of slots.entries()) this.places.set(of, place);
  }

  // Places

  /** Takes a place at the server, unless the client can use a connection that is there; false when it is full. */
  admits(server: ServerRuntime, client: Asker): boolean {
    if (client.kept?.keeps(server) === true) return true;
    if (server.tryReserve(this.most)) return true;
    this.free.setFull(server.place, true);
    return false;
  }

  /** Takes note of places that other workers have given up. */
  catchUp(): void {
    const { head } = this.releases;
    if (head === this.read) return;
    if (this.releases.covers(this.read))
      for (let n = this.read; n !== head; n = (n + 1) | 0) {
        const place = this.places.get(this.releases.slotOf(n));
        if (place !== undefined) this.free.setFull(place, false);
      }
    else this.lookAtAll();
    this.read = head;
  }

  /** Connections that a server has which are above the limit, or that others wait for, are not kept. */
  mayKeep(server: ServerRuntime): boolean {
    const { mapping } = this.context;
    if (mapping.placesOf(this.slots[server.place]!) > this.most) return false;
    const own = this.waiting.queue.size + this.waiting.expecting.size;
    const others = this.wanted() - own;
    if (others <= 0) return true;
    this.noteWanted();
    if (others <= mapping.poolSum(this.slot, POOL_CELL.SPARE)) return true;
    if (own > 0 && !this.holdsMore()) return true;
    this.count(POOL.YIELDED);
    return false;
  }

  /** It holds more connections than some other worker with waiting requests: it is their turn. */
  private holdsMore(): boolean {
    const { mapping, block } = this.context;
    const { poolCells } = mapping;
    const [held, queued, expecting] = [POOL_CELL.HELD, POOL_CELL.QUEUED, POOL_CELL.EXPECTING].map((kind) =>
      mapping.poolCell(this.slot, kind),
    ) as [number, number, number];
    let least = Infinity;
    for (let w = 0; w < mapping.layout.workers; w++)
      if (w !== block.index && poolCells[queued + w]! + poolCells[expecting + w]! > 0)
        least = Math.min(least, poolCells[held + w]!);
    const more = poolCells[held + block.index]! - least;
    return more > 1 || (more === 1 && ++this.turn % PASS_ON === 0);
  }

  /** Requests may wait in a queue. */
  get queues(): boolean {
    return this.spec.request_queue !== undefined;
  }

  // What the servers tell

  opening(): void {
    if (this.retired) return;
    this.add(POOL_CELL.HELD, 1);
    if (!this.multiplexed) this.add(POOL_CELL.SPARE, 1);
  }

  closed(server: ServerRuntime): void {
    if (this.retired) return;
    this.add(POOL_CELL.HELD, -1);
    if (!this.multiplexed) this.add(POOL_CELL.SPARE, -1);
    this.releases.tell(this.slots[server.place]!);
    this.hasRoom(server);
  }

  /** A request begins on a connection. */
  acquired(): void {
    if (!this.retired && !this.multiplexed) this.add(POOL_CELL.SPARE, -1);
  }

  /** A request is over: its connection is spare until it is used again or closed, or has room for one more. */
  released(server: ServerRuntime): void {
    if (this.retired) return;
    if (!this.multiplexed) this.add(POOL_CELL.SPARE, 1);
    else this.hasRoom(server);
  }

  /** A spare connection is one client's alone, or is not any more. */
  bound(by: 1 | -1): void {
    if (!this.retired && !this.multiplexed) this.add(POOL_CELL.SPARE, -by);
  }

  /** An idle connection is kept, or used again. */
  idle(server: ServerRuntime, by: 1 | -1): void {
    if (this.retired) return;
    if (this.multiplexed) this.add(POOL_CELL.SPARE, by);
    if (by === 1) this.hasRoom(server);
  }

  private hasRoom(server: ServerRuntime): void {
    this.free.setFull(server.place, false);
    this.wake();
  }

  /** The pool as it is now, whichever limits it has; null when nobody uses it any more. */
  get pool(): Pool | null {
    return this.waiting.pool;
  }

  /** The pool is live and all servers are its own now: counts anew. */
  adopt(pool: Pool): void {
    this.waiting.pool = pool;
    let held = 0;
    let spare = 0;
    for (const server of this.servers) {
      held += server.connections;
      spare += this.multiplexed ? server.idleCount : server.connections - server.active - server.bound.size;
    }
    const { poolCells } = this.context.mapping;
    const { block } = this.context;
    poolCells[block.poolCell(this.slot, POOL_CELL.HELD)] = held;
    poolCells[block.poolCell(this.slot, POOL_CELL.SPARE)] = Math.max(0, spare);
    this.closeSurplus();
    this.wake();
  }

  /** Another one has taken its place, or the pool limits nothing any more, or nobody uses it. */
  retire(next: Pool | null): void {
    this.retired = true;
    this.waiting.pool = next;
    if (next?.room?.slot === this.slot) return;
    const { poolCells } = this.context.mapping;
    for (const kind of [POOL_CELL.HELD, POOL_CELL.SPARE])
      poolCells[this.context.block.poolCell(this.slot, kind)] = 0;
  }

  /** Nobody can wait here any more: everybody goes elsewhere. Call it when the new configuration is live. */
  dissolve(): void {
    for (let waiter = this.next(); waiter !== null; waiter = this.next())
      if (!waiter.tryPlace() && waiter.waitsIn !== null) this.turnAway(waiter, POOL.LEFT);
  }

  // Waiting

  /**
   * All servers are full: whether the request may wait.
   * @param queues it is one for the queue
   * @param expects it may wait for a connection that nobody uses
   */
  wait(waiter: Waiter, queues: boolean, expects: boolean): boolean {
    const { mapping, clock } = this.context;
    if (this.retired || this.context.budget.exceeded) return false;
    const { expecting, queue } = this.waiting;
    if (
      expects &&
      mapping.poolSum(this.slot, POOL_CELL.EXPECTING) < mapping.poolSum(this.slot, POOL_CELL.SPARE)
    ) {
      this.add(POOL_CELL.EXPECTING, 1);
      expecting.push(waiter, clock.coarse);
      this.noteWanted();
      return true;
    }
    const { request_queue: spec } = this.spec;
    if (!queues || spec === undefined) return false;
    if (!this.context.block.tryAddToPool(this.slot, POOL_CELL.QUEUED, spec.depth)) {
      this.count(POOL.REFUSED_QUEUE);
      return false;
    }
    this.count(POOL.QUEUED);
    queue.push(waiter, this.context.transport.now());
    this.noteWanted();
    return true;
  }

  /** It has got a place. */
  placed(waiter: Waiter): void {
    const queued = waiter.waitsIn === this.waiting.queue;
    const waited = (this.context.transport.now() - waiter.waitsSince) * 1000;
    this.remove(waiter);
    if (!queued) return;
    this.count(POOL.SERVED);
    const { block } = this.context;
    block.f64[block.pool(this.slot) + POOL.WAIT_TIME]! += waited;
    block.u32[block.poolHistogram(this.slot) + coarseBucketOf(waited)]!++;
  }

  /** Its client has gone away. */
  left(waiter: Waiter): void {
    if (waiter.waitsIn === this.waiting.queue) this.count(POOL.LEFT);
    this.remove(waiter);
  }

  /** A request, a connection or a flow was refused, since all servers are full. */
  refused(): void {
    this.count(POOL.REFUSED);
  }

  /** Places that were given up are for those who wait, after the requests that are at hand. */
  run(): void {
    this.serving = false;
    this.serve();
  }

  /** Looks for what other workers have done. True: look again soon. */
  look(): boolean {
    this.catchUp();
    this.serve();
    const wanted = this.wanted();
    if (wanted > 0) {
      this.noteWanted();
      this.yieldIdle(wanted);
    }
    return this.mustLook;
  }

  /** On every tick. */
  tick(): void {
    this.lookAtAll();
    this.leaveRoom();
    this.free.tick();
    const { expecting, queue } = this.waiting;
    const { clock, transport } = this.context;
    const timeout = this.spec.request_queue?.timeout ?? 0;
    const now = transport.now();
    for (let w = queue.oldest; w !== null && now - w.waitsSince >= timeout; w = queue.oldest)
      this.turnAway(w, POOL.TIMED_OUT);
    for (
      let w = expecting.oldest;
      w !== null && clock.coarse - w.waitsSince >= EXPECT_MS;
      w = expecting.oldest
    )
      this.turnAway(w, POOL.LEFT);
    this.look();
  }

  get mustLook(): boolean {
    if (this.waiting.queue.size + this.waiting.expecting.size > 0) return true;
    return this.context.clock.coarse - this.wantedAt < CALM_MS;
  }

  private noteWanted(): void {
    this.wantedAt = this.context.clock.coarse;
    this.context.rooms.lookSoon();
  }

  private wake(): void {
    if (this.serving || this.waiting.queue.size + this.waiting.expecting.size === 0) return;
    this.serving = true;
    this.context.transport.afterTurn(this);
  }

  private serve(): void {
    if (this.retired) return;
    const { expecting, queue } = this.waiting;
    while (expecting.oldest !== null) if (!expecting.oldest.tryPlace()) return;
    // One who wants a certain server must not keep the others from theirs.
    let passed = 0;
    for (let waiter = queue.newest; waiter !== null && passed < MOST_PASSED;) {
      const { olderWaiter } = waiter;
      if (waiter.tryPlace()) waiter = passed === 0 ? queue.newest : olderWaiter;
      else {
        passed++;
        waiter = olderWaiter;
      }
    }
  }

  /** Those who expect a place first, they came as new; then the queue, from its end (pools document). */
  private next(): Waiter | null {
    return this.waiting.expecting.oldest ?? this.waiting.queue.newest;
  }

  private turnAway(waiter: Waiter, counter: number): void {
    const queued = waiter.waitsIn === this.waiting.queue;
    if (queued) this.count(counter);
    this.remove(waiter);
    waiter.waitedInVain(!queued);
  }

  private remove(waiter: Waiter): void {
    const kind = waiter.waitsIn === this.waiting.queue ? POOL_CELL.QUEUED : POOL_CELL.EXPECTING;
    waiter.waitsIn?.remove(waiter);
    this.add(kind, -1);
  }

  /** Requests that wait for a place in all workers. */
  private wanted(): number {
    const { mapping } = this.context;
    return mapping.poolSum(this.slot, POOL_CELL.QUEUED) + mapping.poolSum(this.slot, POOL_CELL.EXPECTING);
  }

  /** Closes idle connections to full servers for those who wait, here or elsewhere. */
  private yieldIdle(wanted: number): void {
    const { servers } = this;
    const { mapping } = this.context;
    let need = wanted;
    for (let n = 0; n < servers.length && need > 0; n++) {
      if (++this.cursor >= servers.length) this.cursor = 0;
      const server = servers[this.cursor]!;
      if (server.idleCount === 0 || mapping.placesOf(this.slots[this.cursor]!) < this.most) continue;
      for (; server.newestIdle !== null && need > 0; need--) {
        this.count(POOL.YIELDED);
        server.newestIdle.closeIdle();
      }
    }
  }

  /**
   * Where idle connections fill a server up, one is closed: the next worker that needs one finds a place at once. Under
   * load connections are not idle for so long.
   */
  private leaveRoom(): void {
    const { servers, slots, most } = this;
    for (let place = 0; place < servers.length; place++) {
      const idle = servers[place]!.newestIdle;
      if (idle === null || this.context.mapping.placesOf(slots[place]!) < most) continue;
      if (!this.hasCompany()) return;
      this.count(POOL.YIELDED);
      idle.closeIdle();
    }
  }

  /** Other workers serve too. */
  private hasCompany(): boolean {
    const { mapping, block } = this.context;
    for (let w = 0; w < mapping.layout.workers; w++)
      if (w !== block.index && mapping.workerState(w) === WORKER_STATE.READY) return true;
    return false;
  }

  /** Idle connections above the limit, which has become lower. */
  private closeSurplus(): void {
    for (const [place, server] of this.servers.entries()) {
      let surplus = this.context.mapping.placesOf(this.slots[place]!) - this.most;
      for (; surplus > 0 && server.newestIdle !== null; surplus--) server.newestIdle.closeIdle();
    }
  }

  /** What a message may have missed: the places of dead workers, above all. */
  private lookAtAll(): void {
    const { mapping } = this.context;
    const { free, servers, slots, most } = this;
    for (let place = 0; place < servers.length; place++)
      if (free.isFull(place) && (servers[place]!.idleCount > 0 || mapping.placesOf(slots[place]!) < most))
        free.setFull(place, false);
  }

  private add(kind: number, by: number): void {
    const { block } = this.context;
    block.poolCells[block.poolCell(this.slot, kind)]! += by;
  }

  private count(counter: number): void {
    const { block } = this.context;
    block.f64[block.pool(this.slot) + counter]!++;
  }
}
