import { copyInto } from '../../bytes.js';
import { ENTRY_OVERHEAD, FIRST_BYTES, FIRST_ENTRIES } from './decode-table.js';

const STRIDE = 4;
const START = 0;
const NAME_END = 1;
const END = 2;
const HASH = 3;
/** Slots of the index by hash, one entry each: of two fields that meet in one the younger is found. */
const SLOTS = 256;

/**
 * The dynamic table of an encoder, with an index by hash. Names are kept in lower case. Positions wander as in
 * DecodeTable.
 */
export class EncodeTable {
  private bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  private entries = new Int32Array(FIRST_ENTRIES * STRIDE);
  private mask = FIRST_ENTRIES - 1;
  private oldest = 0;
  private next = 0;
  private end = 0;
  private size = 0;
  /** Number of the entry plus 1, by hash. */
  private readonly slots = new Int32Array(SLOTS);
  /** Hashes that were looked for in vain: a field is added when it comes for the second time. */
  private readonly seen = new Int32Array(SLOTS);

  constructor(readonly limit: number) {}

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
    if (entries[e + HASH] !== hash) return -1;
    let at = entries[e + START]!;
    if (entries[e + NAME_END]! - at !== nameEnd - nameStart) return -1;
    if (entries[e + END]! - entries[e + NAME_END]! !== valueEnd - valueStart) return -1;
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
    while (this.oldest < this.next && this.size + length + ENTRY_OVERHEAD > this.limit) {
      const e = (this.oldest++ & this.mask) * STRIDE;
      this.size -= this.entries[e + END]! - this.entries[e + START]! + ENTRY_OVERHEAD;
    }
    if (this.end + length > this.bytes.length) this.makeRoom(length);
    if (this.next - this.oldest > this.mask) this.moreEntries();
    const e = (this.next & this.mask) * STRIDE;
    this.entries[e + START] = this.end;
    copyInto(this.bytes, this.end, name, nameStart, nameEnd);
    this.entries[e + NAME_END] = this.end + nameEnd - nameStart;
    copyInto(this.bytes, this.entries[e + NAME_END]!, value, valueStart, valueEnd);
    this.end += length;
    this.entries[e + END] = this.end;
    this.entries[e + HASH] = hash;
    this.size += length + ENTRY_OVERHEAD;
    this.slots[hash & (SLOTS - 1)] = ++this.next;
  }

  /** As in DecodeTable. */
  private makeRoom(length: number): void {
    const none = this.oldest === this.next;
    const from = none ? this.end : this.entries[(this.oldest & this.mask) * STRIDE + START]!;
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
      this.entries[e + NAME_END]! -= from;
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
