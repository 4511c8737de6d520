const STEP = Math.log(1.02);

/** Durations in milliseconds, kept to 2 %; quantiles never come out too small. */
export class Histogram {
  readonly #buckets: number[] = [];
  count = 0;
  max = 0;

  add(ms: number): void {
    const bucket = ms <= 0.001 ? 0 : Math.ceil(Math.log(ms * 1000) / STEP);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.count++;
    this.max = Math.max(this.max, ms);
  }

  /** The duration that the share `q` (0..1) of all stays at or below; 0 when there are none. */
  quantile(q: number): number {
    let left = Math.max(1, Math.ceil(q * this.count));
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      left -= this.#buckets[bucket] ?? 0;
      if (left <= 0) return Math.min(this.max, Math.exp(bucket * STEP) / 1000);
    }
    return this.max;
  }

  summary(): { p50: number; p99: number; max: number } {
    return { p50: round(this.quantile(0.5)), p99: round(this.quantile(0.99)), max: round(this.max) };
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
