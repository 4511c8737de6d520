import type { Algorithm, AlgorithmContext } from './contract.js';
import { loadWithOneMore } from './load.js';

/** Up to this many eligible servers every pick looks at all of them (about 1 ns per server and worker). */
export const SCAN_LIMIT = 64;
/** Servers whose load a pick of a large pool looks up again, beside those at the top of its heap. */
const PROBES = 4;

/**
 * The server with the fewest open connections per ratio, counted over all workers of the SE.
 *
 * Pools up to SCAN_LIMIT are scanned, so the choice is exact at the moment of the pick; of equals the next in turn
 * is taken. Larger pools keep a heap: what this worker does moves at once, and a server is never chosen before its
 * load over all workers has been read again; that another worker has let go of a server is noticed by PROBES
 * servers per pick in turn.
 */
export class LeastConnections implements Algorithm {
  private readonly places: Uint16Array;
  private count = 0;
  private cursor = 0;
  /** Heap of places by key; `where[place]` is its index in the heap, -1 when not in it. Empty for small pools. */
  private readonly heap: Uint16Array;
  private readonly where: Int32Array;
  private readonly keys: Float64Array;
  private size = 0;

  constructor(private readonly context: AlgorithmContext) {
    const { count } = context.table;
    this.places = new Uint16Array(count);
    this.heap = new Uint16Array(count);
    this.where = new Int32Array(count).fill(-1);
    this.keys = new Float64Array(count);
    this.cursor = context.start;
    this.refresh();
  }

  pick(avoid: number, _key: number): number {
    if (this.count === 0) return -1;
    if (this.size === 0) return this.scan(avoid);
    return this.top(avoid);
  }

  changed(place: number): void {
    if (this.size > 0 && this.where[place] !== -1) this.update(place);
  }

  refresh(): void {
    const { table } = this.context;
    let n = 0;
    for (let i = 0; i < table.count; i++) if (table.eligible[i] === 1) this.places[n++] = i;
    this.count = n;
    this.size = 0;
    this.where.fill(-1);
    if (n <= SCAN_LIMIT) return;
    for (let i = 0; i < n; i++) this.push(this.places[i]!);
  }

  private key(place: number): number {
    return loadWithOneMore(this.context, place);
  }

  private scan(avoid: number): number {
    const { places, count } = this;
    if (this.cursor >= count) this.cursor %= count;
    let best = -1;
    let bestKey = Infinity;
    let at = this.cursor;
    for (let i = 0; i < count; i++) {
      if (at >= count) at = 0;
      const place = places[at++]!;
      if (place === avoid) continue;
      const key = this.key(place);
      if (key < bestKey) {
        bestKey = key;
        best = place;
      }
    }
    this.cursor = this.cursor + 1 >= count ? 0 : this.cursor + 1;
    return best === -1 ? avoid : best;
  }

  private top(avoid: number): number {
    for (let i = 0; i < PROBES; i++) {
      if (this.cursor >= this.count) this.cursor %= this.count;
      this.update(this.places[this.cursor++]!);
    }
    // The key of whatever is on top is read again until it holds; each turn can only raise a key that was too low.
    for (let i = 0; i < this.size; i++) {
      const place = this.heap[0]!;
      const before = this.keys[place]!;
      this.update(place);
      if (this.heap[0] === place || this.keys[place]! <= before) break;
    }
    const first = this.heap[0]!;
    if (first !== avoid) return first;
    const left = this.size > 1 ? this.heap[1]! : first;
    const right = this.size > 2 ? this.heap[2]! : left;
    return this.keys[right]! < this.keys[left]! ? right : left;
  }

  private push(place: number): void {
    this.keys[place] = this.key(place);
    this.heap[this.size] = place;
    this.where[place] = this.size;
    this.up(this.size++);
  }

  private update(place: number): void {
    this.keys[place] = this.key(place);
    const i = this.where[place]!;
    if (!this.up(i)) this.down(i);
  }

  private up(from: number): boolean {
    const { heap, keys, where } = this;
    const place = heap[from]!;
    const key = keys[place]!;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent]!;
      if (keys[above]! <= key) break;
      heap[i] = above;
      where[above] = i;
      i = parent;
    }
    heap[i] = place;
    where[place] = i;
    return i !== from;
  }

  private down(from: number): void {
    const { heap, keys, where, size } = this;
    const place = heap[from]!;
    const key = keys[place]!;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[heap[child + 1]!]! < keys[heap[child]!]!) child++;
      const below = heap[child]!;
      if (keys[below]! >= key) break;
      heap[i] = below;
      where[below] = i;
      i = child;
    }
    heap[i] = place;
    where[place] = i;
  }
}
