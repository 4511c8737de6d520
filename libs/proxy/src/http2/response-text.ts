import { latin1 } from '../bytes.js';
import { FIELD, fieldIdOfHash, hashStep } from '../http1/tables.js';
import { HEAD_ROOM } from '../transport/seam.js';
import type { FieldSink } from './hpack/decoder.js';
import { KIND } from './hpack/fields.js';
import { BLOCK, CHUNKED, CRLF, Lines } from './text.js';

const EMPTY_BODY = latin1('content-length: 0\r\n');
const SWITCHING = latin1('HTTP/1.1 101');

/** Writes the fields of a response as HTTP/1.1 text. One record serves all. */
export class ResponseText extends Lines implements FieldSink {
  status = 0;
  private hasStatus = false;
  private hasLength = false;

  begin(most: number): void {
    this.start(most, most);
    this.hasStatus = false;
    this.hasLength = false;
    this.status = 0;
  }

  field(kind: number, b: Uint8Array, start: number, valueAt: number, end: number): void {
    if (this.state !== BLOCK.OK) return;
    if (kind === KIND.STATUS) {
      this.statusLine(b, valueAt, end - 2);
      return;
    }
    if (!this.hasStatus) {
      this.state = BLOCK.MALFORMED;
      return;
    }
    if (kind === KIND.CONTENT_LENGTH) {
      if (this.hasLength) this.state = BLOCK.MALFORMED;
      this.hasLength = true;
    } else if (kind !== KIND.PLAIN && kind !== KIND.COOKIE && kind !== KIND.HOST) {
      this.state = BLOCK.MALFORMED;
      return;
    }
    if (this.fits(end - start)) this.copy(b, start, end);
  }

  /** The fields of a 200 to an extended CONNECT, as the head with which HTTP/1.1 switches protocols. */
  asUpgrade(accept: string): void {
    this.finish(false, false);
    if (this.state !== BLOCK.OK) return;
    this.end -= 2;
    const lines = latin1(
      `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    this.copy(lines, 0, lines.length);
    this.bytes.set(SWITCHING, HEAD_ROOM);
  }

  /**
   * @param body whether DATA follows; in chunks when nobody said how long it is
   * @param empty says so with a length of 0, which HTTP/1.1 needs
   */
  finish(body: boolean, empty: boolean): void {
    if (this.state !== BLOCK.OK) return;
    if (!this.hasStatus) {
      this.state = BLOCK.MALFORMED;
      return;
    }
    if (!this.hasLength) {
      if (body) this.copy(CHUNKED, 0, CHUNKED.length);
      else if (empty) this.copy(EMPTY_BODY, 0, EMPTY_BODY.length);
    }
    this.copy(CRLF, 0, 2);
  }

  private statusLine(b: Uint8Array, start: number, end: number): void {
    let n = 0;
    for (let i = start; i < end; i++) {
      const digit = b[i]! - 48;
      if (digit < 0 || digit > 9) n = -1000;
      n = n * 10 + digit;
    }
    if (this.hasStatus || end - start !== 3 || n < 100) {
      this.state = BLOCK.MALFORMED;
      return;
    }
    this.hasStatus = true;
    this.status = n;
    const line = latin1(`HTTP/1.1 ${n} \r\n`);
    this.copy(line, 0, line.length);
  }
}

/** Takes the fields of trailers, as lines. What may not be in trailers (RFC 9110 section 6.5.1) is left out. */
export class TrailerText extends Lines implements FieldSink {
  begin(most: number): void {
    this.start(most, most);
  }

  field(kind: number, b: Uint8Array, start: number, valueAt: number, end: number): void {
    if (this.state !== BLOCK.OK) return;
    if (kind === KIND.MALFORMED || kind === KIND.CONNECTION || (kind >= KIND.METHOD && kind <= KIND.STATUS)) {
      this.state = BLOCK.MALFORMED;
      return;
    }
    let hash = 0;
    for (let i = start; i < valueAt - 2; i++) hash = hashStep(hash, b[i]!);
    if (kind !== KIND.PLAIN || fieldIdOfHash(hash) !== FIELD.OTHER) return;
    if (this.fits(end - start)) this.copy(b, start, end);
  }

  get begins(): number {
    return HEAD_ROOM;
  }
}

export const responseText = new ResponseText();
export const trailerText = new TrailerText();
