import { copyInto } from '../../bytes.js';
import { END, EntryRing, MARK, MIDDLE, START, STRIDE } from './entry-ring.js';
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

/** The dynamic table of a decoder. */
export class DecodeTable extends EntryRing {
  private size = 0;

  /** @param most bytes that the table may ever have, counted as RFC 7541 section 4.1 does */
  constructor(most: number) {
    super();
    this.limit = most;
  }
  private limit: number;

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
    const e = this.push(end - start);
    const at = this.entries[e + START]!;
    copyInto(this.bytes, at, b, start, end);
    this.entries[e + MIDDLE] = at + valueAt - start;
    this.entries[e + MARK] = kind;
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
  valueStartOf(found: number): number {
    return this.entries[found + MIDDLE]!;
  }
  endOf(found: number): number {
    return this.entries[found + END]!;
  }
  kindOf(found: number): number {
    return this.entries[found + MARK]!;
  }

  private evict(room: number): void {
    while (this.count > 0 && this.size + room > this.limit) this.size -= this.shift() - 4 + ENTRY_OVERHEAD;
  }
}
