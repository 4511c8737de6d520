const BUCKETS = 15;
/** Milliseconds of one bucket: what was wanted counts for BUCKETS of them. */
const BUCKET = 1000;
/** A server is needed when those before it would be filled to more than this. */
const HEADROOM = 0.9;

/** The most requests at a time that were under way at a pool of late, and which servers they need. */
export class Demand {
  private readonly peaks = new Float64Array(BUCKETS);
  private bucket = 0;

  /** @param requests under way now. @param now milliseconds of a clock that never goes back */
  observe(requests: number, now: number): void {
    this.turn(now);
    const at = this.bucket % BUCKETS;
    if (requests > this.peaks[at]!) this.peaks[at] = requests;
  }

  /** The most of the last 15 seconds: servers are needed at once, and not needed only after a while. */
  peak(now: number): number {
    this.turn(now);
    return this.peaks.reduce((a, b) => Math.max(a, b));
  }

  private turn(now: number): void {
    const bucket = Math.floor(now / BUCKET);
    for (let b = Math.max(this.bucket + 1, bucket - BUCKETS + 1); b <= bucket; b++)
      this.peaks[b % BUCKETS] = 0;
    if (bucket > this.bucket) this.bucket = bucket;
  }
}

/**
 * How many of the servers, in their order, take so many requests at a time; at least one, and all when they take too
 * little together.
 */
export function neededServers(capacities: readonly number[], requests: number): number {
  let sum = 0;
  for (const [i, capacity] of capacities.entries()) {
    sum += capacity * HEADROOM;
    if (sum >= requests) return i + 1;
  }
  return capacities.length;
}
