import { copyInto } from '../bytes.js';
import { BLOCK_SLACK, MOST_CONTINUATIONS } from './limits.js';
import { ERROR, FLAG } from './protocol.js';

const EMPTY = new Uint8Array(0);

/** Where the fields lie in the payload of a HEADERS frame, set by `fieldsOf`. */
export const fields = { start: 0, end: 0 };

/** Takes padding and priority off a HEADERS frame `b[from..to)` (RFC 9113 section 6.2); 0 or a code of ERROR. */
export function fieldsOf(flags: number, id: number, b: Uint8Array, from: number, to: number): number {
  let start = from;
  let end = to;
  if ((flags & FLAG.PADDED) !== 0) {
    if (start >= end) return ERROR.FRAME_SIZE_ERROR;
    end -= b[start++]!;
  }
  if ((flags & FLAG.PRIORITY) !== 0) {
    if (end - start < 5) return end < start ? ERROR.PROTOCOL_ERROR : ERROR.FRAME_SIZE_ERROR;
    if (uint31(b, start) === id) return ERROR.PROTOCOL_ERROR;
    start += 5;
  }
  fields.start = start;
  fields.end = end;
  return end < start ? ERROR.PROTOCOL_ERROR : 0;
}

/** A header block whose end has not come (RFC 9113 section 6.10). */
export class HeaderBlock {
  /** Its stream; 0 while there is none. */
  of = 0;
  endsStream = false;
  bytes: Uint8Array = EMPTY;
  length = 0;
  private continuations = 0;

  begin(id: number, endsStream: boolean): void {
    this.of = id;
    this.endsStream = endsStream;
    this.length = 0;
    this.continuations = 0;
  }

  continued(): number {
    return ++this.continuations > MOST_CONTINUATIONS ? ERROR.ENHANCE_YOUR_CALM : 0;
  }

  /** @param mostHead bytes that the head may have as text */
  add(b: Uint8Array, start: number, end: number, mostHead: number): number {
    const length = this.length + end - start;
    if (length > mostHead + BLOCK_SLACK) return ERROR.ENHANCE_YOUR_CALM;
    if (length > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * length);
      copyInto(larger, 0, this.bytes, 0, this.length);
      this.bytes = larger;
    }
    copyInto(this.bytes, this.length, b, start, end);
    this.length = length;
    return 0;
  }

  /** It is complete; its bytes are let go of. */
  take(): Uint8Array {
    const { bytes } = this;
    this.of = 0;
    this.bytes = EMPTY;
    return bytes;
  }
}

export const uint32 = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
export const uint31 = (b: Uint8Array, at: number): number => uint32(b, at) & 0x7fff_ffff;
