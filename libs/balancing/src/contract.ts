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

/** What an algorithm may look at. */
export interface AlgorithmContext {
  readonly table: ServerTable;
  readonly counts: ActiveCounts;
  /** Where in its turn an algorithm begins, not negative; differs per worker, and goes on after a change of the pool. */
  readonly start: number;
  /** Number of the worker that asks, from 0 to `counts.workers` - 1. */
  readonly worker: number;
  /**
   * Workers that use a server, with core affinity (`lb_algorithm_core_nonaffinity`): 1 gives each server to one
   * worker, and as many as there are workers gives all to all.
   */
  readonly coreNonaffinity: number;
}

/**
 * How a pool chooses the server of a request (HTTP) or of a connection (L4). One file per algorithm.
 * An algorithm allocates nothing in `pick` and never looks at a server that is not eligible.
 */
export interface Algorithm {
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
