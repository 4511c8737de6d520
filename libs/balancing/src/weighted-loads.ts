import type { AlgorithmContext } from './contract.js';
import { PROBES, SCAN_LIMIT } from './even-loads.js';
import { IndexHeap } from './index-heap.js';
import type { Loads } from './load.js';

/**
 * The least loaded among servers whose weights differ.
 *
 * Connections per weight alone would give everything to the heaviest server while few connections are open, so each
 * server is also due every `1 / weight` of a time in which all weights together are one pick. Between servers the open
 * connections decide, and within about one connection the one that is due first. A server with a reduced share is not
 * chosen before it is due: one that refuses everything at once, and so never has a connection open, gets no more than
 * its part, and a new one does not get all that comes until it has caught up.
 */
export class WeightedLoads {
  private readonly places: Uint16Array;
  private count = 0;
  private cursor: number;
  private large = false;
  private now = 0;
  /** What `now` moves by with each pick. */
  private step = 0;
  /** 1 / weight; 0 where the server is not eligible. */
  private readonly every: Float64Array;
  private readonly due: Float64Array;
  /** Large pools: servers that may be chosen, by load; and those that are not due yet, by when they may be chosen. */
  private readonly ready: IndexHeap;
  private readonly waiting: IndexHeap;

  constructor(
    private readonly context: AlgorithmContext,
    private readonly loads: Loads,
  ) {
    const { count } = context.table;
    this.places = new Uint16Array(count);
    this.every = new Float64Array(count);
    this.due = new Float64Array(count);
    this.ready = new IndexHeap(count);
    this.waiting = new IndexHeap(count);
    this.cursor = context.start;
  }

  pick(avoid: number): number {
    if (this.count === 0) return -1;
    const place = this.large ? this.top(avoid) : this.scan(avoid);
    this.took(place);
    return place;
  }

  changed(place: number): void {
    if (this.large && this.ready.has(place)) this.ready.set(place, this.key(place));
  }

  refresh(): void {
    const { table } = this.context;
    let n = 0;
    let sum = 0;
    for (let i = 0; i < table.count; i++) {
      const weight = table.ratios[i]! * table.shares[i]!;
      const every = weight > 0 ? 1 / weight : 0;
      this.due[i] = every * this.waits(i);
      this.every[i] = every;
      if (weight <= 0) continue;
      this.places[n++] = i;
      sum += weight;
    }
    this.count = n;
    this.now = 0;
    this.step = n === 0 ? 0 : 1 / sum;
    this.ready.clear();
    this.waiting.clear();
    this.large = n > SCAN_LIMIT;
    if (this.large) for (let i = 0; i < n; i++) this.place(this.places[i]!);
  }

  /** Any load may have changed. */
  reload(): void {
    if (this.large) for (let i = 0; i < this.count; i++) this.changed(this.places[i]!);
  }

  /** Part of its interval until the server is due, as the weights were. New ones are spread over theirs. */
  private waits(place: number): number {
    const every = this.every[place]!;
    if (every > 0) return (this.due[place]! - this.now) / every;
    return ((place + this.context.start) * GOLDEN) % 1;
  }

  private key(place: number): number {
    const every = this.every[place]!;
    return this.loads.loadOf(place) * every + Math.max(this.due[place]!, this.now - every);
  }

  /** From when on a server with a reduced share may be chosen. */
  private from(place: number): number {
    return this.due[place]! - this.every[place]!;
  }

  private isHeld(place: number): boolean {
    return this.context.table.shares[place]! < 1 && this.from(place) > this.now;
  }

  private scan(avoid: number): number {
    let best = -1;
    let least = Infinity;
    let soonest = avoid;
    let soon = Infinity;
    for (let i = 0; i < this.count; i++) {
      const place = this.places[i]!;
      if (place === avoid) continue;
      if (this.isHeld(place)) {
        if (this.from(place) >= soon) continue;
        soon = this.from(place);
        soonest = place;
        continue;
      }
      const key = this.key(place);
      if (key >= least) continue;
      least = key;
      best = place;
    }
    return best === -1 ? soonest : best;
  }

  private top(avoid: number): number {
    const { ready, waiting } = this;
    while (waiting.size > 0 && waiting.keys[waiting.top]! <= this.now) {
      const place = waiting.top;
      waiting.remove(place);
      ready.set(place, this.key(place));
    }
    for (let i = 0; i < PROBES; i++) {
      if (this.cursor >= this.count) this.cursor %= this.count;
      this.changed(this.places[this.cursor++]!);
    }
    for (let i = 0; i < ready.size; i++) {
      const place = ready.top;
      const before = ready.keys[place]!;
      ready.set(place, this.key(place));
      if (ready.top === place || ready.keys[place]! <= before) break;
    }
    return firstBut(avoid, ready) ?? firstBut(avoid, waiting) ?? avoid;
  }

  private took(place: number): void {
    const every = this.every[place]!;
    this.now += this.step;
    const due = Math.max(this.due[place]!, this.now - every) + every;
    this.due[place] = Math.min(due, this.now + 2 * every);
    if (this.large) this.place(place);
  }

  /** Puts a server of a large pool where it belongs. */
  private place(place: number): void {
    if (this.isHeld(place)) {
      this.ready.remove(place);
      this.waiting.set(place, this.from(place));
    } else {
      this.waiting.remove(place);
      this.ready.set(place, this.key(place));
    }
  }
}

const GOLDEN = 0.618_033_988_749_895;

const firstBut = (avoid: number, heap: IndexHeap): number | null => {
  if (heap.size === 0) return null;
  if (heap.top !== avoid) return heap.top;
  return heap.size > 1 ? heap.second : null;
};
