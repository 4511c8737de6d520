import { copyInto } from '../bytes.js';
import { HEAD_ROOM } from '../transport/seam.js';
import { MOST_CLIENT_HELLO, peekClientHello, type Peeked } from './client-hello.js';

/**
 * Gathers the first bytes of a connection until its ClientHello is whole. Nothing is copied when it comes in one
 * piece, as most do.
 */
export class HelloPeek {
  /** What has been gathered, with HEAD_ROOM in front; null while everything came in one piece. */
  private held: Uint8Array | null = null;
  private length = 0;

  /**
   * Takes further bytes. When the answer is not `more`, all the bytes so far are `bytes[start..end)`, to be given
   * to whoever speaks TLS; they are valid as long as `data` is.
   */
  take(data: Uint8Array, start: number, end: number): Peeked {
    if (this.held === null) {
      const peeked = peekClientHello(data, start, end);
      this.bytes = data;
      this.start = start;
      this.end = end;
      if (peeked !== 'more') return peeked;
    }
    this.gather(data, start, end);
    return peekClientHello(this.bytes, this.start, this.end);
  }

  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;

  private gather(data: Uint8Array, start: number, end: number): void {
    const needed = HEAD_ROOM + this.length + end - start + 1;
    if (this.held === null || this.held.length < needed) {
      // Small hellos in many pieces must not cost the largest buffer each.
      const room = new Uint8Array(Math.max(needed, Math.min(MOST_CLIENT_HELLO, 2 * needed)));
      if (this.held !== null) copyInto(room, 0, this.held, 0, HEAD_ROOM + this.length);
      this.held = room;
    }
    copyInto(this.held, HEAD_ROOM + this.length, data, start, end);
    this.length += end - start;
    this.bytes = this.held;
    this.start = HEAD_ROOM;
    this.end = HEAD_ROOM + this.length;
  }
}

const NOTHING = new Uint8Array(0);
