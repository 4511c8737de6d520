import { HEADER, type Mapping } from '@spillway/telemetry';
import type { Pool } from './pool.js';

/**
 * Ends what is left of servers that their monitors have marked down, in pools that say when
 * (`graceful_hm_down_disable_timeout`).
 */
export class DownWatch {
  private pools: readonly Pool[] = [];
  private seen = -1;

  constructor(private readonly mapping: Mapping) {}

  watch(pools: Iterable<Pool>): void {
    this.pools = [...pools].filter((pool) => pool.spec.down_timeout !== undefined);
    this.seen = -1;
  }

  /** On every tick. */
  tick(): void {
    if (this.pools.length === 0 || this.mapping.i32[HEADER.HEALTH_EPOCH] === this.seen) return;
    this.seen = this.mapping.i32[HEADER.HEALTH_EPOCH]!;
    for (const { servers, spec } of this.pools)
      for (const server of servers) server.healthSeen(spec.down_timeout!);
  }
}
