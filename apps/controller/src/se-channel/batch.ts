/** First and longest wait before a failed write is tried again, in milliseconds. */
const FIRST_RETRY = 100;
const LONGEST_RETRY = 5_000;

/**
 * Writes the newest value per key, one batch at a time: what comes while a batch is written is coalesced into the
 * next. A batch that fails is tried again with what came meanwhile on top, so nothing newer is ever overwritten.
 */
export class BatchWriter<K, V> {
  #pending = new Map<K, V>();
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry = FIRST_RETRY;
  #closed = false;

  constructor(
    private readonly write: (batch: ReadonlyMap<K, V>) => Promise<void>,
    private readonly options: {
      /** Milliseconds to wait for company before a batch is written. */
      delay: number;
      /** A later value of the same key, given the one that waits. */
      merge?: (waiting: V, later: V) => V;
      onError: (error: unknown, size: number) => void;
    },
  ) {}

  set(key: K, value: V): void {
    const waiting = this.#pending.get(key);
    this.#pending.set(
      key,
      waiting !== undefined && this.options.merge ? this.options.merge(waiting, value) : value,
    );
    this.#schedule(this.options.delay);
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Writes what is pending now; resolves when that has been tried. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
    await this.#run();
  }

  /** Tries once more to write what is pending, and takes nothing up after that. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    clearTimeout(this.#timer);
  }

  #schedule(delay: number): void {
    if (this.#timer !== undefined || this.#running !== undefined) return;
    if (delay === 0) void this.#run();
    else
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        void this.#run();
      }, delay);
  }

  #run(): Promise<void> {
    this.#running ??= this.#writeOnce().finally(() => {
      this.#running = undefined;
      if (this.#pending.size > 0 && !this.#closed)
        this.#schedule(this.#retry > FIRST_RETRY ? this.#retry : this.options.delay);
    });
    return this.#running;
  }

  async #writeOnce(): Promise<void> {
    // What is set in this turn of the event loop goes along.
    await Promise.resolve();
    if (this.#pending.size === 0) return;
    const batch = this.#pending;
    this.#pending = new Map();
    try {
      await this.write(batch);
      this.#retry = FIRST_RETRY;
    } catch (error) {
      this.options.onError(error, batch.size);
      this.#retry = Math.min(this.#retry * 2, LONGEST_RETRY);
      this.#keep(batch);
    }
  }

  /** Puts a batch that failed under what came meanwhile. */
  #keep(batch: ReadonlyMap<K, V>): void {
    const later = this.#pending;
    this.#pending = new Map(batch);
    for (const [key, value] of later) {
      const waiting = this.#pending.get(key);
      this.#pending.set(
        key,
        waiting !== undefined && this.options.merge ? this.options.merge(waiting, value) : value,
      );
    }
  }
}
