import type { FilledPool } from '@spillway/model';
import type { Pool } from '@spillway/snapshot';
import { clamp } from './read.js';

/** How the capacity of servers is found out. A threshold of 0 is automatic. */
export function capacityOf(pool: FilledPool): Pick<Pool, 'capacity_estimation' | 'capacity_ttfb_threshold'> {
  const threshold = pool.capacity_estimation_ttfb_thresh;
  return {
    ...(pool.capacity_estimation ? { capacity_estimation: true } : {}),
    ...(threshold > 0 ? { capacity_ttfb_threshold: clamp(threshold, 1, 5000) } : {}),
  };
}
