import { latin1 } from '../bytes.js';

/**
 * What rules want changed in one head, beside fields that they drop (`Head.drop`). One record serves all requests
 * and one all responses: it is filled and used up within one call.
 */
export class HeadEdits {
  /** Whole lines, with CRLF, to be put in front of the others. */
  readonly lines: Uint8Array[] = [];
  /** Bytes of all lines. */
  bytes = 0;
  /** Bytes that something else will put in later. */
  reserved = 0;
  /** Another request target, in origin form. */
  target: Uint8Array | null = null;

  clear(): void {
    if (this.bytes > 0) this.lines.length = 0;
    this.bytes = 0;
    this.reserved = 0;
    this.target = null;
  }

  /** @param line with CRLF, checked by its maker: no CR, LF or NUL inside */
  addLine(line: Uint8Array): void {
    this.lines.push(line);
    this.bytes += line.length;
  }

  /** Makes a line; bytes that would end it early become spaces. */
  add(name: string, value: string): void {
    this.addLine(fieldLine(name, value));
  }
}

/** A header line with CRLF. */
export const fieldLine = (name: string, value: string): Uint8Array => latin1(fieldText(name, value));

/**
 * A header line with CRLF, a character per byte. Whatever the value holds, it stays one line. A value with characters
 * beyond U+00FF becomes UTF-8: their low bytes alone could be a line end.
 */
export function fieldText(name: string, value: string): string {
  // oxlint-disable-next-line no-control-regex
  const bytes = /[^\u0000-\u00ff]/.test(value) ? Buffer.from(value).toString('latin1') : value;
  // oxlint-disable-next-line no-control-regex
  return `${name}: ${bytes.replace(/[\u0000\r\n]/g, ' ')}\r\n`;
}

export const requestEdits = new HeadEdits();
export const responseEdits = new HeadEdits();
