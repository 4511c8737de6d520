import { Head } from './head.js';
import { INCOMPLETE, REFUSE } from './refusal.js';
import { scanFields } from './scan-fields.js';
import { CR, LF, SP, VALUE } from './tables.js';

/** The record of the last response scanned. */
export const response = new Head();

/** Largest response head taken from a server. */
export const MOST_RESPONSE_HEAD = 256 * 1024;
export const MOST_RESPONSE_FIELDS = 1024;

/**
 * Scans a response head in `b[from..end)`, as strictly as a request: a message that a client might cut elsewhere
 * than we do must not reach it. Writes `b[end]`.
 * The head may then begin a byte in front of `from`.
 * @returns the position behind the head, with `response` filled; INCOMPLETE; or a code of REFUSE.
 */
export function scanResponse(
  b: Uint8Array,
  from: number,
  end: number,
  mostBytes = MOST_RESPONSE_HEAD,
  mostFields = MOST_RESPONSE_FIELDS,
): number {
  b[end] = 0;
  const head = response;
  head.reset();
  head.start = from;
  const at = statusLine(head, b, from, end);
  const done = at < 0 ? at : scanFields(head, b, at, end, mostFields);
  if (done === INCOMPLETE) return end - from >= mostBytes ? REFUSE.TOO_LARGE : INCOMPLETE;
  if (done < 0) return done;
  if (done - from > mostBytes) return REFUSE.TOO_LARGE;
  if (head.codingField >= 0) {
    if (head.lengthField >= 0) return REFUSE.CODING_AND_LENGTH;
    if (head.minor === 0) return REFUSE.CODING_IN_1_0;
  }
  if (at === from + BARE_STATUS) putSpace(head, b);
  return done;
}

/** Length of a status line that ends with the status. */
const BARE_STATUS = 'HTTP/1.1 200\r\n'.length;

/** The space behind the status has to be there even when no reason follows (RFC 9112 section 4). */
function putSpace(head: Head, b: Uint8Array): void {
  const { start } = head;
  b.copyWithin(start - 1, start, start + 12);
  b[start + 11] = SP;
  head.start--;
  head.minorAt--;
}

const START = [72, 84, 84, 80, 47, 49, 46]; // HTTP/1.

function statusLine(head: Head, b: Uint8Array, from: number, end: number): number {
  for (let k = 0; k < 7; k++) {
    if (from + k >= end) return INCOMPLETE;
    if (b[from + k] !== START[k]) return REFUSE.STATUS_LINE;
  }
  if (from + 12 >= end) return INCOMPLETE;
  const minor = b[from + 7]! - 48;
  if (minor < 0 || minor > 9 || b[from + 8] !== SP) return REFUSE.STATUS_LINE;
  head.minorAt = from + 7;
  head.minor = minor === 0 ? 0 : 1;
  const hundreds = b[from + 9]! - 48;
  const tens = b[from + 10]! - 48;
  const ones = b[from + 11]! - 48;
  if (hundreds < 1 || hundreds > 9 || tens < 0 || tens > 9 || ones < 0 || ones > 9) return REFUSE.STATUS_LINE;
  head.status = hundreds * 100 + tens * 10 + ones;
  let i = from + 12;
  if (b[i] !== SP && b[i] !== CR) return b[i] === LF ? REFUSE.BARE_LF : REFUSE.STATUS_LINE;
  while (VALUE[b[i]!] !== 0) i++;
  if (b[i] !== CR) return i >= end ? INCOMPLETE : b[i] === LF ? REFUSE.BARE_LF : REFUSE.STATUS_LINE;
  if (i + 1 >= end) return INCOMPLETE;
  if (b[i + 1] !== LF) return REFUSE.BARE_CR;
  head.firstField = i + 2;
  return i + 2;
}
