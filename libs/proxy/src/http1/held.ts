import { copyInto } from '../bytes.js';
import { HEAD_ROOM } from '../transport/seam.js';

const FIRST_CAPACITY = 2048;

/**
 * Received bytes that could not be used yet: the start of a head, or what a client sent ahead. They lie as received
 * data does, with room in front and a byte behind, so that a head can be scanned and changed where it is.
 */
export class Held {
  data: Uint8Array;
  start = HEAD_ROOM;
  end = HEAD_ROOM;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.data = Buffer.allocUnsafeSlow(HEAD_ROOM + Math.max(FIRST_CAPACITY, end - start) + 64);
    this.append(bytes, start, end);
  }

  get length(): number {
    return this.end - this.start;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.end + length >= this.data.length) this.grow(length);
    copyInto(this.data, this.end, bytes, start, end);
    this.end += length;
  }

  private grow(by: number): void {
    const have = this.length;
    const data = Buffer.allocUnsafeSlow(HEAD_ROOM + 2 * (have + by) + 64);
    data.set(this.data.subarray(this.start, this.end), HEAD_ROOM);
    this.data = data;
    this.start = HEAD_ROOM;
    this.end = HEAD_ROOM + have;
  }
}
