/**
 * Open connections per server, kept by all workers of an SE in one shared array. Worker `w` writes only the cell
 * `slot * stride + w`; the load of a server is the sum over `workers` cells.
 */
export interface ActiveCounts {
  readonly cells: Int32Array;
  readonly stride: number;
  readonly workers: number;
}

/** The servers of one pool, as parallel arrays; index `i` is a server's place in its pool. */
export interface ServerTable {
  readonly count: number;
  /**
   * A hash of what a server is called everywhere (its address and port): the same on every SE and in every pool that
   * has it.
   */
  readonly identities: Uint32Array;
  /** Slot of each server in the shared counts. */
  readonly slots: Int32Array;
  /** 1 to 20 each: a server with ratio 2 gets twice the share of one with ratio 1. */
  readonly ratios: Uint8Array;
  /** 1 where the server may get new requests (enabled and up), else 0. Written by the pool, read here. */
  readonly eligible: Uint8Array;
  /**
   * How much of its part each server gets for now (connection ramp, passive monitor): more than 0, at most 1; 0 where it
   * is not eligible. Its weight is `ratio x share`, in every algorithm. Written by the pool, read here.
   */
  readonly shares: Float64Array;
  /** Some eligible server has a share below 1. Where none has, algorithms need not look at the shares. */
  reduced: boolean;
}

/** Words of a server's record for what is learned of its latency, from the first one on. */
export const LATENCY_WORD = {
  /**
   * What least load or fastest response has learned, a log2 x 65536 with its lowest bit set for least load: how many
   * times as long as predicted responses take, or microseconds to the first byte. 0: nothing.
   */
  LEARNT: 0,
  /** Milliseconds (wrapping) of the last sample of that. */
  LEARNT_AT: 1,
  /** Requests at a time that it takes per ratio, x 64, twice that, plus 1 once a limit was found; 0: not estimated. */
  CAPACITY: 2,
  /** Milliseconds (wrapping) of the last change of the capacity; 0: none. */
  JUDGED_AT: 3,
  /** Microseconds to the first byte without load; 0 unknown. */
  BASELINE: 4,
  /** Milliseconds (wrapping) of the last measurement without load; 0: none. */
  BASELINE_AT: 5,
} as const;

/** What the workers of an SE share of what they learn about servers, for the algorithms that go by latency. */
export interface LatencyState {
  /** The words of place `i` begin at `first[i]`. Any worker writes them: a lost sample does no harm. */
  readonly words: Int32Array;
  readonly first: Int32Array;
  /** Predicted work under way, microseconds; cells as in `ActiveCounts`. */
  readonly work: Float64Array;
  /** Turns about every 100 ms. */
  readonly clock: { readonly coarse: number };
  /** Milliseconds, the same in all workers. */
  readonly now: () => number;
}

/**
 * What an algorithm is told of the requests that go to servers. Called by the worker that serves the request; times
 * in microseconds, `now` as in `LatencyState`.
 */
export interface Feed {
  /** Requests are to be told apart by class (`classOf`). */
  readonly classes: boolean;
  /** The work that a request of this class is thought to be; 0 where nobody asks. `kind` 0: it has no class. */
  workOf(kind: number): number;
  /** The work that is left of it after so long. */
  workLeft(kind: number, age: number): number;
  /** The first byte of a response, a TCP connection, or the first answer of a UDP flow, took so long. */
  firstByte(place: number, microseconds: number, now: number): void;
  /** A whole response took so long. */
  whole(place: number, kind: number, microseconds: number, now: number): void;
  /** No response came, or no connection. */
  failed(place: number, now: number): void;
}

/** How many tasks servers have, as their external monitors tell (fewest tasks). */
export interface TaskCounts {
  /** What the monitor told last, and the requests since, over all workers; -1 while it has told nothing. */
  of(place: number): number;
}

/** What an algorithm may look at. */
export interface AlgorithmContext {
  readonly table: ServerTable;
  readonly counts: ActiveCounts;
  /** Where in its turn an algorithm begins, not negative; differs per worker, and goes on after a change of the pool. */
  readonly start: number;
  /** Number of the worker that asks, from 0 to `counts.workers` - 1. */
  readonly worker: number;
  /**
   * How many workers serve now, and which of them asks, from 0 on: cells may be kept for more. Absent: all that have
   * cells. `refresh` is called when it has changed.
   */
  readonly serving?: (() => { readonly rank: number; readonly workers: number }) | undefined;
  /**
   * Workers that use a server, with core affinity (`lb_algorithm_core_nonaffinity`): 1 gives each server to one
   * worker, and as many as there are workers gives all to all.
   */
  readonly coreNonaffinity: number;
  /** Takes the next turn of all workers together, from 0 on; absent where each worker goes round by itself. */
  readonly turn?: (() => number) | undefined;
  readonly latency: LatencyState;
  /** What chose before a change of the pool, to go on with what it has learned; null when there is none. */
  readonly previous: Algorithm | null;
  /**
   * Milliseconds to the first byte from which a server is at capacity (`capacity_estimation_ttfb_thresh`); 0: found
   * out from how its latency changes with its load.
   */
  readonly capacityThreshold: number;
  /** Given where the algorithm is fewest tasks. */
  readonly tasks?: TaskCounts | undefined;
}

/**
 * How a pool chooses the server of a request (HTTP) or of a connection (L4). One file per algorithm.
 * An algorithm allocates nothing in `pick` and never looks at a server that is not eligible.
 */
export interface Algorithm {
  /** Wants to be told of requests; absent for most. */
  readonly feed?: Feed;
  /**
   * Place of the chosen server, -1 when none is eligible.
   * `avoid` is not chosen unless it is the only eligible one (a retry goes elsewhere); -1 avoids nothing.
   * @param key hash of what belongs together (32 bits); only consistent hash looks at it
   */
  pick(avoid: number, key: number): number;
  /** This worker's count of the server at `place` has changed. */
  changed(place: number): void;
  /** `table.eligible`, `table.shares` or `table.reduced` has changed. What was begun goes on where it was. */
  refresh(): void;
}
