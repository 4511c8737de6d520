import { COARSE_BUCKETS } from './histogram.js';

/**
 * What is shared about a pool that limits the connections to its servers: cells that each have one writer, a ring of
 * the servers that have become free last, and counters in the blocks of the workers.
 */

/** Cells of a pool slot: one per worker each, written by that worker alone, and zeroed when it dies. */
export const POOL_CELL = {
  /** Requests that wait in the pool's queue. */
  QUEUED: 0,
  /** Requests that wait for a connection which nobody uses to be closed. */
  EXPECTING: 1,
  /** Connections that serve nobody: kept idle, or being closed. */
  SPARE: 2,
  /** Connections to servers of the pool. */
  HELD: 3,
} as const;
export const POOL_CELLS = 4;

/** Counters of a pool slot in the block of a worker (Float64). They only rise. */
export const POOL = {
  /** Requests that were put into the queue. */
  QUEUED: 0,
  /** Of these: sent to a server. */
  SERVED: 1,
  /** Waited for as long as the pool allows. */
  TIMED_OUT: 2,
  /** Their client went away, or what they waited for was taken out of service. */
  LEFT: 3,
  /** Requests and connections that found all servers full, and the queue too where there is one. */
  REFUSED: 4,
  /** Of these: requests that might have waited, had the queue not been full. */
  REFUSED_QUEUE: 5,
  /** Microseconds that the requests in SERVED have waited; the histogram counts them. */
  WAIT_TIME: 6,
  /** Kept connections that were closed since another worker, or another request, wanted their place. */
  YIELDED: 7,
} as const;
export const POOL_COUNTERS = 16;
export const POOL_BUCKETS = COARSE_BUCKETS;
export const POOL_HISTOGRAM_AT = POOL_COUNTERS * 8;
export const POOL_BYTES = POOL_HISTOGRAM_AT + POOL_BUCKETS * 4;

/** The record of a pool slot that all workers write: a ring of servers. */
const RING = 64;
const RING_AT = 16;
export const POOL_RECORD_BYTES = (RING_AT + RING) * 4;

/** Sum over all workers of what was counted for one pool, the dead ones too. */
export interface PoolTotals {
  /** Indexed by `POOL`. */
  readonly counters: Float64Array;
  /** How long requests in `POOL.SERVED` have waited. They wrap at 2^32. */
  readonly buckets: Uint32Array;
}

export const emptyPoolTotals = (): PoolTotals => ({
  counters: new Float64Array(POOL_COUNTERS),
  buckets: new Uint32Array(POOL_BUCKETS),
});

/**
 * Tells all workers which servers of a pool have got a free place, so that nobody has to look at all of them. A hint
 * only: a worker that dies while it writes, or one that is too far behind, makes a reader miss one, so readers look at
 * everything now and then.
 */
export class Releases {
  /** @param at index in `words` of the first word of the record */
  constructor(
    private readonly words: Int32Array,
    private readonly at: number,
  ) {}

  /** The server of that slot has a place for somebody else. */
  tell(slot: number): void {
    const n = Atomics.add(this.words, this.at, 1);
    Atomics.store(this.words, this.at + RING_AT + (n & (RING - 1)), slot + 1);
  }

  /** Differs when something was told in between. */
  get head(): number {
    return Atomics.load(this.words, this.at);
  }

  /** What has been told since `head` was `from` can still be read. */
  covers(from: number): boolean {
    const behind = (this.head - from) | 0;
    return behind >= 0 && behind < RING;
  }

  /** Server slot of the `n`th message; -1 when it is not there (yet). */
  slotOf(n: number): number {
    return Atomics.load(this.words, this.at + RING_AT + (n & (RING - 1))) - 1;
  }
}
