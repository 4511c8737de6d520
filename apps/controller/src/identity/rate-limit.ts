/** How many failures a key may have before it waits. */
export interface Limit {
  readonly failures: number;
  /** Failures are forgotten after this; it is also the longest wait. */
  readonly windowMs: number;
}

const MOST_KEYS = 10_000;

/** Counts failures per key (an address, a user) and tells how long a key that had too many has to wait. */
export class FailureLimiter {
  private readonly failures = new Map<string, number[]>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Milliseconds to wait; 0: go on. */
  wait(key: string, limit: Limit): number {
    if (limit.failures === 0) return 0;
    const recent = this.recent(key, limit.windowMs);
    const first = recent.at(-limit.failures);
    return first === undefined ? 0 : Math.max(0, first + limit.windowMs - this.now());
  }

  failed(key: string, limit: Limit): void {
    const recent = [...this.recent(key, limit.windowMs), this.now()].slice(-Math.max(1, limit.failures));
    this.failures.delete(key);
    this.failures.set(key, recent);
    // Oldest first: a flood of made-up names cannot fill the memory.
    for (const oldest of this.failures.keys()) {
      if (this.failures.size <= MOST_KEYS) break;
      this.failures.delete(oldest);
    }
  }

  succeeded(key: string): void {
    this.failures.delete(key);
  }

  private recent(key: string, windowMs: number): number[] {
    const since = this.now() - windowMs;
    return (this.failures.get(key) ?? []).filter((at) => at > since);
  }
}
