/**
 * Counts the connections that were reset at the deadline of a drain: those that were left when it came and were gone
 * right after.
 */
export class DrainCount {
  readonly #drains = new Map<string, { deadline: number; left: number; reset: number }>();

  /** The drain of a placement begins; told again, only the first counts. */
  begin(key: string, now: number, timeout: number): void {
    if (!this.#drains.has(key)) this.#drains.set(key, { deadline: now + timeout, left: 0, reset: 0 });
  }

  end(key: string): void {
    this.#drains.delete(key);
  }

  /** So many connections are left now. The clock of the workers ticks every 100 ms: a deadline may come that late. */
  see(key: string, now: number, left: number): void {
    const drain = this.#drains.get(key);
    if (drain === undefined) return;
    if (left < drain.left && now >= drain.deadline) drain.reset += drain.left - left;
    drain.left = left;
  }

  resetOf(key: string): number {
    return this.#drains.get(key)?.reset ?? 0;
  }
}
