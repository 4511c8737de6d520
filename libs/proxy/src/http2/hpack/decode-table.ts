import { copyInto } from '../../bytes.js';
import { flagOfValue, kindOfName, STATIC_FIELDS } from './fields.js';

/** What every entry costs beside its bytes (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD = 32;
/** Fields of the static table. */
export const STATIC_COUNT = STATIC_FIELDS.length;

/**
 * Fields as header lines of HTTP/1.1 (`name: value\r\n`), so that to use one is to copy it: line `i` is
 * `bytes[starts[i]..ends[i])`, its value starts at `values[i]` and ends 2 before its end.
 */
export const STATIC_LINES = ((): {
  bytes: Uint8Array;
  starts: Uint16Array;
  values: Uint16Array;
  ends: Uint16Array;
  kinds: Uint8Array;
} => {
  const bytes = Buffer.from(STATIC_FIELDS.map(([n, v]) => `${n}: ${v}\r\n`).join(''), 'latin1');
  const starts = new Uint16Array(STATIC_COUNT);
  const values = new Uint16Array(STATIC_COUNT);
  const ends = new Uint16Array(STATIC_COUNT);
  const kinds = new Uint8Array(STATIC_COUNT);
  let at = 0;
  STATIC_FIELDS.forEach(([name, value], i) => {
    const valueAt = at + name.length + 2;
    starts[i] = at;
    values[i] = valueAt;
    kinds[i] = kindOfName(bytes, at, at + name.length) | flagOfValue(bytes, valueAt, valueAt + value.length);
    at = valueAt + value.length + 2;
    ends[i] = at;
  });
  return { bytes, starts, values, ends, kinds };
})();

/** Numbers per entry in `entries`. */
const STRIDE = 4;
const START = 0;
const VALUE_AT = 1;
const END = 2;
const KIND_AT = 3;

/** A table begins with room for so many bytes and entries: most connections never fill theirs. */
export const FIRST_BYTES = 512;
export const FIRST_ENTRIES = 16;

/**
 * The dynamic table of a decoder: the last entry is the youngest. Lines lie one behind the other in a buffer that
 * grows to twice the size of the table; when its end is reached what is left moves to its front.
 */
export class DecodeTable {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  private entries = new Int32Array(FIRST_ENTRIES * STRIDE);
  /** Entries are numbered from 0 on; those in [oldest, next) are there. */
  private oldest = 0;
  private next = 0;
  private mask = FIRST_ENTRIES - 1;
  private end = 0;
  private size = 0;

  /** @param most bytes that the table may ever have, counted as RFC 7541 section 4.1 does */
  constructor(most: number) {
    this.limit = most;
  }
  private limit: number;

  get count(): number {
    return this.next - this.oldest;
  }

  /** RFC 7541 section 4.3. */
  resize(limit: number): void {
    this.limit = limit;
    this.evict(0);
  }

  /** Adds the line `b[start..end)`, whose value starts at `valueAt`; RFC 7541 section 4.4. */
  add(b: Uint8Array, start: number, valueAt: number, end: number, kind: number): void {
    const size = end - start - 4 + ENTRY_OVERHEAD;
    this.evict(size);
    if (size > this.limit) return;
    const length = end - start;
    if (this.end + length > this.bytes.length) this.makeRoom(length);
    if (this.count > this.mask) this.moreEntries();
    const e = (this.next++ & this.mask) * STRIDE;
    copyInto(this.bytes, this.end, b, start, end);
    this.entries[e + START] = this.end;
    this.entries[e + VALUE_AT] = this.end + valueAt - start;
    this.end += length;
    this.entries[e + END] = this.end;
    this.entries[e + KIND_AT] = kind;
    this.size += size;
  }

  /** Where entry `index` (0 is the youngest) is in `entry*`; -1 when there is none. */
  find(index: number): number {
    const entry = this.next - 1 - index;
    return entry < this.oldest ? -1 : (entry & this.mask) * STRIDE;
  }
  startOf(found: number): number {
    return this.entries[found + START]!;
  }
  valueOf(found: number): number {
    return this.entries[found + VALUE_AT]!;
  }
  endOf(found: number): number {
    return this.entries[found + END]!;
  }
  kindOf(found: number): number {
    return this.entries[found + KIND_AT]!;
  }

  private evict(room: number): void {
    while (this.oldest < this.next && this.size + room > this.limit) {
      const e = (this.oldest++ & this.mask) * STRIDE;
      this.size -= this.entries[e + END]! - this.entries[e + START]! - 4 + ENTRY_OVERHEAD;
    }
  }

  /** Moves what is left to the front: of a larger buffer while half of this one would be full. */
  private makeRoom(length: number): void {
    const from = this.count === 0 ? this.end : this.entries[(this.oldest & this.mask) * STRIDE + START]!;
    const left = this.end - from;
    let capacity = this.bytes.length;
    while (2 * (left + length) > capacity) capacity *= 2;
    if (capacity === this.bytes.length) this.bytes.copyWithin(0, from, this.end);
    else {
      const bytes = new Uint8Array(capacity);
      bytes.set(this.bytes.subarray(from, this.end));
      this.bytes = bytes;
    }
    this.end = left;
    for (let n = this.oldest; n < this.next; n++) {
      const e = (n & this.mask) * STRIDE;
      this.entries[e + START]! -= from;
      this.entries[e + VALUE_AT]! -= from;
      this.entries[e + END]! -= from;
    }
  }

  private moreEntries(): void {
    const { entries, mask } = this;
    this.mask = 2 * mask + 1;
    this.entries = new Int32Array(2 * entries.length);
    for (let n = this.oldest; n < this.next; n++)
      for (let k = 0; k < STRIDE; k++)
        this.entries[(n & this.mask) * STRIDE + k] = entries[(n & mask) * STRIDE + k]!;
  }
}
