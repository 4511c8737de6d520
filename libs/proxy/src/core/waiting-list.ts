/** Somebody who waits, in one list at a time. The list links the waiters themselves: waiting allocates nothing. */
export interface Waiter {
  /** The list that it is in; null while it does not wait. Written by the list. */
  waitsIn: WaitingList | null;
  newerWaiter: Waiter | null;
  olderWaiter: Waiter | null;
  /** Since when, as told to `push`. */
  waitsSince: number;
  /** There may be a place: takes one and goes on. False when there is none for it still. */
  tryPlace(): boolean;
  /**
   * It waits no more, since it has waited for long enough or since nothing is left to wait for.
   * @param expected it was not in the queue: it may wait there now
   */
  waitedInVain(expected: boolean): void;
}

/** Waiters in the order in which they came. Every operation takes the same short time. */
export class WaitingList {
  newest: Waiter | null = null;
  oldest: Waiter | null = null;
  size = 0;

  push(waiter: Waiter, now: number): void {
    waiter.waitsIn = this;
    waiter.waitsSince = now;
    waiter.newerWaiter = null;
    waiter.olderWaiter = this.newest;
    if (this.newest === null) this.oldest = waiter;
    else this.newest.newerWaiter = waiter;
    this.newest = waiter;
    this.size++;
  }

  remove(waiter: Waiter): void {
    if (waiter.newerWaiter === null) this.newest = waiter.olderWaiter;
    else waiter.newerWaiter.olderWaiter = waiter.olderWaiter;
    if (waiter.olderWaiter === null) this.oldest = waiter.newerWaiter;
    else waiter.olderWaiter.newerWaiter = waiter.newerWaiter;
    waiter.newerWaiter = null;
    waiter.olderWaiter = null;
    waiter.waitsIn = null;
    this.size--;
  }
}
