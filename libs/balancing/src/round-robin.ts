import type { Algorithm, AlgorithmContext } from './contract.js';
import { Stride } from './stride.js';
import { Turn } from './turn.js';

/**
 * Servers in turn, each as often as its ratio says, spread as evenly as the ratios allow. One step per pick; while
 * some have a reduced share, log n steps. Every worker goes round by itself and starts at its own place, so that few
 * requests do not all meet the first server; or they take turns together (`lb_algo_rr_per_se`), while no share is reduced.
 */
export class RoundRobin implements Algorithm {
  private readonly turn: Turn;
  private at = 0;
  /** Who is next while shares are reduced; kept for the next time that they are. */
  private stride: Stride | null = null;
  private reduced = false;

  constructor(private readonly context: AlgorithmContext) {
    this.turn = new Turn(context.table);
    this.at = context.start;
    this.refresh();
  }

  pick(avoid: number, _key: number): number {
    if (this.reduced) return this.stride!.pick(avoid);
    const { places, length } = this.turn;
    if (length === 0) return -1;
    const { turn } = this.context;
    if (turn !== undefined) this.at = turn() % length;
    for (let tries = 0; tries < length; tries++) {
      if (this.at >= length) this.at %= length;
      const place = places[this.at++]!;
      if (place !== avoid) return place;
    }
    return avoid;
  }

  changed(_place: number): void {}

  refresh(): void {
    const { table, worker, counts } = this.context;
    if (table.reduced) {
      if (this.stride === null || !this.reduced) {
        this.stride ??= new Stride(table, (worker + 0.5) / counts.workers);
        this.stride.begin(this.turn.waits(this.at, (worker + 0.5) / counts.workers));
      } else this.stride.refresh();
    }
    this.turn.refresh();
    if (this.reduced && !table.reduced) this.at = Math.max(0, this.turn.indexOf(this.stride!.first));
    this.reduced = table.reduced;
  }
}
