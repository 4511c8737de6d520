import { Least } from '../least.js';

/** The server with the least load, where load is made of what all workers share and of what is learned. */
export abstract class Learning extends Least {
  private ticked = -1;

  /** Before the first pick of a tick: brings up to date what `loadOf` goes by. */
  protected abstract learnt(now: number): void;

  override pick(avoid: number, key: number): number {
    const { latency } = this.context;
    if (latency.clock.coarse !== this.ticked) {
      this.ticked = latency.clock.coarse;
      this.learnt(latency.now());
      this.reload();
    }
    return super.pick(avoid, key);
  }
}
