/** Which of up to 2^15 positions have room, and the first of them from any on: two levels of bits. */
export class Rooms {
  private readonly bits: Uint32Array;
  private readonly summary: Uint32Array;

  constructor(count: number) {
    this.bits = new Uint32Array(Math.max(1, (count + 31) >> 5));
    this.summary = new Uint32Array((this.bits.length + 31) >> 5);
  }

  clear(): void {
    this.bits.fill(0);
    this.summary.fill(0);
  }

  set(at: number, room: boolean): void {
    const word = at >> 5;
    if (room) {
      this.bits[word]! |= 1 << (at & 31);
      this.summary[word >> 5]! |= 1 << (word & 31);
      return;
    }
    this.bits[word]! &= ~(1 << (at & 31));
    if (this.bits[word] === 0) this.summary[word >> 5]! &= ~(1 << (word & 31));
  }

  /** The first position with room from `from` on; -1 when there is none. */
  next(from: number): number {
    const { bits, summary } = this;
    let word = from >> 5;
    if (word >= bits.length) return -1;
    const here = bits[word]! & (-1 << (from & 31));
    if (here !== 0) return (word << 5) + lowest(here);
    word++;
    let group = word >> 5;
    if (group >= summary.length) return -1;
    let words = summary[group]! & (-1 << (word & 31));
    while (words === 0) {
      if (++group >= summary.length) return -1;
      words = summary[group]!;
    }
    word = (group << 5) + lowest(words);
    return (word << 5) + lowest(bits[word]!);
  }
}

/** Number of the lowest bit that is set. */
const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits);
