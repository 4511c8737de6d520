import type { Stream } from './stream.js';

const FIRST_SLOTS = 16;

/** The open streams of a connection by their ids: open addressing, since ids ascend and few are open. */
export class StreamTable {
  private slots: (Stream | null)[] = empty(FIRST_SLOTS);
  private mask = FIRST_SLOTS - 1;
  count = 0;

  find(id: number): Stream | null {
    for (let i = (id >> 1) & this.mask; ; i = (i + 1) & this.mask) {
      const stream = this.slots[i]!;
      if (stream === null || stream.id === id) return stream;
    }
  }

  add(stream: Stream): void {
    if (2 * ++this.count > this.slots.length) this.grow();
    this.put(stream);
  }

  remove(stream: Stream): void {
    const { slots, mask } = this;
    let i = (stream.id >> 1) & mask;
    while (slots[i] !== stream) {
      if (slots[i] === null) return;
      i = (i + 1) & mask;
    }
    this.count--;
    // Those behind it that had to make way move up.
    for (let k = (i + 1) & mask; slots[k] !== null; k = (k + 1) & mask) {
      const home = (slots[k]!.id >> 1) & mask;
      if (((k - home) & mask) < ((k - i) & mask)) continue;
      slots[i] = slots[k]!;
      i = k;
    }
    slots[i] = null;
  }

  /** All that are open now, in no order. The list is its own: streams may end while it is walked. */
  all(): Stream[] {
    return this.slots.filter((s) => s !== null);
  }

  private put(stream: Stream): void {
    let i = (stream.id >> 1) & this.mask;
    while (this.slots[i] !== null) i = (i + 1) & this.mask;
    this.slots[i] = stream;
  }

  private grow(): void {
    const before = this.slots;
    this.slots = empty(2 * before.length);
    this.mask = this.slots.length - 1;
    for (const stream of before) if (stream !== null) this.put(stream);
  }
}

const empty = (length: number): (Stream | null)[] => Array.from({ length }, () => null);
