import type { SeRuntime } from '../database/entities/index.js';
import { queueUsesOf } from './request-queue.js';

/** How many clients each pool has refused since that was told last, by what the SEs count. */
export class Refusals {
  /** By SE and pool: the life of the agent, and what it had counted at the last look. */
  private readonly seen = new Map<string, { bootId: string; refused: number }>();
  /** Since it was told. */
  private readonly pending = new Map<string, number>();
  private first = true;

  /** Pools that have refused somebody since they were `told` of. What was counted before the first look is old. */
  grown(runtimes: Iterable<SeRuntime>): ReadonlyMap<string, number> {
    for (const [pool, uses] of queueUsesOf(runtimes))
      for (const { se_uuid, boot_id, totals } of uses) {
        const key = `${se_uuid} ${pool}`;
        const before = this.seen.get(key);
        const base = before !== undefined && before.bootId === boot_id ? before.refused : 0;
        const more = this.first ? 0 : totals.refused - base;
        this.seen.set(key, { bootId: boot_id, refused: totals.refused });
        if (more > 0) this.pending.set(pool, (this.pending.get(pool) ?? 0) + more);
      }
    this.first = false;
    return new Map(this.pending);
  }

  /** No pool limits its connections: whatever is counted from now on is new. */
  nothing(): void {
    this.first = false;
  }

  /** An event tells of these now. */
  told(pools: ReadonlySet<string>): void {
    for (const pool of pools) this.pending.delete(pool);
  }
}
