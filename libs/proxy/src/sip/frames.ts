import { Held } from '../http1/held.js';
import { INCOMPLETE, MALFORMED, SipMessage } from './message.js';

const CR = 13;
const LF = 10;

/** Who gets what comes out of a stream. */
export interface FrameUser {
  /** A whole message. False ends the reading: what follows is not looked at. */
  message(message: SipMessage, b: Uint8Array, start: number, end: number): boolean;
  /** Two empty lines between messages: the peer asks whether we are there (RFC 5626 section 3.5.1). */
  ping(): void;
}

/** Cuts a stream of SIP into its messages; what is not complete yet is held, at most one message. */
export class Frames {
  private readonly read = new SipMessage();
  private held: Held | null = null;
  /** Empty lines since the last message. */
  private blank = 0;

  constructor(private readonly user: FrameUser) {}

  get heldBytes(): number {
    return this.held?.data.length ?? 0;
  }

  /** False when the stream makes no sense (any more). */
  take(data: Uint8Array, from: number, to: number): boolean {
    let b = data;
    let start = from;
    let end = to;
    const { held } = this;
    if (held !== null) {
      held.append(data, from, to);
      this.held = null;
      ({ data: b, start, end } = held);
    }
    while (start < end) {
      if (b[start] === CR) {
        if (start + 1 === end) break;
        if (b[start + 1] !== LF) return false;
        start += 2;
        if (++this.blank === 2) {
          this.blank = 0;
          this.user.ping();
        }
        continue;
      }
      const length = this.read.scan(b, start, end, true);
      if (length === MALFORMED) return false;
      if (length === INCOMPLETE) break;
      this.blank = 0;
      if (!this.user.message(this.read, b, start, start + length)) return true;
      start += length;
    }
    if (start < end) this.held = new Held(b, start, end);
    return true;
  }
}
