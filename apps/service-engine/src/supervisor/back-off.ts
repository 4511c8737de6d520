/** The first restart is at once; from then on the pause doubles. */
const FIRST = 100;
const MOST = 5_000;
/** A process that lived so long has recovered: its next end counts as the first. */
const RECOVERED = 30_000;
/** The longest pause for one that has served: what crashes it comes from outside, and clients wait. */
const MOST_SERVED = 200;

/** Pauses between the restarts of one process. */
export class BackOff {
  #failures = 0;

  /**
   * @param lived milliseconds that the process lived
   * @param served it had come up and done its work
   * @returns milliseconds to wait before it is started again
   */
  next(lived: number, served = false): number {
    if (lived >= RECOVERED) this.#failures = 0;
    const pause = this.#failures === 0 ? 0 : Math.min(MOST, FIRST * 2 ** (this.#failures - 1));
    this.#failures++;
    return served ? Math.min(pause, MOST_SERVED) : pause;
  }
}
