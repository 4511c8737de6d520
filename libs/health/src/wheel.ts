/** Something that is due at a moment; it waits for one moment at a time. */
export abstract class Timed {
  /** When, in milliseconds of the wheel's clock; meaningless while it does not wait. */
  due = 0;
  /** Neighbours in the slot, for the wheel alone; null while it does not wait. */
  next: Timed | null = null;
  previous: Timed | null = null;

  /** It is time. */
  abstract expired(): void;
}

/** Head of a slot, which is a ring. */
class Head extends Timed {
  override next: Timed = this;
  override previous: Timed = this;
  expired(): void {}
}

/** Milliseconds that one slot stands for: nothing comes early, and at most so much late. */
export const TICK = 2;
const SLOTS = 4096;

/**
 * Thousands of times to wait for on one timer of the runtime: setting and clearing cost the same however many there
 * are, and make no garbage. Times beyond one turn of the wheel stay in their slot for another.
 */
export class Wheel {
  private readonly slots = Array.from({ length: SLOTS }, () => new Head());
  /** The tick that was served last. */
  private served: number;
  private waiting = 0;
  private wakeAt = Infinity;
  private cancel: (() => void) | null = null;
  private turning = false;

  /**
   * @param now milliseconds of any clock that does not go back
   * @param after calls back after so many milliseconds until it is cancelled
   */
  constructor(
    private readonly now: () => number,
    private readonly after: (milliseconds: number, call: () => void) => () => void,
  ) {
    this.served = Math.floor(now() / TICK);
  }

  /** How many wait. */
  get size(): number {
    return this.waiting;
  }

  /** Waits for `milliseconds` from now, instead of what it waited for before. */
  set(timed: Timed, milliseconds: number): void {
    this.clear(timed);
    timed.due = this.now() + milliseconds;
    const tick = Math.max(Math.ceil(timed.due / TICK), this.served + 1);
    const head = this.slots[tick % SLOTS]!;
    timed.previous = head.previous;
    timed.next = head;
    head.previous.next = timed;
    head.previous = timed;
    this.waiting++;
    if (tick < this.wakeAt) this.wake(tick);
  }

  clear(timed: Timed): void {
    if (timed.next === null || timed.previous === null) return;
    timed.previous.next = timed.next;
    timed.next.previous = timed.previous;
    timed.next = null;
    timed.previous = null;
    this.waiting--;
  }

  close(): void {
    this.cancel?.();
    this.cancel = null;
    this.wakeAt = Infinity;
  }

  private wake(tick: number): void {
    this.wakeAt = tick;
    if (this.turning) return;
    this.cancel?.();
    this.cancel = this.after(Math.max(0, tick * TICK - this.now()), () => this.turn());
  }

  /** Serves what is due, and sleeps until the next of them. */
  private turn(): void {
    this.cancel = null;
    this.wakeAt = Infinity;
    this.turning = true;
    const last = Math.floor(this.now() / TICK);
    // After a long sleep each slot is looked at once.
    const first = Math.max(this.served + 1, last - SLOTS + 1);
    for (let tick = first; tick <= last; tick++) {
      this.served = tick;
      this.serve(this.slots[tick % SLOTS]!, tick);
    }
    this.turning = false;
    const next = this.nextTick();
    if (next < Infinity) this.wake(next);
    else this.wakeAt = Infinity;
  }

  private serve(head: Head, tick: number): void {
    const end = tick * TICK;
    let timed: Timed = head.next;
    // What is set meanwhile is due in a later slot, or in this one after another turn: this comes to its end.
    while (timed !== head) {
      const following: Timed = timed.next!;
      if (timed.due <= end) {
        this.clear(timed);
        timed.expired();
        // What expired may have taken its neighbour out.
        timed = following.next === null ? head.next : following;
      } else timed = following;
    }
  }

  private nextTick(): number {
    if (this.waiting === 0) return Infinity;
    for (let tick = this.served + 1; tick <= this.served + SLOTS; tick++) {
      const head = this.slots[tick % SLOTS]!;
      if (head.next !== head) return tick;
    }
    return Infinity;
  }
}
