interface Pending {
  generation: number;
  /** `performance.now()` of the moment when the API could answer. */
  since: number;
  waiting: Set<string>;
}

/**
 * Measures each change from the moment when the API could answer until it is live on every SE that it concerns. SEs
 * that leave or refuse it are not waited for.
 */
export class LiveTracker {
  #pending: Pending[] = [];
  #waiters: { generation: number; resolve: () => void }[] = [];

  /** `live` is told each change that is live everywhere, in milliseconds. */
  constructor(private readonly live: (generation: number, milliseconds: number) => void) {}

  get pending(): number {
    return this.#pending.length;
  }

  /** A change is to be delivered to these SEs. */
  begin(generation: number, since: number, seUuids: Iterable<string>): void {
    const waiting = new Set(seUuids);
    if (waiting.size > 0) this.#pending.push({ generation, since, waiting });
  }

  /** This SE is current with everything up to a generation. */
  reached(seUuid: string, generation: number, now: number): void {
    this.#settle(now, (p) => p.generation <= generation && p.waiting.delete(seUuid), true);
  }

  /** This SE will not get there now: it left, or refused. */
  abandoned(seUuid: string): void {
    this.#settle(0, (p) => p.waiting.delete(seUuid), false);
  }

  /** Resolves when no change up to this generation is on its way any more. */
  whenLive(generation: number): Promise<void> {
    if (!this.#pending.some((p) => p.generation <= generation)) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ generation, resolve }));
  }

  #settle(now: number, touch: (p: Pending) => boolean, measured: boolean): void {
    this.#pending = this.#pending.filter((p) => {
      if (!touch(p) || p.waiting.size > 0) return true;
      if (measured) this.live(p.generation, now - p.since);
      return false;
    });
    if (this.#waiters.length === 0) return;
    const oldest = Math.min(Infinity, ...this.#pending.map((p) => p.generation));
    const due = this.#waiters.filter((w) => w.generation < oldest);
    this.#waiters = this.#waiters.filter((w) => w.generation >= oldest);
    for (const { resolve } of due) resolve();
  }
}
