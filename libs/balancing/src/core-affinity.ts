import type { Algorithm, AlgorithmContext } from './contract.js';
import { turnOf } from './turn.js';

/**
 * Each worker uses a part of the servers, in turn: server `i` belongs to `coreNonaffinity` workers from worker
 * `i mod workers` on. So servers keep fewer connections open, and more of them are used again. When none of a
 * worker's servers is eligible it uses those of the next one.
 */
export class CoreAffinity implements Algorithm {
  private readonly all: Uint16Array;
  private readonly places: Uint16Array;
  private length = 0;
  private at: number;

  constructor(private readonly context: AlgorithmContext) {
    this.all = turnOf(context.table.ratios, context.table.count);
    this.places = new Uint16Array(this.all.length);
    this.at = context.start;
    this.refresh();
  }

  pick(avoid: number, _key: number): number {
    const { places, length } = this;
    for (let tries = 0; tries < length; tries++) {
      if (this.at >= length) this.at %= length;
      const place = places[this.at++]!;
      if (place !== avoid) return place;
    }
    return this.elsewhere(avoid);
  }

  /** The only server of this worker is to be avoided: one of another worker, if there is any. */
  private elsewhere(avoid: number): number {
    const { table } = this.context;
    for (let i = 1; i < table.count; i++) {
      const place = (avoid + i) % table.count;
      if (table.eligible[place] === 1) return place;
    }
    return avoid >= 0 && avoid < table.count && table.eligible[avoid] === 1 ? avoid : -1;
  }

  changed(_place: number): void {}

  refresh(): void {
    const { worker, counts } = this.context;
    this.length = 0;
    for (let step = 0; step < counts.workers && this.length === 0; step++)
      this.take((worker + step) % counts.workers);
  }

  private take(worker: number): void {
    const { table, counts, coreNonaffinity } = this.context;
    const { all, places } = this;
    let n = 0;
    for (let i = 0; i < all.length; i++) {
      const place = all[i]!;
      const distance = (worker - (place % counts.workers) + counts.workers) % counts.workers;
      if (table.eligible[place] === 1 && distance < coreNonaffinity) places[n++] = place;
    }
    this.length = n;
  }
}
