import { copyInto } from '../bytes.js';
import { ERROR, FLAG, FRAME, FRAME_HEADER, FRAME_SIZE } from './protocol.js';

/** What every call of a FrameSink returns: the connection goes on, or STOP: nothing more is to be read. */
export const STOP = -1;

/** Takes the frames of one connection. Each call returns 0, a code of ERROR that ends the connection, or STOP. */
export interface FrameSink {
  /** A frame begins; `length` is that of its payload. */
  frameBegins(type: number, flags: number, stream: number, length: number): number;
  /** A part of a DATA frame, without padding; `last` with the last one (which may be empty). */
  data(b: Uint8Array, start: number, end: number, last: boolean): number;
  /** The whole payload of a frame that is none of DATA. */
  payload(type: number, flags: number, stream: number, b: Uint8Array, start: number, end: number): number;
}

/**
 * Cuts received bytes into frames, however they are split (RFC 9113 section 4.1). DATA is passed on in the pieces it
 * comes in; of any other frame that is cut in two the payload is gathered, and it is never longer than FRAME_SIZE.
 * Frames of unknown types are skipped.
 */
export class FrameReader {
  /** Payload bytes of the frame under way that are still to come; -1 between frames. */
  private left = -1;
  private type = 0;
  private flags = 0;
  private stream = 0;
  private padding = 0;
  /** The length of the padding is still to come. */
  private padLengthDue = false;
  /** Start of a frame header, or of a payload, whose rest has not come. */
  private held: Uint8Array | null = null;
  private heldLength = 0;

  constructor(private readonly sink: FrameSink) {}

  /** @returns 0, a code of ERROR, or STOP */
  read(b: Uint8Array, start: number, end: number): number {
    let i = start;
    for (;;) {
      if (this.left < 0) {
        if (this.heldLength > 0) {
          const take = Math.min(FRAME_HEADER - this.heldLength, end - i);
          this.hold(b, i, i + take, FRAME_HEADER);
          i += take;
          if (this.heldLength < FRAME_HEADER) return 0;
          this.heldLength = 0;
          const refused = this.begin(this.held!, 0);
          if (refused !== 0) return refused;
        } else if (end - i < FRAME_HEADER) {
          this.hold(b, i, end, FRAME_HEADER);
          return 0;
        } else {
          const refused = this.begin(b, i);
          if (refused !== 0) return refused;
          i += FRAME_HEADER;
        }
      }
      const n = this.type === FRAME.DATA ? this.dataPart(b, i, end) : this.whole(b, i, end);
      if (this.refused !== 0) return this.refused;
      i += n;
      if (this.left >= 0) return 0;
      if (i === end) return 0;
    }
  }
  private refused = 0;

  /** A frame has begun and is not complete, or its header is cut. */
  get midFrame(): boolean {
    return this.left >= 0 || this.heldLength > 0;
  }

  private begin(b: Uint8Array, at: number): number {
    const length = (b[at]! << 16) | (b[at + 1]! << 8) | b[at + 2]!;
    const type = b[at + 3]!;
    const flags = b[at + 4]!;
    const stream = ((b[at + 5]! & 0x7f) << 24) | (b[at + 6]! << 16) | (b[at + 7]! << 8) | b[at + 8]!;
    if (length > FRAME_SIZE) return ERROR.FRAME_SIZE_ERROR;
    this.left = length;
    this.type = type;
    this.flags = flags;
    this.stream = stream;
    this.padding = 0;
    this.padLengthDue = type === FRAME.DATA && (flags & FLAG.PADDED) !== 0;
    if (this.padLengthDue && length === 0) return ERROR.FRAME_SIZE_ERROR;
    return this.sink.frameBegins(type, flags, stream, length);
  }

  /** Passes on what there is of a DATA frame; how much of it was used. */
  private dataPart(b: Uint8Array, start: number, end: number): number {
    let i = start;
    if (this.padLengthDue) {
      if (i === end) return 0;
      this.padLengthDue = false;
      this.padding = b[i++]!;
      this.left--;
      if (this.padding > this.left) {
        this.refused = ERROR.PROTOCOL_ERROR;
        return 0;
      }
    }
    const take = Math.min(this.left, end - i);
    if (take === 0 && this.left > 0) return i - start;
    const dataLeft = this.left - this.padding;
    this.left -= take;
    if (this.left === 0) this.left = -1;
    // What there is of padding at the end is dropped; the last data is passed on when the frame is complete.
    const data = Math.max(0, Math.min(take, dataLeft));
    const last = this.left < 0;
    if (data > 0 || last) this.refused = this.sink.data(b, i, i + data, last);
    return i - start + take;
  }

  private whole(b: Uint8Array, start: number, end: number): number {
    const { type, flags, stream } = this;
    const known = type <= FRAME.CONTINUATION;
    if (this.heldLength === 0 && end - start >= this.left) {
      const length = this.left;
      this.left = -1;
      if (known) this.refused = this.sink.payload(type, flags, stream, b, start, start + length);
      return length;
    }
    const take = Math.min(this.left, end - start);
    if (known) this.hold(b, start, start + take, this.heldLength + this.left);
    this.left -= take;
    if (this.left > 0) return take;
    this.left = -1;
    const { held, heldLength } = this;
    this.heldLength = 0;
    if (!known) return take;
    if (held!.length > SMALL) this.held = null;
    this.refused = this.sink.payload(type, flags, stream, held!, 0, heldLength);
    return take;
  }

  private hold(b: Uint8Array, start: number, end: number, whole: number): void {
    if (end === start) return;
    let { held } = this;
    if (held === null || held.length < whole) {
      const larger = Buffer.allocUnsafeSlow(Math.max(SMALL, whole));
      if (held !== null) copyInto(larger, 0, held, 0, this.heldLength);
      held = this.held = larger;
    }
    copyInto(held, this.heldLength, b, start, end);
    this.heldLength += end - start;
  }
}

/** A buffer up to this size is kept for the next cut frame. */
const SMALL = 64;
