import { copyInto } from '../../bytes.js';
import { ENTRY_OVERHEAD } from './decode-table.js';
import { END, EntryRing, MARK, MIDDLE, START, STRIDE } from './entry-ring.js';

/** Slots of the index by hash, one entry each: of two fields that meet in one the younger is found. */
const SLOTS = 256;

/** The dynamic table of an encoder, with an index by hash. Names are kept in lower case. */
export class EncodeTable extends EntryRing {
  private size = 0;
  /** Number of the entry plus 1, by hash. */
  private readonly slots = new Int32Array(SLOTS);
  /** Hashes that were looked for in vain: a field is added when it comes for the second time. */
  private readonly seen = new Int32Array(SLOTS);

  constructor(readonly limit: number) {
    super();
  }

  /**
   * HPACK index, without the static part, of the field `name: value` with this hash; -1 when it is not there.
   * `name` is in lower case.
   */
  find(
    hash: number,
    name: Uint8Array,
    nameStart: number,
    nameEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): number {
    const number = this.slots[hash & (SLOTS - 1)]! - 1;
    if (number < this.oldest) return -1;
    const e = (number & this.mask) * STRIDE;
    const { entries, bytes } = this;
    if (entries[e + MARK] !== hash) return -1;
    let at = entries[e + START]!;
    if (entries[e + MIDDLE]! - at !== nameEnd - nameStart) return -1;
    if (entries[e + END]! - entries[e + MIDDLE]! !== valueEnd - valueStart) return -1;
    for (let i = nameStart; i < nameEnd; i++) if (bytes[at++] !== name[i]) return -1;
    for (let i = valueStart; i < valueEnd; i++) if (bytes[at++] !== value[i]) return -1;
    return this.next - 1 - number;
  }

  /** Whether a field with this hash was asked about before; remembers it. */
  seenBefore(hash: number): boolean {
    const slot = hash & (SLOTS - 1);
    if (this.seen[slot] === hash) return true;
    this.seen[slot] = hash;
    return false;
  }

  /** Whether a field of so many bytes of name and value fits without taking up much of the table. */
  fits(length: number): boolean {
    return (length + ENTRY_OVERHEAD) * 4 <= this.limit;
  }

  add(
    hash: number,
    name: Uint8Array,
    nameStart: number,
    nameEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    const length = nameEnd - nameStart + valueEnd - valueStart;
    while (this.count > 0 && this.size + length + ENTRY_OVERHEAD > this.limit)
      this.size -= this.shift() + ENTRY_OVERHEAD;
    const e = this.push(length);
    const at = this.entries[e + START]!;
    const middle = at + nameEnd - nameStart;
    copyInto(this.bytes, at, name, nameStart, nameEnd);
    copyInto(this.bytes, middle, value, valueStart, valueEnd);
    this.entries[e + MIDDLE] = middle;
    this.entries[e + MARK] = hash;
    this.size += length + ENTRY_OVERHEAD;
    this.slots[hash & (SLOTS - 1)] = this.next;
  }
}
