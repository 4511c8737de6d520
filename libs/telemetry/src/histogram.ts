/** Buckets of the fine histogram: eight to a power of two. */
export const BUCKETS = 256;
/** Buckets of the coarse ones: four to a power of two. */
export const COARSE_BUCKETS = 128;

const MOST = 2_147_483_647;
const whole = (microseconds: number): number => (microseconds < MOST ? microseconds | 0 : MOST);

/**
 * Log-linear buckets over whole microseconds: exact below 16 us, then eight buckets per power of two, so a
 * quantile is at most 12.5 % off. The last bucket holds everything from 2^31 us.
 */
export function bucketOf(microseconds: number): number {
  const v = whole(microseconds);
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

/** The same with four buckets per power of two: exact below 8 us, at most 25 % off above. */
export function coarseBucketOf(microseconds: number): number {
  const v = whole(microseconds);
  if (v < 8) return v < 0 ? 0 : v;
  const log = 31 - Math.clz32(v);
  return (log << 2) + ((v >>> (log - 2)) & 3) - 4;
}

/** Smallest number of microseconds that falls into the coarse bucket. */
export function coarseBucketFloor(bucket: number): number {
  if (bucket < 8) return bucket;
  const b = bucket + 4;
  return (4 + (b & 3)) * 2 ** ((b >> 2) - 2);
}

/** The floor function of a histogram of that many buckets. */
export const floorOf = (buckets: number): ((bucket: number) => number) =>
  buckets === BUCKETS ? bucketFloor : coarseBucketFloor;

/**
 * The q-quantile (0..1) of a fine or coarse histogram in microseconds: the upper edge of the bucket it falls into; 0
 * when nothing was counted.
 */
export function quantile(counts: ArrayLike<number>, q: number): number {
  const floor = floorOf(counts.length);
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] ?? 0;
  if (total === 0) return 0;
  const rank = Math.max(1, Math.ceil(total * q));
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i] ?? 0;
    if (seen >= rank) return Math.max(floor(i), floor(i + 1) - 1);
  }
  return floor(counts.length - 1);
}

/**
 * For each upper bound in microseconds, how many buckets lie below it whole: their counts are those of values that are
 * at most the bound. Bounds rise.
 */
export function bucketsBelow(buckets: number, bounds: readonly number[]): Int32Array {
  const floor = floorOf(buckets);
  let bucket = 0;
  return Int32Array.from(bounds, (bound) => {
    while (bucket < buckets && floor(bucket + 1) - 1 <= bound) bucket++;
    return bucket;
  });
}

/**
 * Adds to `sums` how many of the counts lie below each bound (`bucketsBelow`), cumulative, and behind these how many there are in all.
 */
export function addCumulative(sums: Float64Array, counts: Uint32Array, below: Int32Array): void {
  let bucket = 0;
  let sum = 0;
  for (let i = 0; i < below.length; i++) {
    for (const end = below[i]!; bucket < end; bucket++) sum += counts[bucket]!;
    sums[i]! += sum;
  }
  for (; bucket < counts.length; bucket++) sum += counts[bucket]!;
  sums[below.length]! += sum;
}
