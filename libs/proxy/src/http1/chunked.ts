import { INCOMPLETE, REFUSE } from './refusal.js';
import { CR, FIELD, fieldIdOfHash, hexDigit, LF, TOKEN, VALUE } from './tables.js';

/** A chunk may not claim more than 2^48 bytes. */
const MOST_CHUNK = 2 ** 48;
/** Hex digits of a chunk size, zeros in front included. */
const MOST_DIGITS = 16;
/** Bytes of all chunk extensions of a body, and of all trailer lines. */
const MOST_EXTRA = 16 * 1024;

const enum State {
  SizeStart,
  Size,
  Extension,
  SizeEnd,
  Data,
  DataCr,
  DataLf,
  TrailerStart,
  TrailerName,
  TrailerValue,
  TrailerLf,
  LastLf,
}

/**
 * Follows a chunked body (RFC 9112 section 7.1) through pieces of any size and checks every byte of its framing.
 * Nothing is kept but numbers; the bytes are passed on as they came, or, with `compact`, the chunk data alone.
 */
export class ChunkScanner {
  private state = State.SizeStart;
  private remaining = 0;
  private digits = 0;
  private extra = 0;
  private hash = 0;
  /** Data bytes announced so far. */
  total = 0;
  /** In the last call of `compact`: where the data that was moved together ends. */
  dataEnd = 0;
  /** What `compact` has met of trailer lines, with their CRLFs. */
  private readonly trailerBytes: number[] = [];
  private collects = false;

  /** Begins a new body. `mostBytes` 0 is unlimited. */
  begin(mostBytes: number): void {
    this.state = State.SizeStart;
    this.remaining = 0;
    this.digits = 0;
    this.extra = 0;
    this.total = 0;
    this.mostBytes = mostBytes;
    if (this.trailerBytes.length > 0) this.trailerBytes.length = 0;
  }
  private mostBytes = 0;

  /** @returns the position behind the body, INCOMPLETE, or a code of REFUSE */
  scan(b: Uint8Array, start: number, end: number): number {
    return this.walk(b, start, end, -1);
  }

  /** Like `scan`; moves the chunk data in `b[start..)` together to `start`, it ends at `dataEnd`. */
  compact(b: Uint8Array, start: number, end: number): number {
    return this.walk(b, start, end, start);
  }

  /** The trailer lines of a body that `compact` has come to the end of; null when there are none. */
  takeTrailers(): Uint8Array | null {
    if (this.trailerBytes.length === 0) return null;
    const lines = Uint8Array.from(this.trailerBytes);
    this.trailerBytes.length = 0;
    return lines;
  }

  private walk(b: Uint8Array, start: number, end: number, out: number): number {
    this.collects = out >= 0;
    let i = start;
    let to = out;
    while (i < end) {
      if (this.state === State.Data) {
        const n = Math.min(end - i, this.remaining);
        if (to >= 0) {
          b.copyWithin(to, i, i + n);
          to += n;
        }
        i += n;
        this.remaining -= n;
        if (this.remaining > 0) break;
        this.state = State.DataCr;
        continue;
      }
      const c = b[i++]!;
      if (this.state === State.LastLf) {
        this.dataEnd = to;
        return c === LF ? i : REFUSE.TRAILER;
      }
      const refused = this.step(c);
      if (refused !== 0) return refused;
    }
    this.dataEnd = to;
    return INCOMPLETE;
  }

  /** One byte of framing; 0 or a code of REFUSE. */
  private step(c: number): number {
    const { state } = this;
    if (state === State.Size) return this.size(c);
    if (state === State.SizeEnd) return this.sizeEnd(c);
    if (state === State.SizeStart) {
      this.remaining = 0;
      this.digits = 0;
      return hexDigit(c) < 0 ? REFUSE.CHUNK_SIZE : this.size(c);
    }
    if (state === State.DataCr) {
      this.state = State.DataLf;
      return c === CR ? 0 : REFUSE.CHUNK_END;
    }
    if (state === State.DataLf) {
      this.state = State.SizeStart;
      return c === LF ? 0 : REFUSE.CHUNK_END;
    }
    if (state === State.Extension) {
      if (c === CR) this.state = State.SizeEnd;
      else if (VALUE[c] === 0 || ++this.extra > MOST_EXTRA) return REFUSE.CHUNK_EXTENSION;
      return 0;
    }
    return this.trailer(c);
  }

  private size(c: number): number {
    const digit = hexDigit(c);
    if (digit >= 0) {
      this.state = State.Size;
      this.remaining = this.remaining * 16 + digit;
      return ++this.digits > MOST_DIGITS || this.remaining > MOST_CHUNK ? REFUSE.CHUNK_SIZE : 0;
    }
    if (c === CR) this.state = State.SizeEnd;
    else if (c === 59) this.state = State.Extension;
    else return REFUSE.CHUNK_SIZE;
    return 0;
  }

  private sizeEnd(c: number): number {
    if (c !== LF) return REFUSE.CHUNK_SIZE;
    this.total += this.remaining;
    if (this.mostBytes > 0 && this.total > this.mostBytes) return REFUSE.BODY_TOO_LARGE;
    this.state = this.remaining === 0 ? State.TrailerStart : State.Data;
    return 0;
  }

  private trailer(c: number): number {
    if (++this.extra > MOST_EXTRA) return REFUSE.TRAILER;
    if (this.state === State.TrailerStart && c === CR) {
      this.state = State.LastLf;
      return 0;
    }
    if (this.collects) this.trailerBytes.push(c);
    if (this.state === State.TrailerStart) {
      this.state = State.TrailerName;
      this.hash = 0;
      return c === 58 ? REFUSE.TRAILER : this.trailerName(c);
    }
    if (this.state === State.TrailerName) return this.trailerName(c);
    if (this.state === State.TrailerValue) {
      if (c === CR) this.state = State.TrailerLf;
      else if (VALUE[c] === 0) return REFUSE.TRAILER;
      return 0;
    }
    this.state = State.TrailerStart;
    return c === LF ? 0 : REFUSE.TRAILER;
  }

  private trailerName(c: number): number {
    const lower = TOKEN[c]!;
    if (lower !== 0) {
      this.hash = (Math.imul(this.hash, 33) ^ lower) | 0;
      return 0;
    }
    if (c !== 58) return REFUSE.TRAILER;
    // A server that merges trailers into the head must not be told another framing, host or connection by them.
    if (fieldIdOfHash(this.hash) !== FIELD.OTHER) return REFUSE.TRAILER;
    this.state = State.TrailerValue;
    return 0;
  }
}
