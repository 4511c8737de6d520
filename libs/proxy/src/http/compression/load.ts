/** Length of a window in milliseconds. */
const WINDOW = 500;

/** From this share of a worker's time on compression takes the fastest level. */
export const BUSY_SHARE = 0.5;
/** From this share on it is left out for further responses. */
export const FULL_SHARE = 0.75;

/** How much of its time a worker spends on compression: the share of the last whole window and the running one. */
export class CompressionLoad {
  private start = 0;
  private spent = 0;
  private before = 0;

  /** `milliseconds` have just been spent. */
  spend(now: number, milliseconds: number): void {
    this.turn(now);
    this.spent += milliseconds;
  }

  /** 0 to 1. */
  share(now: number): number {
    this.turn(now);
    return Math.min(1, (this.before + this.spent) / (WINDOW + now - this.start));
  }

  /** As if nothing had been spent. */
  forget(): void {
    this.spent = 0;
    this.before = 0;
  }

  private turn(now: number): void {
    const passed = now - this.start;
    if (passed < WINDOW) return;
    this.before = passed < 2 * WINDOW ? this.spent : 0;
    this.start = now - (passed % WINDOW);
    this.spent = 0;
  }
}

/** Of this worker. */
export const compressionLoad = new CompressionLoad();
