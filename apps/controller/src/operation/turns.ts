/**
 * Runs work by key: one at a time for a key, a limited number of keys at once. A key that is added while it runs gets
 * another turn afterwards, so that no news is lost.
 */
export class Turns {
  private readonly waiting = new Set<string>();
  private readonly running = new Set<string>();
  private readonly again = new Set<string>();
  private whenIdle: (() => void)[] = [];

  constructor(
    private readonly atOnce: number,
    /** Must not reject. */
    private readonly work: (key: string) => Promise<void>,
  ) {}

  add(key: string): void {
    if (this.running.has(key)) this.again.add(key);
    else this.waiting.add(key);
    this.next();
  }

  idle(): Promise<void> {
    if (this.running.size === 0 && this.waiting.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.whenIdle.push(resolve));
  }

  private next(): void {
    for (const key of this.waiting) {
      if (this.running.size >= this.atOnce) return;
      this.waiting.delete(key);
      this.running.add(key);
      void this.work(key).finally(() => this.finished(key));
    }
  }

  private finished(key: string): void {
    this.running.delete(key);
    if (this.again.delete(key)) this.waiting.add(key);
    this.next();
    if (this.running.size > 0 || this.waiting.size > 0) return;
    const resolve = this.whenIdle;
    this.whenIdle = [];
    for (const fn of resolve) fn();
  }
}
