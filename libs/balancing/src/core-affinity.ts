import type { Algorithm, AlgorithmContext } from './contract.js';
import { Stride } from './stride.js';
import { turnOf } from './turn.js';

/**
 * Each worker uses a part of the servers, in turn: server `i` belongs to `coreNonaffinity` workers from worker
 * `i mod workers` on. So servers keep fewer connections open, and more of them are used again. When none of a
 * worker's servers is eligible it uses those of the next one. What its servers may not take, since their shares are
 * reduced, it gives to all servers by their weights.
 */
export class CoreAffinity implements Algorithm {
  private readonly all: Uint16Array;
  private readonly places: Uint16Array;
  private length = 0;
  private at: number;
  /** While shares are reduced: what each server has saved up of its turns; a whole one is used. */
  private readonly saved: Float64Array;
  private everyone: Stride | null = null;
  private reduced = false;

  constructor(private readonly context: AlgorithmContext) {
    const { table } = context;
    this.all = turnOf(table.ratios, table.count);
    this.places = new Uint16Array(this.all.length);
    this.saved = new Float64Array(table.count).fill((context.worker + 0.5) / context.counts.workers);
    this.at = context.start;
    this.refresh();
  }

  pick(avoid: number, _key: number): number {
    const { places, length } = this;
    for (let tries = 0; tries < length; tries++) {
      if (this.at >= length) this.at %= length;
      const place = places[this.at++]!;
      if (place === avoid) continue;
      return this.reduced && !this.mayTake(place) ? this.everyone!.pick(avoid) : place;
    }
    return this.elsewhere(avoid);
  }

  private mayTake(place: number): boolean {
    const saved = this.saved[place]! + this.context.table.shares[place]!;
    this.saved[place] = saved >= 1 ? saved - 1 : saved;
    return saved >= 1;
  }

  /** The only server of this worker is to be avoided: one of another worker, if there is any. */
  private elsewhere(avoid: number): number {
    const { table } = this.context;
    if (this.reduced) return this.everyone!.pick(avoid);
    for (let i = 1; i < table.count; i++) {
      const place = (avoid + i) % table.count;
      if (table.eligible[place] === 1) return place;
    }
    return avoid >= 0 && avoid < table.count && table.eligible[avoid] === 1 ? avoid : -1;
  }

  changed(_place: number): void {}

  refresh(): void {
    const { worker, counts, table } = this.context;
    const { rank, workers } = this.context.serving?.() ?? { rank: worker, workers: counts.workers };
    this.length = 0;
    for (let step = 0; step < workers && this.length === 0; step++)
      this.take((rank + step) % workers, workers);
    this.reduced = table.reduced;
    if (!table.reduced) return;
    this.everyone ??= new Stride(table, (worker + 0.5) / counts.workers);
    this.everyone.refresh();
  }

  private take(worker: number, workers: number): void {
    const { table, coreNonaffinity } = this.context;
    const { all, places } = this;
    let n = 0;
    for (let i = 0; i < all.length; i++) {
      const place = all[i]!;
      const distance = (worker - (place % workers) + workers) % workers;
      if (table.eligible[place] === 1 && distance < coreNonaffinity) places[n++] = place;
    }
    this.length = n;
  }
}
