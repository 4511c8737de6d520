import type { Pool, Snapshot } from '@spillway/snapshot';
import type { Mapping } from '@spillway/telemetry';
import { PassivePool, release, type Throttle } from './passive-pool.js';
import type { SlotTable } from './slot-table.js';

/** A share that goes on changing is told of so often. */
const TELL_EVERY = 1_000;

/**
 * The passive monitors of all pools of the SE. One process decides for all workers: what they count is read ten times a
 * second, what is taken back is written where they read it. Dies the agent, the shares stay as they are until the next
 * one goes on from them.
 */
export class PassiveBoard {
  #pools = new Map<string, PassivePool>();
  #roundAt: number;

  constructor(
    private readonly mapping: Mapping,
    private readonly slots: SlotTable,
    private readonly onChange: (changed: Throttle[]) => void,
    now: number,
  ) {
    this.#roundAt = now;
  }

  /** The slots of the snapshot must have been given before. */
  configure(snapshot: Snapshot): void {
    const before = this.#pools;
    this.#pools = new Map();
    let released = false;
    for (const pool of snapshot.pools) {
      const known = before.get(pool.uuid);
      if (!isWatched(pool)) {
        if (release(this.mapping, pool, this.slots)) released = true;
      } else if (known?.spec === pool) this.#pools.set(pool.uuid, known);
      else this.#pools.set(pool.uuid, new PassivePool(this.mapping, pool, this.slots, known));
    }
    if (released) this.mapping.publishHealth();
  }

  /** Call it ten times a second. @param now milliseconds of a clock that never goes back */
  tick(now: number, epoch = Date.now()): void {
    const elapsed = Math.max(0, now - this.#roundAt);
    this.#roundAt = now;
    let changed = false;
    const news: Throttle[] = [];
    for (const pool of this.#pools.values()) {
      if (pool.round(elapsed, epoch)) changed = true;
      if (changed || pool.reduced) news.push(...pool.news(now, TELL_EVERY));
    }
    if (changed) this.mapping.publishHealth();
    if (news.length > 0) this.onChange(news);
  }

  /** Every server that is held back. */
  throttles(): Throttle[] {
    return [...this.#pools.values()].flatMap((pool) => pool.throttles());
  }
}

/** Alone no server is ever held back. */
const isWatched = (pool: Pool): boolean => pool.passive_monitor !== false && pool.servers.length > 1;
