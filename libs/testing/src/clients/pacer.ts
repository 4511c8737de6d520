import { now } from '../http/connection.js';

const TICK = 2;

/** Hands out starts at a fixed rate. Starts that nobody took are lost, so a pause is not followed by a burst. */
export class Pacer {
  readonly #waiting: ((due: number | undefined) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #next: number;
  #stopped = false;

  /** @param rate starts per second; 0 is without bound. */
  constructor(private readonly rate: number) {
    this.#next = now();
    if (rate > 0) this.#timer = setInterval(() => this.#tick(), TICK);
  }

  /** When the next start is due (ms since the epoch); undefined once stopped. */
  async take(): Promise<number | undefined> {
    if (this.#stopped) return undefined;
    if (this.rate === 0) {
      // One turn of the event loop, so that an unbounded loop does not starve its sockets.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      return this.#stopped ? undefined : now();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  #tick(): void {
    const at = now();
    while (this.#next <= at) {
      const waiter = this.#waiting.shift();
      if (!waiter) {
        this.#next = at + 1000 / this.rate;
        return;
      }
      waiter(this.#next);
      this.#next += 1000 / this.rate;
    }
  }
}

/** Calls `start` at a fixed rate whatever becomes of earlier starts (open loop). */
export class Schedule {
  readonly #timer: NodeJS.Timeout;
  #next: number;

  constructor(
    private readonly rate: number,
    private readonly start: (due: number) => void,
  ) {
    this.#next = now();
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const at = now();
    for (; this.#next <= at; this.#next += 1000 / this.rate) this.start(this.#next);
  }
}
