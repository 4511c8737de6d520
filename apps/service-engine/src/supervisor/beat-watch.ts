/** One whose beats are watched. */
export interface Watched<K> {
  key: K;
  /** Any value that changes with each beat. */
  beat: number;
  /** Milliseconds without a beat after which it counts as hung. */
  timeout: number;
}

/** One that has missed its beats. */
export interface Hung<K> {
  key: K;
  /** Milliseconds without a beat. */
  silent: number;
  timeout: number;
}

/** A process that computes (state R in `/proc/PID/stat`) is busy rather than stopped: it gets so many time-outs. */
export const BUSY_PATIENCE = 5;

/** Whether a silent process is to be killed, given its state in `/proc/PID/stat`. */
export const isToBeKilled = (
  { silent, timeout }: Pick<Hung<unknown>, 'silent' | 'timeout'>,
  state: string,
): boolean => state !== 'R' || silent >= timeout * BUSY_PATIENCE;

/** A tick that comes later than this many intervals says nothing about the others: they may have been stopped too. */
const LATE = 2.5;

/**
 * Tells who has missed its beats, by the watcher's own ticks: a watcher that was late itself waits a full time-out
 * again, so that a machine that paused as a whole harms nobody (ADR 5).
 */
export class BeatWatch<K> {
  #seen = new Map<K, { beat: number; silent: number }>();
  #last: number | undefined;

  /** @param interval milliseconds from one tick to the next */
  constructor(private readonly interval: number) {}

  /**
   * @param now milliseconds of a clock that only goes forward
   * @returns who is hung; each is told again on every tick until it beats or is not watched any more
   */
  tick(now: number, watched: Iterable<Watched<K>>): Hung<K>[] {
    const gap = this.#last === undefined ? 0 : now - this.#last;
    this.#last = now;
    const late = gap > this.interval * LATE;
    const next = new Map<K, { beat: number; silent: number }>();
    const hung: Hung<K>[] = [];
    for (const w of watched) {
      const before = this.#seen.get(w.key);
      const silent = before === undefined || before.beat !== w.beat || late ? 0 : before.silent + gap;
      next.set(w.key, { beat: w.beat, silent });
      if (silent >= w.timeout) hung.push({ key: w.key, silent, timeout: w.timeout });
    }
    this.#seen = next;
    return hung;
  }
}
