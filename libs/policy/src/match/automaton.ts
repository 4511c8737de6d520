import { AS_IS, FOLD } from './bytes.js';
import type { Hits } from './hits.js';

/** Cells of the largest table; patterns that need a larger one are to be tested one by one. */
const MOST_CELLS = 8_000_000;

/**
 * Finds which of many patterns a text holds, in one pass (Aho and Corasick, 1975). A pattern is found once for each
 * place at which it stands.
 */
export class Automaton {
  private readonly table: Uint8Array;
  /** Class of each byte; bytes in no pattern share one. */
  private readonly classOf = new Uint8Array(256);
  private readonly classes: number;
  /** Next state by `state * classes + class`. */
  private next: Int32Array;
  /** First pattern that ends in a state, -1 for none; further ones by `another`. */
  private readonly ends: number[] = [-1];
  /** The next pattern with the same bytes. */
  private readonly another: Int32Array;
  /** The longest state that ends with this one's end and in which a pattern ends; 0 for none. */
  private shorter = new Int32Array(1);

  /** Whether a table of patterns of this many bytes fits. */
  static fits(patterns: readonly Uint8Array[]): boolean {
    const bytes = new Set<number>();
    let states = 1;
    for (const pattern of patterns) {
      states += pattern.length;
      for (const byte of pattern) bytes.add(byte);
    }
    return states * (bytes.size + 1) <= MOST_CELLS;
  }

  /** @param patterns not empty, folded already when `fold` */
  constructor(patterns: readonly Uint8Array[], fold: boolean) {
    this.table = fold ? FOLD : AS_IS;
    const bytes = new Set(patterns.flatMap((pattern) => [...pattern]));
    let classes = 1;
    for (const byte of bytes) this.classOf[byte] = classes++;
    this.classes = classes;
    this.another = new Int32Array(patterns.length).fill(-1);
    const states = patterns.reduce((n, p) => n + p.length, 1);
    this.next = new Int32Array(states * classes).fill(-1);
    patterns.forEach((pattern, number) => this.insert(pattern, number));
    this.next = this.next.slice(0, this.ends.length * classes);
    this.link();
  }

  find(b: Uint8Array, start: number, end: number, hits: Hits): void {
    const { table, classOf, classes, next, ends, another, shorter } = this;
    let state = 0;
    for (let i = start; i < end; i++) {
      state = next[state * classes + classOf[table[b[i]!]!]!]!;
      let at = ends[state]! >= 0 ? state : shorter[state]!;
      for (; at !== 0; at = shorter[at]!)
        for (let number = ends[at]!; number >= 0; number = another[number]!) hits.push(number);
    }
  }

  private insert(pattern: Uint8Array, number: number): void {
    let state = 0;
    for (const byte of pattern) {
      const cell = state * this.classes + this.classOf[byte]!;
      if (this.next[cell] === -1) this.next[cell] = this.ends.push(-1) - 1;
      state = this.next[cell]!;
    }
    this.another[number] = this.ends[state]!;
    this.ends[state] = number;
  }

  /** Breadth first: where a state has no way on, it goes where its longest proper end goes. */
  private link(): void {
    const { classes, next, ends } = this;
    const failure = new Int32Array(ends.length);
    this.shorter = new Int32Array(ends.length);
    const queue: number[] = [];
    for (let c = 0; c < classes; c++) {
      if (next[c] === -1) next[c] = 0;
      else queue.push(next[c]!);
    }
    for (let at = 0; at < queue.length; at++) {
      const state = queue[at]!;
      const back = failure[state]!;
      this.shorter[state] = ends[back]! >= 0 ? back : this.shorter[back]!;
      for (let c = 0; c < classes; c++) {
        const cell = state * classes + c;
        const onward = next[back * classes + c]!;
        if (next[cell] === -1) next[cell] = onward;
        else {
          failure[next[cell]!] = onward;
          queue.push(next[cell]!);
        }
      }
    }
  }
}
