import { AS_IS, FOLD, standsAt } from './bytes.js';
import type { Hits } from './hits.js';

/** How a pattern lies in a text. */
export type Place = 'whole' | 'prefix' | 'suffix';

const step = (hash: number, byte: number): number => (Math.imul(hash, 31) + byte) | 0;

/**
 * Finds which of many patterns a text equals, begins with or ends with, in one pass over the text: a rolling hash is
 * looked up at each length that some pattern has. What a text costs does not grow with the number of patterns.
 */
export class PatternTable {
  private readonly table: Uint8Array;
  /** 1 per length that a pattern has. */
  private readonly lengths: Uint8Array;
  private readonly longest: number;
  private readonly mask: number;
  /** Number of a pattern + 1 per slot of the hash, linear probing; 0 is free. */
  private readonly slots: Int32Array;
  private readonly hashes: Int32Array;

  /** @param patterns folded already when `fold`; equal ones are found all */
  constructor(
    private readonly patterns: readonly Uint8Array[],
    private readonly place: Place,
    fold: boolean,
  ) {
    this.table = fold ? FOLD : AS_IS;
    this.longest = patterns.reduce((most, p) => Math.max(most, p.length), 0);
    this.lengths = new Uint8Array(this.longest + 1);
    let size = 4;
    while (size < patterns.length * 2) size *= 2;
    this.mask = size - 1;
    this.slots = new Int32Array(size);
    this.hashes = new Int32Array(size);
    patterns.forEach((pattern, number) => this.insert(pattern, number));
  }

  find(b: Uint8Array, start: number, end: number, hits: Hits): void {
    if (this.place === 'prefix') this.prefixes(b, start, end, hits);
    else if (this.place === 'suffix') this.suffixes(b, start, end, hits);
    else this.whole(b, start, end, hits);
  }

  private insert(pattern: Uint8Array, number: number): void {
    let hash = 0;
    if (this.place === 'suffix') for (let i = pattern.length - 1; i >= 0; i--) hash = step(hash, pattern[i]!);
    else for (const byte of pattern) hash = step(hash, byte);
    this.lengths[pattern.length] = 1;
    let slot = this.slotOf(hash);
    while (this.slots[slot] !== 0) slot = (slot + 1) & this.mask;
    this.slots[slot] = number + 1;
    this.hashes[slot] = hash;
  }

  private slotOf(hash: number): number {
    return (Math.imul(hash, 0x9e3779b1) >>> 7) & this.mask;
  }

  private whole(b: Uint8Array, start: number, end: number, hits: Hits): void {
    const length = end - start;
    if (length > this.longest || this.lengths[length] === 0) return;
    const { table } = this;
    let hash = 0;
    for (let i = start; i < end; i++) hash = step(hash, table[b[i]!]!);
    this.lookUp(hash, b, start, length, hits);
  }

  private prefixes(b: Uint8Array, start: number, end: number, hits: Hits): void {
    const { table, lengths } = this;
    const stop = Math.min(end, start + this.longest);
    let hash = 0;
    for (let i = start; ; i++) {
      if (lengths[i - start] === 1) this.lookUp(hash, b, start, i - start, hits);
      if (i >= stop) return;
      hash = step(hash, table[b[i]!]!);
    }
  }

  private suffixes(b: Uint8Array, start: number, end: number, hits: Hits): void {
    const { table, lengths } = this;
    const stop = Math.max(start, end - this.longest);
    let hash = 0;
    for (let i = end; ; i--) {
      if (lengths[end - i] === 1) this.lookUp(hash, b, i, end - i, hits);
      if (i <= stop) return;
      hash = step(hash, table[b[i - 1]!]!);
    }
  }

  private lookUp(hash: number, b: Uint8Array, at: number, length: number, hits: Hits): void {
    const { slots, hashes, mask, patterns, table } = this;
    for (let slot = this.slotOf(hash); slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (hashes[slot] !== hash) continue;
      const number = slots[slot]! - 1;
      const pattern = patterns[number]!;
      if (pattern.length === length && standsAt(table, b, at, pattern)) hits.push(number);
    }
  }
}
