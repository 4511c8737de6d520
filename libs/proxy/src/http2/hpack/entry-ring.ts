/** Numbers per entry in `entries`. */
export const STRIDE = 4;
/** Where an entry starts in `bytes`, where its name (or what leads to its value) ends, where it ends, and a mark. */
export const START = 0;
export const MIDDLE = 1;
export const END = 2;
export const MARK = 3;

/** A table begins with room for so many bytes and entries: most connections never fill theirs. */
const FIRST_BYTES = 512;
const FIRST_ENTRIES = 16;

/**
 * The entries of a dynamic table, the last one the youngest. Their bytes lie one behind the other in a buffer that grows
 * to twice the size of the table; when its end is reached what is left moves to its front.
 */
export class EntryRing {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  protected entries = new Int32Array(FIRST_ENTRIES * STRIDE);
  /** Entries are numbered from 0 on; those in [oldest, next) are there. */
  protected oldest = 0;
  protected next = 0;
  protected mask = FIRST_ENTRIES - 1;
  private end = 0;

  get count(): number {
    return this.next - this.oldest;
  }

  /** Makes an entry of so many bytes, to be filled by the caller from `START` on; where it is in `entries`. */
  protected push(length: number): number {
    if (this.end + length > this.bytes.length) this.makeRoom(length);
    if (this.count > this.mask) this.moreEntries();
    const e = (this.next++ & this.mask) * STRIDE;
    this.entries[e + START] = this.end;
    this.end += length;
    this.entries[e + END] = this.end;
    return e;
  }

  /** Lets the oldest entry go; its bytes. */
  protected shift(): number {
    const e = (this.oldest++ & this.mask) * STRIDE;
    return this.entries[e + END]! - this.entries[e + START]!;
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
      this.entries[e + MIDDLE]! -= from;
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
