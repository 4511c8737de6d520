import { Head, METHOD, VALUE_END, VALUE_START } from './head.js';
import { isHost } from './host.js';
import { writeOriginForm } from './origin-form.js';
import { INCOMPLETE, REFUSE } from './refusal.js';
import { requestLine } from './request-line.js';
import { scanFields } from './scan-fields.js';
import { CR, LF, SP, TAB } from './tables.js';

/** The record of the last request scanned. */
export const request = new Head();

/**
 * Scans a request head in `b[from..end)` in one pass and checks it as RFC 9112 asks, strictly: whatever two parsers
 * might understand differently is refused. Writes `b[end]`, and brings what has several spellings to its plain one in
 * place: Content-Length, Transfer-Encoding, and a target in absolute form, which becomes origin form with its
 * authority as Host. The head may then begin up to two bytes in front of `from`.
 * @returns the position behind the head, with `request` filled; INCOMPLETE; or a code of REFUSE.
 */
export function scanRequest(
  b: Uint8Array,
  from: number,
  end: number,
  mostBytes: number,
  mostFields: number,
): number {
  b[end] = 0;
  let start = from;
  // RFC 9112 section 2.2: an empty line in front of a request is skipped.
  while (b[start] === CR && start + 1 < end && b[start + 1] === LF) start += 2;
  const head = request;
  head.reset();
  head.start = start;
  if (b[start] === CR) return start + 1 < end ? REFUSE.BARE_CR : INCOMPLETE;
  const at = requestLine(head, b, start, end);
  // RFC 9112 section 3: a target longer than any that is served has a status of its own.
  if (at === INCOMPLETE) return end - from >= mostBytes ? REFUSE.TARGET_LONG : INCOMPLETE;
  if (at - from > mostBytes) return REFUSE.TARGET_LONG;
  const done = at < 0 ? at : scanFields(head, b, at, end, mostFields);
  if (done === INCOMPLETE) return end - from >= mostBytes ? REFUSE.TOO_LARGE : INCOMPLETE;
  if (done < 0) return done;
  if (done - from > mostBytes) return REFUSE.TOO_LARGE;
  const refused = checkRequest(head, b);
  if (refused !== 0) return refused;
  return head.authorityEnd === 0 ? done : originForm(head, b, done, mostFields);
}

/** What follows from several fields together. */
function checkRequest(head: Head, b: Uint8Array): number {
  if (head.codingField >= 0) {
    if (head.lengthField >= 0) return REFUSE.CODING_AND_LENGTH;
    if (head.minor === 0) return REFUSE.CODING_IN_1_0;
  }
  if (head.method >= METHOD.OPTIONS && head.method <= METHOD.TRACE) {
    // RFC 9110 section 9.3.8: TRACE has no content, so one that has might be read in two ways.
    if (head.method === METHOD.TRACE && (head.chunked || head.contentLength > 0)) return REFUSE.TRACE_CONTENT;
    if (head.forwardsField >= 0 && !countForwards(head, b)) return REFUSE.MAX_FORWARDS;
  }
  if (head.hostField < 0) return head.minor === 1 ? REFUSE.HOST_MISSING : 0;
  const start = head.at(head.hostField, VALUE_START);
  return isHost(b, start, trimmedEnd(head, b, head.hostField)) ? 0 : REFUSE.HOST_INVALID;
}

function trimmedEnd(head: Head, b: Uint8Array, field: number): number {
  const start = head.at(field, VALUE_START);
  let end = head.at(field, VALUE_END);
  while (end > start && (b[end - 1] === SP || b[end - 1] === TAB)) end--;
  return end;
}

const MOST_DIGITS = 9;

/**
 * RFC 9110 section 7.6.2: Max-Forwards of OPTIONS and TRACE is counted down, in place; at 0 the request is answered
 * here. False when it is no number.
 */
function countForwards(head: Head, b: Uint8Array): boolean {
  const start = head.at(head.forwardsField, VALUE_START);
  const end = trimmedEnd(head, b, head.forwardsField);
  if (end === start || end - start > MOST_DIGITS) return false;
  let n = 0;
  for (let i = start; i < end; i++) {
    const digit = b[i]! - 48;
    if (digit < 0 || digit > 9) return false;
    n = n * 10 + digit;
  }
  head.lastHop = n === 0;
  n--;
  // The number never grows longer; what it loses becomes white space.
  for (let i = end - 1; i >= start && n >= 0; i--) {
    b[i] = n > 0 || i === end - 1 ? 48 + (n % 10) : SP;
    n = (n / 10) | 0;
  }
  return true;
}

/** Writes the head anew in origin form, up to `done`, and scans that. */
function originForm(head: Head, b: Uint8Array, done: number, mostFields: number): number {
  const { https } = head;
  const start = writeOriginForm(head, b, done);
  const kept = b[done]!;
  const again = scanRequest(b, start, done, done - start, mostFields);
  b[done] = kept;
  head.https = https;
  return again;
}
