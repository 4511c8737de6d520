/** The slots of one kind in the shared mapping, by key. */
export interface SavedSlots {
  [key: string]: number;
}

/** There is no room in the shared mapping for all that the snapshot holds. */
export class SlotsExhausted extends Error {
  readonly code = 'SLOTS_EXHAUSTED';
}

interface Leaving {
  slot: number;
  /** The configuration without it; 0 once every worker has left it. */
  sequence: number;
  /** Milliseconds; when every worker had left it. */
  since: number;
}

/** A request that began under an older configuration may still count on its slot for a while. */
const QUARANTINE = 60_000;

/**
 * Which slot of the shared mapping is whose. A slot stays the same while its key is wanted; it is given to another
 * only when every worker has left it, nothing is counted there any more, and a while has passed.
 */
export class SlotTable {
  readonly #slots = new Map<string, number>();
  readonly #leaving = new Map<string, Leaving>();
  #free: number[] = [];
  #used = 0;

  /** @param saved slots of an earlier agent of the same SE: the workers use them still */
  constructor(
    private readonly capacity: number,
    private readonly what: string,
    saved: SavedSlots = {},
  ) {
    for (const [key, slot] of Object.entries(saved)) {
      this.#slots.set(key, slot);
      this.#used = Math.max(this.#used, slot + 1);
    }
    const taken = new Set(this.#slots.values());
    for (let slot = 0; slot < this.#used; slot++) if (!taken.has(slot)) this.#free.push(slot);
  }

  /** Slots in use are below this. */
  get used(): number {
    return this.#used;
  }

  get(key: string): number | undefined {
    return this.#slots.get(key);
  }

  entries(): IterableIterator<[string, number]> {
    return this.#slots.entries();
  }

  /** All slots that somebody may still count on. */
  save(): SavedSlots {
    return Object.fromEntries([
      ...this.#slots,
      ...[...this.#leaving].map(([key, l]): [string, number] => [key, l.slot]),
    ]);
  }

  /**
   * Gives every wanted key a slot; what is not wanted any more begins to leave with configuration `sequence`.
   *
   * @returns slots that have a new owner, to be cleared before any worker hears of them
   * @throws {SlotsExhausted} and nothing has changed
   */
  assign(wanted: ReadonlySet<string>, sequence: number): number[] {
    const missing = [...wanted].filter((key) => !this.#slots.has(key) && !this.#leaving.has(key));
    const room = this.#free.length + this.capacity - this.#used;
    if (missing.length > room)
      throw new SlotsExhausted(
        `${this.what}: ${wanted.size} are more than this SE has room for (${this.capacity}, ${this.#leaving.size} still leaving)`,
      );
    for (const [key, slot] of this.#slots)
      if (!wanted.has(key)) {
        this.#slots.delete(key);
        this.#leaving.set(key, { slot, sequence, since: 0 });
      }
    for (const [key, leaving] of this.#leaving)
      if (wanted.has(key)) {
        this.#leaving.delete(key);
        this.#slots.set(key, leaving.slot);
      }
    const fresh = missing.map((key) => {
      const slot = this.#free.shift() ?? this.#used++;
      this.#slots.set(key, slot);
      return slot;
    });
    return fresh;
  }

  /** Every worker runs configuration `sequence`, or a later one. */
  left(sequence: number, now: number): void {
    for (const leaving of this.#leaving.values())
      if (leaving.sequence !== 0 && leaving.sequence <= sequence) {
        leaving.sequence = 0;
        leaving.since = now;
      }
  }

  /** Frees the slots whose quarantine is over and on which nothing is counted any more. */
  reclaim(now: number, isIdle: (slot: number) => boolean): void {
    for (const [key, leaving] of this.#leaving)
      if (leaving.sequence === 0 && now - leaving.since >= QUARANTINE && isIdle(leaving.slot)) {
        this.#leaving.delete(key);
        this.#free.push(leaving.slot);
      }
  }
}
