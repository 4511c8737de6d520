import { copyInto } from '../bytes.js';

/** Frames of one turn are gathered up to this size before they go to the socket. */
export const OUTPUT_SIZE = 64 * 1024;
/** Buffers kept for use again. */
const MOST_SPARE = 64;

const spare: Uint8Array[] = [];

/**
 * Bytes on their way to one socket. The buffer is taken from a common store at the first byte and given back when
 * they have gone, so that an idle connection holds none.
 */
export class Output {
  bytes: Uint8Array = NOTHING;
  end = 0;

  /** Makes room for so many more bytes. */
  reserve(length: number): void {
    const need = this.end + length;
    if (need <= this.bytes.length) return;
    if (this.bytes === NOTHING && need <= OUTPUT_SIZE) {
      this.bytes = spare.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_SIZE);
      return;
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(OUTPUT_SIZE, 2 * need));
    copyInto(larger, 0, this.bytes, 0, this.end);
    this.giveBack();
    this.bytes = larger;
  }

  append(b: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    copyInto(this.bytes, this.end, b, start, end);
    this.end += end - start;
  }

  /** Everything has gone. */
  clear(): void {
    this.end = 0;
    this.giveBack();
    this.bytes = NOTHING;
  }

  private giveBack(): void {
    if (this.bytes.length === OUTPUT_SIZE && spare.length < MOST_SPARE) spare.push(this.bytes);
  }
}

const NOTHING = new Uint8Array(0);
