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

/** Of the time that a process was silent: one that has computed so much of it was not kept from its loop by others. */
const SPINNING = 0.6;
/** CPU time is counted in steps of 10 ms, and looked at on ticks. */
const STEP = 20;

/**
 * Whether a silent process is to be killed, given its state in `/proc/PID/stat`. One that is ready to run and does not
 * get the processor is not hung; one that has had it all the time is, unless it has said that it has much to do.
 * @param computed milliseconds of CPU time since it was seen silent; undefined when that is not known
 * @param loading it has said that it computes on purpose
 */
export function isToBeKilled(
  { silent, timeout }: Pick<Hung<unknown>, 'silent' | 'timeout'>,
  state: string,
  computed?: number,
  loading = false,
): boolean {
  if (silent >= timeout * BUSY_PATIENCE) return true;
  if (state !== 'R') return true;
  if (loading) return false;
  return computed !== undefined && computed + STEP >= silent * SPINNING;
}

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

  /** Who had not beaten when `tick` was called last, for however short. */
  silent(): K[] {
    return [...this.#seen].flatMap(([key, { silent }]) => (silent > 0 ? [key] : []));
  }

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
