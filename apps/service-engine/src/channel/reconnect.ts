const FIRST = 50;
const MOST = 2_000;
/** A stream that held so long was a good one: the next pause is short again. */
const GOOD = 5_000;

/**
 * Pauses between attempts to reach a controller, doubling and jittered, so that many SEs do not come back in one
 * burst; and which address is next.
 */
export class Reconnect {
  #attempt = 0;
  #next = 0;

  constructor(private readonly random: () => number = Math.random) {}

  /** The address to try. */
  pick(addresses: readonly string[]): string {
    const address = addresses[this.#next % Math.max(1, addresses.length)];
    if (address === undefined) throw new Error('there is no address of a controller');
    return address;
  }

  /** The address that was picked says that it leaves. */
  skip(): void {
    this.#next++;
  }

  /**
   * @param held milliseconds that the stream held
   * @returns milliseconds to wait
   */
  pause(held: number): number {
    if (held >= GOOD) this.#attempt = 0;
    else this.#next++;
    const most = Math.min(MOST, FIRST * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 16);
    return Math.round(most * (0.5 + this.random() / 2));
  }
}
