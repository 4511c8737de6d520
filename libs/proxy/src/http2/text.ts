import { copyInto, latin1 } from '../bytes.js';
import { HEAD_ROOM } from '../transport/seam.js';

/** What a block of fields may be found to be. */
export const BLOCK = { OK: 0, MALFORMED: 1, TOO_LARGE: 2, CONNECT: 3 } as const;

export const FIRST_SIZE = 16 * 1024;
const SLACK = 64;

export const CHUNKED = latin1('transfer-encoding: chunked\r\n');
export const CRLF = latin1('\r\n');

/** Grows a buffer as lines are put in. With room in front, so that a head can be changed where it is. */
export abstract class Lines {
  bytes: Uint8Array = Buffer.alloc(HEAD_ROOM + FIRST_SIZE);
  end = HEAD_ROOM;
  /** One of BLOCK. */
  state: number = BLOCK.OK;
  protected most = 0;
  protected mostField = 0;

  protected start(most: number, mostField: number): void {
    this.end = HEAD_ROOM;
    this.state = BLOCK.OK;
    this.most = most;
    this.mostField = mostField;
  }

  protected copy(b: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.end + length + SLACK > this.bytes.length) this.grow(length);
    if (length > 64) copyInto(this.bytes, this.end, b, start, end);
    else {
      const { bytes } = this;
      let at = this.end;
      for (let i = start; i < end; i++) bytes[at++] = b[i]!;
    }
    this.end += length;
  }

  /** Whether a line of this length may come in. */
  protected fits(length: number): boolean {
    if (length - 4 <= this.mostField && this.end - HEAD_ROOM + length <= this.most) return true;
    if (this.state === BLOCK.OK) this.state = BLOCK.TOO_LARGE;
    return false;
  }

  private grow(by: number): void {
    const bytes = Buffer.alloc(2 * (this.end + by + SLACK));
    bytes.set(this.bytes.subarray(0, this.end));
    this.bytes = bytes;
  }
}
