import { BUCKETS } from './layout.js';

/**
 * Log-linear buckets over whole microseconds: exact below 16 us, then eight buckets per power of two, so a
 * quantile is at most 12.5 % off. The last bucket holds everything from 2^31 us.
 */
export function bucketOf(microseconds: number): number {
  const v = microseconds < 2_147_483_647 ? microseconds | 0 : 2_147_483_647;
  if (v < 16) return v < 0 ? 0 : v;
  const log = 31 - Math.clz32(v);
  return (log << 3) + ((v >>> (log - 3)) & 7) - 16;
}

/** Smallest number of microseconds that falls into the bucket. */
export function bucketFloor(bucket: number): number {
  if (bucket < 16) return bucket;
  const b = bucket + 16;
  return (8 + (b & 7)) * 2 ** ((b >> 3) - 3);
}

/**
 * The q-quantile (0..1) of a histogram in microseconds: the upper edge of the bucket it falls into; 0 when nothing
 * was counted.
 */
export function quantile(counts: ArrayLike<number>, q: number): number {
  let total = 0;
  for (let i = 0; i < BUCKETS; i++) total += counts[i] ?? 0;
  if (total === 0) return 0;
  const rank = Math.max(1, Math.ceil(total * q));
  let seen = 0;
  for (let i = 0; i < BUCKETS; i++) {
    seen += counts[i] ?? 0;
    if (seen >= rank) return Math.max(bucketFloor(i), bucketFloor(i + 1) - 1);
  }
  return bucketFloor(BUCKETS - 1);
}
