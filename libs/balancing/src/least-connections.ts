import type { Algorithm, AlgorithmContext } from './contract.js';
import { EvenConnections } from './even-connections.js';
import { WeightedConnections } from './weighted-connections.js';

/**
 * The server with the fewest open connections per weight (`ratio x share`), counted over all workers of the SE (pools
 * document, Least Connections). Of equals each gets its part in turn.
 *
 * Pools up to SCAN_LIMIT are scanned, so the choice is exact at the moment of the pick. Larger pools keep a heap: what
 * this worker does moves at once, and a server is never chosen before its load over all workers has been read again;
 * that another worker has let go of a server is noticed by a few servers per pick in turn.
 */
export class LeastConnections implements Algorithm {
  private readonly even: EvenConnections;
  /** Made when weights differ for the first time. */
  private weighted: WeightedConnections | null = null;
  private differ = false;

  constructor(private readonly context: AlgorithmContext) {
    this.even = new EvenConnections(context);
    this.refresh();
  }

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
      this.weighted ??= new WeightedConnections(this.context);
      this.weighted.refresh();
    } else {
      this.weighted = null;
      this.even.refresh();
    }
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
