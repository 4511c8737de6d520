import type { Algorithm, AlgorithmContext } from './contract.js';
import { EvenLoads } from './even-loads.js';
import type { Loads } from './load.js';
import { WeightedLoads } from './weighted-loads.js';

/**
 * The server with the least load per weight (`ratio x share`), whatever load is. Of equals each gets its part in turn.
 *
 * Pools up to SCAN_LIMIT are scanned, so the choice is exact at the moment of the pick. Larger pools keep a heap: what
 * this worker does moves at once, and a server is never chosen before its load over all workers has been read again;
 * that another worker has let go of a server is noticed by a few servers per pick in turn.
 */
export abstract class Least implements Algorithm, Loads {
  private readonly even: EvenLoads;
  /** Made when weights differ for the first time. */
  private weighted: WeightedLoads | null = null;
  private differ = false;

  /** Call `refresh` once `loadOf` can be asked. */
  constructor(protected readonly context: AlgorithmContext) {
    this.even = new EvenLoads(context, this);
  }

  abstract loadOf(place: number): number;

  pick(avoid: number, _key: number): number {
    return this.differ ? this.weighted!.pick(avoid) : this.even.pick(avoid);
  }

  changed(place: number): void {
    if (this.differ) this.weighted!.changed(place);
    else this.even.changed(place);
  }

  refresh(): void {
    this.differ = this.context.table.reduced || this.ratiosDiffer();
    if (this.differ) {
      this.weighted ??= new WeightedLoads(this.context, this);
      this.weighted.refresh();
    } else {
      this.weighted = null;
      this.even.refresh();
    }
  }

  /** Loads of servers may have changed that nobody has told of. */
  protected reload(): void {
    if (this.differ) this.weighted!.reload();
    else this.even.reload();
  }

  private ratiosDiffer(): boolean {
    const { count, eligible, ratios } = this.context.table;
    let ratio = 0;
    for (let i = 0; i < count; i++) {
      if (eligible[i] === 0 || ratios[i] === ratio) continue;
      if (ratio !== 0) return true;
      ratio = ratios[i]!;
    }
    return false;
  }
}
