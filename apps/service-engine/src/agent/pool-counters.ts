import {
  addCumulative,
  bucketsBelow,
  emptyPoolTotals,
  POOL,
  POOL_BUCKETS,
  POOL_CELL,
  POOL_COUNTERS,
  type Mapping,
} from '@spillway/telemetry';
import { BOUNDS } from './counters.js';
import type { SlotTable } from './slot-table.js';

/** A pool that limits the connections to its servers. Totals begin with the agent. */
export interface PoolCounters {
  poolUuid: string;
  /** Requests in the queue now. */
  queued: number;
  /** Connections to servers of the pool that are open now, the idle ones too. */
  connections: number;
  /** Indexed by `POOL`. */
  counters: Float64Array;
  /** How long requests that were served have waited: counts up to each bound (`BOUNDS`), then all. */
  waits: Float64Array;
}

interface Entry {
  readonly slot: number;
  /** What was counted for an earlier agent. */
  readonly base: Float64Array;
  /** As read last: the cells wrap. */
  readonly buckets: Uint32Array;
  readonly told: PoolCounters;
}

const totals = emptyPoolTotals();
const grown = new Uint32Array(POOL_BUCKETS);
const BELOW = bucketsBelow(POOL_BUCKETS, BOUNDS);

/** Reads what the workers count of pools. They are few, and all are read each time. */
export class PoolCounts {
  readonly #entries = new Map<string, Entry>();

  constructor(
    private readonly mapping: Mapping,
    private readonly slots: SlotTable,
  ) {
    for (const [uuid, slot] of slots.entries()) {
      const { counters, buckets } = mapping.poolTotals(slot);
      this.#entries.set(uuid, entry(uuid, slot, counters, buckets));
    }
  }

  read(): PoolCounters[] {
    const told: PoolCounters[] = [];
    for (const [uuid, slot] of this.slots.entries()) {
      let found = this.#entries.get(uuid);
      if (found?.slot !== slot) {
        found = entry(uuid, slot, new Float64Array(POOL_COUNTERS), new Uint32Array(POOL_BUCKETS));
        this.#entries.set(uuid, found);
      }
      this.#read(found);
      told.push(found.told);
    }
    for (const uuid of this.#entries.keys())
      if (this.slots.get(uuid) === undefined) this.#entries.delete(uuid);
    return told;
  }

  #read({ slot, base, buckets, told }: Entry): void {
    const { mapping } = this;
    mapping.poolTotals(slot, totals);
    for (let i = 0; i < POOL_COUNTERS; i++) told.counters[i] = Math.max(0, totals.counters[i]! - base[i]!);
    for (let i = 0; i < POOL_BUCKETS; i++) {
      grown[i] = totals.buckets[i]! - buckets[i]!;
      buckets[i] = totals.buckets[i]!;
    }
    addCumulative(told.waits, grown, BELOW);
    told.queued = Math.max(0, mapping.poolSum(slot, POOL_CELL.QUEUED));
    told.connections = Math.max(0, mapping.poolSum(slot, POOL_CELL.HELD));
  }
}

const entry = (poolUuid: string, slot: number, base: Float64Array, buckets: Uint32Array): Entry => ({
  slot,
  base,
  buckets,
  told: {
    poolUuid,
    queued: 0,
    connections: 0,
    counters: new Float64Array(POOL_COUNTERS),
    waits: new Float64Array(BOUNDS.length + 1),
  },
});

/** Nothing was ever counted for it. */
export const isIdlePool = (p: PoolCounters): boolean =>
  p.queued === 0 && p.connections === 0 && p.counters[POOL.QUEUED] === 0 && p.counters[POOL.REFUSED] === 0;
