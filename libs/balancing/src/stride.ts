import type { ServerTable } from './contract.js';
import { IndexHeap } from './index-heap.js';

/**
 * Servers in turn by weights that need not be whole numbers (`ratio x share`): each is due every `1 / weight`, and the
 * one that is due first is next. Over any run of picks a server gets its part to within one pick. When weights change,
 * what a server has waited for so far counts by the old one.
 */
export class Stride {
  /** Eligible servers by when they are due. */
  private readonly due: IndexHeap;
  private readonly weights: Float64Array;
  /** When the last one was due. */
  private now = 0;

  /** @param joins part of its interval that a server waits when it comes in, 0 to 1 */
  constructor(
    private readonly table: ServerTable,
    private readonly joins: number,
  ) {
    this.due = new IndexHeap(table.count);
    this.weights = new Float64Array(table.count);
  }

  /** The place that is next; -1 while there is none. */
  get first(): number {
    return this.due.size === 0 ? -1 : this.due.top;
  }

  pick(avoid: number): number {
    const { due } = this;
    if (due.size === 0) return -1;
    let place = due.top;
    if (place === avoid && due.size > 1) place = due.second;
    const key = due.keys[place]!;
    // A server that was passed over, since it was to be avoided, is due before this one and stays so.
    if (place === due.top) this.now = key;
    due.set(place, key + 1 / this.weights[place]!);
    return place;
  }

  /** Takes the weights of the table. */
  refresh(): void {
    const { due, table, weights, now } = this;
    for (let place = 0; place < table.count; place++) {
      const weight = table.ratios[place]! * table.shares[place]!;
      const waits = due.has(place) ? (due.keys[place]! - now) * weights[place]! : this.joins;
      weights[place] = weight;
      if (weight > 0) due.set(place, waits / weight);
      else due.remove(place);
    }
    this.now = 0;
  }

  /** Begins anew; each eligible server waits the part of its interval that `waits` says. */
  begin(waits: (place: number) => number): void {
    const { due, table, weights } = this;
    due.clear();
    for (let place = 0; place < table.count; place++) {
      const weight = table.ratios[place]! * table.shares[place]!;
      weights[place] = weight;
      if (weight > 0) due.set(place, waits(place) / weight);
    }
    this.now = 0;
  }
}
