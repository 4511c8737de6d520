import type { AlgorithmContext } from './contract.js';
import { IndexHeap } from './index-heap.js';
import type { Loads } from './load.js';

/** Up to this many eligible servers every pick looks at all of them (about 1 ns per server and worker). */
export const SCAN_LIMIT = 64;
/** Servers whose load a pick of a large pool looks up again, beside those at the top of its heap. */
export const PROBES = 4;

/** The least loaded among servers of equal weight. */
export class EvenLoads {
  private readonly places: Uint16Array;
  private count = 0;
  private cursor: number;
  /** Empty for small pools. */
  private readonly heap: IndexHeap;

  constructor(
    private readonly context: AlgorithmContext,
    private readonly loads: Loads,
  ) {
    const { count } = context.table;
    this.places = new Uint16Array(count);
    this.heap = new IndexHeap(count);
    this.cursor = context.start;
  }

  pick(avoid: number): number {
    if (this.count === 0) return -1;
    if (this.heap.size === 0) return this.scan(avoid);
    return this.top(avoid);
  }

  changed(place: number): void {
    if (this.heap.size > 0 && this.heap.has(place)) this.update(place);
  }

  refresh(): void {
    const { table } = this.context;
    let n = 0;
    for (let i = 0; i < table.count; i++) if (table.eligible[i] === 1) this.places[n++] = i;
    this.count = n;
    this.heap.clear();
    if (n > SCAN_LIMIT) this.reload();
  }

  /** Any load may have changed. */
  reload(): void {
    if (this.count > SCAN_LIMIT) for (let i = 0; i < this.count; i++) this.update(this.places[i]!);
  }

  private update(place: number): void {
    this.heap.set(place, this.loads.loadOf(place));
  }

  private scan(avoid: number): number {
    const { places, count } = this;
    if (this.cursor >= count) this.cursor %= count;
    let best = -1;
    let least = Infinity;
    let at = this.cursor;
    for (let i = 0; i < count; i++) {
      if (at >= count) at = 0;
      const place = places[at++]!;
      if (place === avoid) continue;
      const load = this.loads.loadOf(place);
      if (load < least) {
        least = load;
        best = place;
      }
    }
    this.cursor = this.cursor + 1 >= count ? 0 : this.cursor + 1;
    return best === -1 ? avoid : best;
  }

  private top(avoid: number): number {
    const { heap } = this;
    for (let i = 0; i < PROBES; i++) {
      if (this.cursor >= this.count) this.cursor %= this.count;
      this.update(this.places[this.cursor++]!);
    }
    // The key of whatever is on top is read again until it holds; each turn can only raise a key that was too low.
    for (let i = 0; i < heap.size; i++) {
      const place = heap.top;
      const before = heap.keys[place]!;
      this.update(place);
      if (heap.top === place || heap.keys[place]! <= before) break;
    }
    return heap.top === avoid && heap.size > 1 ? heap.second : heap.top;
  }
}
