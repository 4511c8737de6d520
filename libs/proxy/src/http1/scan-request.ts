import { Head, METHOD, VALUE_END, VALUE_START } from './head.js';
import { INCOMPLETE, REFUSE } from './refusal.js';
import { scanFields } from './scan-fields.js';
import { AUTHORITY, CR, LF, SP, TAB, TARGET, TOKEN } from './tables.js';

/** Longest method name. */
const MOST_METHOD = 32;

/** The record of the last request scanned. */
export const request = new Head();

/**
 * Scans a request head in `b[from..end)` in one pass and checks it as RFC 9112 asks, strictly: whatever two parsers
 * might understand differently is refused. Writes `b[end]`, and brings Content-Length and Transfer-Encoding to their
 * plain spelling in place.
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
  const done = at < 0 ? at : scanFields(head, b, at, end, mostFields);
  if (done === INCOMPLETE) return end - from >= mostBytes ? REFUSE.TOO_LARGE : INCOMPLETE;
  if (done < 0) return done;
  if (done - from > mostBytes) return REFUSE.TOO_LARGE;
  const refused = checkRequest(head, b);
  return refused === 0 ? done : refused;
}

/** @returns the position of the first field line, INCOMPLETE or a code of REFUSE */
function requestLine(head: Head, b: Uint8Array, start: number, end: number): number {
  let i = start;
  while (TOKEN[b[i]!] !== 0) i++;
  if (i - start > MOST_METHOD) return REFUSE.METHOD;
  if (i >= end) return INCOMPLETE;
  if (b[i] !== SP || i === start) return b[i] === LF ? REFUSE.BARE_LF : REFUSE.METHOD;
  head.methodEnd = i;
  head.method = methodOf(b, start, i - start);
  if (head.method === METHOD.CONNECT) return REFUSE.CONNECT;
  head.targetStart = ++i;
  while (TARGET[b[i]!] !== 0) i++;
  if (i >= end) return INCOMPLETE;
  if (b[i] !== SP) return b[i] === CR || b[i] === LF ? REFUSE.REQUEST_LINE : REFUSE.TARGET;
  head.targetEnd = i;
  const refused = target(head, b);
  if (refused !== 0) return refused;
  return version(head, b, i + 1, end);
}

const VERSION = [72, 84, 84, 80, 47]; // HTTP/

function version(head: Head, b: Uint8Array, at: number, end: number): number {
  for (let k = 0; k < 5; k++) {
    if (at + k >= end) return INCOMPLETE;
    if (b[at + k] !== VERSION[k]) return REFUSE.REQUEST_LINE;
  }
  // HTTP/<digit>.<digit>CRLF
  const i = at + 5;
  if (i >= end) return INCOMPLETE;
  const major = b[i]! - 48;
  if (major < 0 || major > 9) return REFUSE.REQUEST_LINE;
  if (major !== 1) return REFUSE.VERSION;
  if (i + 1 >= end) return INCOMPLETE;
  if (b[i + 1] !== 46) return REFUSE.REQUEST_LINE;
  if (i + 2 >= end) return INCOMPLETE;
  const minor = b[i + 2]! - 48;
  if (minor !== 0 && minor !== 1) return minor >= 2 && minor <= 9 ? REFUSE.VERSION : REFUSE.REQUEST_LINE;
  head.minorAt = i + 2;
  head.minor = minor;
  if (i + 3 >= end) return INCOMPLETE;
  if (b[i + 3] !== CR) return b[i + 3] === LF ? REFUSE.BARE_LF : REFUSE.REQUEST_LINE;
  if (i + 4 >= end) return INCOMPLETE;
  if (b[i + 4] !== LF) return REFUSE.BARE_CR;
  head.firstField = i + 5;
  return i + 5;
}

/** Origin form, absolute form, or `*` for OPTIONS. */
function target(head: Head, b: Uint8Array): number {
  const { targetStart: s, targetEnd: e } = head;
  if (e === s) return REFUSE.TARGET;
  if (b[s] === 47) return 0;
  if (b[s] === 42) return e === s + 1 && head.method === METHOD.OPTIONS ? 0 : REFUSE.TARGET;
  const authority = afterScheme(b, s, e);
  if (authority < 0) return REFUSE.TARGET;
  let i = authority;
  while (i < e && AUTHORITY[b[i]!] !== 0) i++;
  if (i === authority || (i < e && b[i] !== 47 && b[i] !== 63)) return REFUSE.TARGET;
  // A query without a path would need a slash put in between.
  if (i < e && b[i] === 63) return REFUSE.TARGET;
  head.authorityStart = authority;
  head.authorityEnd = i;
  head.absolutePath = i;
  return 0;
}

const SCHEME = 'http';

function afterScheme(b: Uint8Array, s: number, e: number): number {
  if (e - s < 8) return -1;
  for (let i = 0; i < 4; i++) if ((b[s + i]! | 32) !== SCHEME.charCodeAt(i)) return -1;
  let i = s + 4;
  if ((b[i]! | 32) === 115) i++; // https
  return b[i] === COLON_BYTE && b[i + 1] === 47 && b[i + 2] === 47 ? i + 3 : -1;
}

const COLON_BYTE = 58;

function checkRequest(head: Head, b: Uint8Array): number {
  if (head.codingField >= 0) {
    if (head.lengthField >= 0) return REFUSE.CODING_AND_LENGTH;
    if (head.minor === 0) return REFUSE.CODING_IN_1_0;
  }
  if (head.hostField < 0) return head.minor === 1 ? REFUSE.HOST_MISSING : 0;
  const start = head.at(head.hostField, VALUE_START);
  let end = head.at(head.hostField, VALUE_END);
  while (end > start && (b[end - 1] === SP || b[end - 1] === TAB)) end--;
  if (end === start) return REFUSE.HOST_INVALID;
  for (let i = start; i < end; i++) if (AUTHORITY[b[i]!] === 0) return REFUSE.HOST_INVALID;
  if (head.absolutePath >= 0) {
    const length = head.authorityEnd - head.authorityStart;
    if (length !== end - start) return REFUSE.HOST_CONTRADICTS;
    for (let i = 0; i < length; i++)
      if (lower(b[head.authorityStart + i]!) !== lower(b[start + i]!)) return REFUSE.HOST_CONTRADICTS;
  }
  return 0;
}

const lower = (c: number): number => (c >= 65 && c <= 90 ? c + 32 : c);

const METHODS: readonly (readonly [Uint8Array, number])[] = Object.entries(METHOD)
  .filter(([, id]) => id !== METHOD.OTHER)
  .map(([name, id]) => [Buffer.from(name, 'latin1'), id] as const);

/** Methods are case-sensitive. */
function methodOf(b: Uint8Array, start: number, length: number): number {
  if (length === 3 && b[start] === 71 && b[start + 1] === 69 && b[start + 2] === 84) return METHOD.GET;
  for (const [name, id] of METHODS) {
    if (name.length !== length) continue;
    let i = 0;
    while (i < length && name[i] === b[start + i]) i++;
    if (i === length) return id;
  }
  return METHOD.OTHER;
}
