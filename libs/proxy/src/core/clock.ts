import type { Deferred } from '../transport/seam.js';

/** Resolution of every time-out, in milliseconds. */
export const TICK_MS = 100;
const SLOTS = 512;

/**
 * Something with at most one time-out. Moving the time-out later costs a store; no object and no timer is made for
 * it, so it can be set anew on every request.
 */
export abstract class Timed {
  /** Tick at which the time is up; 0 when none runs. */
  deadline = 0;
  /** Tick of the slot in which it is linked; 0 when it is in none. */
  due = 0;
  before: Timed | null = null;
  after: Timed | null = null;

  /** The time is up. */
  abstract onTimeout(): void;
}

/** The one coarse clock of a worker: a wheel of slots, turned every TICK_MS. */
export class Clock implements Deferred {
  private tick = 1;
  private readonly slots: (Timed | null)[] = Array.from({ length: SLOTS }, () => null);
  private readonly origin: number;

  constructor(private readonly now: () => number) {
    this.origin = now();
  }

  /**
   * Time is up after `milliseconds` (at most two ticks later). Replaces what ran before; 0 stops it. Takes the last
   * turn of the wheel for now: on a worker that is late it may fire that much early.
   */
  arm(timed: Timed, milliseconds: number): void {
    this.armFrom(this.tick, timed, milliseconds);
  }

  /** Like `arm`, but reads the time, so that it is never early: for deadlines that were promised to somebody. */
  armNotEarly(timed: Timed, milliseconds: number): void {
    this.armFrom(Math.max(this.tick, this.tickNow()), timed, milliseconds);
  }

  private armFrom(tick: number, timed: Timed, milliseconds: number): void {
    if (milliseconds <= 0) {
      timed.deadline = 0;
      return;
    }
    const deadline = tick + 1 + Math.ceil(milliseconds / TICK_MS);
    timed.deadline = deadline;
    if (timed.due === 0) this.link(timed);
    else if (deadline < timed.due) {
      this.unlink(timed);
      this.link(timed);
    }
  }

  /** Nothing runs any more; the object stays linked until its slot comes, ready to be armed again. */
  disarm(timed: Timed): void {
    timed.deadline = 0;
  }

  /** Like `disarm`, and lets go of the object. */
  forget(timed: Timed): void {
    timed.deadline = 0;
    if (timed.due !== 0) this.unlink(timed);
  }

  /** Milliseconds until the time is up; -1 when none runs. */
  left(timed: Timed): number {
    return timed.deadline === 0 ? -1 : Math.max(0, (timed.deadline - this.tick) * TICK_MS);
  }

  /** Milliseconds since the clock was made, as of the last turn of the wheel. */
  get coarse(): number {
    return this.tick * TICK_MS;
  }

  /** Turns the wheel up to now. Call it about every TICK_MS; a late call catches up. */
  run(): void {
    const target = this.tickNow();
    // After a long stop every slot needs to be looked at only once.
    if (target - this.tick > SLOTS) this.tick = target - SLOTS;
    while (this.tick < target) {
      this.tick++;
      this.fire(this.tick);
    }
  }

  private tickNow(): number {
    return 1 + Math.floor((this.now() - this.origin) / TICK_MS);
  }

  private fire(tick: number): void {
    const slot = tick % SLOTS;
    for (let timed = this.slots[slot]!; timed !== null; timed = this.slots[slot]!) {
      this.unlink(timed);
      if (timed.deadline === 0) continue;
      if (timed.deadline > tick) {
        this.link(timed);
        continue;
      }
      timed.deadline = 0;
      timed.onTimeout();
    }
  }

  private link(timed: Timed): void {
    const due = Math.min(Math.max(timed.deadline, this.tick + 1), this.tick + SLOTS - 1);
    const slot = due % SLOTS;
    const first = this.slots[slot]!;
    timed.due = due;
    timed.before = null;
    timed.after = first;
    if (first !== null) first.before = timed;
    this.slots[slot] = timed;
  }

  private unlink(timed: Timed): void {
    if (timed.before !== null) timed.before.after = timed.after;
    else this.slots[timed.due % SLOTS] = timed.after;
    if (timed.after !== null) timed.after.before = timed.before;
    timed.before = null;
    timed.after = null;
    timed.due = 0;
  }
}
