/** A message with its body may have so many bytes; what is longer is malformed. */
export const MOST_MESSAGE = 65_535;
/** The head alone. */
const MOST_HEAD = 16_384;
const MOST_FIELDS = 256;

/** More bytes are needed. */
export const INCOMPLETE = 0;
export const MALFORMED = -1;

const CR = 13;
const LF = 10;
const SP = 32;
const HT = 9;
const COLON = 58;

/** Characters of a token (RFC 3261 section 25.1). */
const TOKEN = new Uint8Array(256);
for (const c of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")
  TOKEN[c.charCodeAt(0)] = 1;

const VERSION = Buffer.from('SIP/2.0');
const CALL_ID = Buffer.from('call-id');
const CONTENT_LENGTH = Buffer.from('content-length');

/**
 * Where the parts of one SIP message lie that matter for passing it on (RFC 3261 section 7). Everything else is left
 * as it is. What two readers could read differently is malformed: bare CR or LF, two Call-IDs, two lengths.
 */
export class SipMessage {
  isRequest = false;
  /** Of a response; 0 of a request. */
  status = 0;
  callIdStart = 0;
  callIdEnd = 0;
  /** Of the Content-Length field; -1 without one. */
  contentLength = -1;
  private at = 0;

  /**
   * Reads the message that starts at `start`.
   * @param stream it came by a connection: its length has to be told (RFC 3261 section 18.3), and more may follow
   * @returns the bytes of the message, INCOMPLETE (with `stream` only), or MALFORMED
   */
  scan(b: Uint8Array, start: number, end: number, stream: boolean): number {
    this.callIdStart = 0;
    this.callIdEnd = 0;
    this.contentLength = -1;
    this.at = start;
    const most = Math.min(end, start + MOST_HEAD);
    const outcome = this.head(b, most);
    if (outcome === INCOMPLETE) return stream && most === end ? INCOMPLETE : MALFORMED;
    if (outcome === MALFORMED || this.callIdEnd === 0) return MALFORMED;
    return this.whole(start, end, stream);
  }

  private whole(start: number, end: number, stream: boolean): number {
    const { contentLength, at: bodyAt } = this;
    if (contentLength < 0) return stream ? MALFORMED : end - start;
    const length = bodyAt - start + contentLength;
    if (length > MOST_MESSAGE) return MALFORMED;
    if (length <= end - start) return length;
    return stream ? INCOMPLETE : MALFORMED;
  }

  private head(b: Uint8Array, end: number): number {
    // An empty line is no start line, and where the bytes begin its end has no index that could be told from INCOMPLETE.
    if (end - this.at >= 2 && b[this.at] === CR) return MALFORMED;
    let lineEnd = lineEndOf(b, this.at, end);
    if (lineEnd <= 0) return lineEnd;
    if (!this.startLine(b, this.at, lineEnd)) return MALFORMED;
    this.at = lineEnd + 2;
    for (let fields = 0; ; fields++) {
      lineEnd = lineEndOf(b, this.at, end);
      if (lineEnd <= 0) return lineEnd;
      if (lineEnd === this.at) {
        this.at += 2;
        return 1;
      }
      // A line that begins with space goes on with the field before it (RFC 3261 section 7.3.1).
      for (;;) {
        if (lineEnd + 2 >= end) return INCOMPLETE;
        const next = b[lineEnd + 2]!;
        if (next !== SP && next !== HT) break;
        lineEnd = lineEndOf(b, lineEnd + 2, end);
        if (lineEnd <= 0) return lineEnd;
      }
      if (fields === MOST_FIELDS || !this.field(b, this.at, lineEnd)) return MALFORMED;
      this.at = lineEnd + 2;
    }
  }

  private startLine(b: Uint8Array, start: number, end: number): boolean {
    this.isRequest = !startsWith(b, start, end, VERSION);
    this.status = 0;
    if (!this.isRequest) {
      // SIP/2.0 SP 3DIGIT SP …
      const code = start + VERSION.length + 1;
      if (code + 3 >= end || b[code - 1] !== SP || b[code + 3] !== SP) return false;
      for (let i = code; i < code + 3; i++) {
        if (!isDigit(b[i]!)) return false;
        this.status = 10 * this.status + b[i]! - 48;
      }
      return true;
    }
    let at = start;
    while (at < end && TOKEN[b[at]!] === 1) at++;
    if (at === start || b[at] !== SP) return false;
    const version = end - VERSION.length;
    return (
      version - 1 > at + 1 &&
      b[version - 1] === SP &&
      startsWith(b, version, end, VERSION) &&
      !hasSpace(b, at + 1, version - 1)
    );
  }

  /** False when it makes the message malformed. */
  private field(b: Uint8Array, start: number, end: number): boolean {
    let at = start;
    while (at < end && TOKEN[b[at]!] === 1) at++;
    const nameEnd = at;
    while (at < end && (b[at] === SP || b[at] === HT)) at++;
    if (nameEnd === start || b[at] !== COLON) return false;
    let valueStart = at + 1;
    let valueEnd = end;
    while (valueStart < valueEnd && isSpace(b[valueStart]!)) valueStart++;
    while (valueEnd > valueStart && isSpace(b[valueEnd - 1]!)) valueEnd--;
    if (isNamed(b, start, nameEnd, CALL_ID, 105)) return this.callId(b, valueStart, valueEnd);
    if (isNamed(b, start, nameEnd, CONTENT_LENGTH, 108)) return this.length(b, valueStart, valueEnd);
    return true;
  }

  private callId(b: Uint8Array, start: number, end: number): boolean {
    if (this.callIdEnd !== 0 || start === end || hasSpace(b, start, end)) return false;
    this.callIdStart = start;
    this.callIdEnd = end;
    return true;
  }

  private length(b: Uint8Array, start: number, end: number): boolean {
    if (this.contentLength >= 0 || start === end || end - start > 9) return false;
    let n = 0;
    for (let i = start; i < end; i++) {
      if (!isDigit(b[i]!)) return false;
      n = n * 10 + b[i]! - 48;
    }
    this.contentLength = n;
    return true;
  }
}

/** Index of the CR that ends the line; INCOMPLETE, or MALFORMED where CR or LF stands alone, or NUL anywhere. */
function lineEndOf(b: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const c = b[i]!;
    if (c === CR) return i + 1 === end ? INCOMPLETE : b[i + 1] === LF ? i : MALFORMED;
    if (c === LF || c === 0) return MALFORMED;
  }
  return INCOMPLETE;
}

function startsWith(b: Uint8Array, start: number, end: number, what: Uint8Array): boolean {
  if (end - start < what.length) return false;
  for (let i = 0; i < what.length; i++) if (b[start + i] !== what[i]) return false;
  return true;
}

/** Whether b[start..end) is that name in any case, or its compact form (RFC 3261 section 7.3.3). */
function isNamed(b: Uint8Array, start: number, end: number, name: Uint8Array, compact: number): boolean {
  if (end - start === 1) return (b[start]! | 0x20) === compact;
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    const c = b[start + i]!;
    if (c !== name[i] && (c | 0x20) !== name[i]) return false;
  }
  return true;
}

const isDigit = (c: number): boolean => c >= 48 && c <= 57;
/** White space of a field, with that of its folding. */
const isSpace = (c: number): boolean => c === SP || c === HT || c === CR || c === LF;

function hasSpace(b: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (isSpace(b[i]!)) return true;
  return false;
}
