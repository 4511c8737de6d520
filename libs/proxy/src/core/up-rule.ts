import type { VirtualService } from '@spillway/snapshot';
import type { Pool } from './pool.js';

/**
 * Whether a virtual service is up on this SE, for one that nobody can connect to while it is not
 * (`remove_listening_port_on_vs_down`).
 */
export class UpRule {
  private constructor(
    /** All that its requests may go to. */
    readonly pools: readonly Pool[],
    private readonly least: number,
    private readonly redirects: boolean,
  ) {}

  /** Null for a virtual service that is listened for whatever its pools do. */
  static of({ close_when_down: spec }: VirtualService, pools: readonly Pool[]): UpRule | null {
    return spec === undefined ? null : new UpRule(pools, spec.min_pools_up, spec.redirects);
  }

  get isUp(): boolean {
    const { pools, least } = this;
    if (this.redirects || pools.length === 0) return true;
    let up = 0;
    for (let i = 0; i < pools.length && up < least; i++) if (pools[i]!.isServing) up++;
    return up >= least;
  }
}
