/** Counts what one key does against a rate. */
export interface RateLimiter {
  /**
   * @param key who is counted; one limiter keeps each key apart
   * @param now milliseconds of a clock that never goes back
   * @returns false when it is one too many
   */
  take(key: string, now: number): boolean;
}

export interface Rate {
  /** How many in `period` seconds. */
  readonly count: number;
  readonly period: number;
  /** How many at once at most; no effect below `count`. */
  readonly burst: number;
}

/** Where the limiter of a rule comes from; the same `id` with the same rate counts on, also after an edit. */
export interface RateLimiters {
  limiter(id: string, rate: Rate): RateLimiter;
}
