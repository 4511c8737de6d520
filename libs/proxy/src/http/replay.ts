import { copyInto } from '../bytes.js';

/** Size of a buffer that is kept for the next request; larger ones are let go. */
const KEPT_CAPACITY = 2048;
/** Buffers that wait for the next request. */
const MOST_KEPT = 256;

const kept: Replay[] = [];

/** Bytes of a request that may have to be sent again on another connection. */
export class Replay {
  private data: Uint8Array;
  length = 0;
  /** Where the body starts. */
  bodyAt = 0;

  private constructor(capacity: number) {
    this.data = Buffer.allocUnsafeSlow(capacity);
  }

  /** An empty one. Give it back with `release`. */
  static take(capacity: number): Replay {
    if (capacity <= KEPT_CAPACITY) {
      const one = kept.pop();
      if (one !== undefined) return one;
    }
    return new Replay(Math.max(KEPT_CAPACITY, capacity));
  }

  release(): void {
    this.length = 0;
    if (this.data.length === KEPT_CAPACITY && kept.length < MOST_KEPT) kept.push(this);
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const n = end - start;
    if (this.length + n > this.data.length) {
      const data = Buffer.allocUnsafeSlow(2 * (this.length + n));
      data.set(this.data.subarray(0, this.length));
      this.data = data;
    }
    copyInto(this.data, this.length, bytes, start, end);
    this.length += n;
  }

  /** Puts another head in place of `[0..bodyAt)`. */
  setHead(head: Uint8Array): void {
    const body = new Uint8Array(this.data.subarray(this.bodyAt, this.length));
    this.length = 0;
    this.append(head, 0, head.length);
    this.bodyAt = head.length;
    this.append(body, 0, body.length);
  }

  bytes(): Uint8Array {
    return this.data;
  }
}
