import { type Head, METHOD } from './head.js';
import { isHost } from './host.js';
import { INCOMPLETE, REFUSE } from './refusal.js';
import { COLON, CR, LF, SP, TARGET, TOKEN } from './tables.js';

/** Longest method name. */
const MOST_METHOD = 32;

const SLASH = 47;
const STAR = 42;
const QUESTION = 63;

/** @returns the position of the first field line, INCOMPLETE or a code of REFUSE */
export function requestLine(head: Head, b: Uint8Array, start: number, end: number): number {
  let i = start;
  while (TOKEN[b[i]!] !== 0) i++;
  if (i - start > MOST_METHOD) return REFUSE.METHOD_LONG;
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
  const refused = b[head.targetStart] === SLASH ? 0 : target(head, b);
  if (refused !== 0) return refused;
  return version(head, b, i + 1, end);
}

const VERSION = [72, 84, 84, 80, 47]; // HTTP/

/** A higher minor version is taken as 1.1 (RFC 9110 section 6.2). */
function version(head: Head, b: Uint8Array, at: number, end: number): number {
  for (let k = 0; k < 5; k++) {
    if (at + k >= end) return INCOMPLETE;
    if (b[at + k] !== VERSION[k]) return REFUSE.REQUEST_LINE;
  }
  // HTTP/<digit>.<digit>CRLF
  const i = at + 5;
  if (i + 1 >= end) return INCOMPLETE;
  const major = b[i]! - 48;
  if (major < 0 || major > 9 || b[i + 1] !== 46) return REFUSE.REQUEST_LINE;
  if (major !== 1) return REFUSE.VERSION;
  if (i + 2 >= end) return INCOMPLETE;
  const minor = b[i + 2]! - 48;
  if (minor < 0 || minor > 9) return REFUSE.REQUEST_LINE;
  head.minorAt = i + 2;
  head.minor = minor === 0 ? 0 : 1;
  if (i + 3 >= end) return INCOMPLETE;
  if (b[i + 3] !== CR) return b[i + 3] === LF ? REFUSE.BARE_LF : REFUSE.REQUEST_LINE;
  if (i + 4 >= end) return INCOMPLETE;
  if (b[i + 4] !== LF) return REFUSE.BARE_CR;
  head.firstField = i + 5;
  return i + 5;
}

/** Absolute form, or `*` for OPTIONS. */
function target(head: Head, b: Uint8Array): number {
  const { targetStart: s, targetEnd: e } = head;
  if (e === s) return REFUSE.TARGET;
  if (b[s] === STAR) return e === s + 1 && head.method === METHOD.OPTIONS ? 0 : REFUSE.TARGET;
  const authority = afterScheme(head, b, s, e);
  if (authority < 0) return REFUSE.TARGET;
  let i = authority;
  while (i < e && b[i] !== SLASH && b[i] !== QUESTION) i++;
  if (!isHost(b, authority, i)) return REFUSE.TARGET;
  head.authorityStart = authority;
  head.authorityEnd = i;
  return 0;
}

const SCHEME = 'http';

function afterScheme(head: Head, b: Uint8Array, s: number, e: number): number {
  if (e - s < 8) return -1;
  for (let i = 0; i < 4; i++) if ((b[s + i]! | 32) !== SCHEME.charCodeAt(i)) return -1;
  let i = s + 4;
  head.https = (b[i]! | 32) === 115;
  if (head.https) i++;
  return b[i] === COLON && b[i + 1] === SLASH && b[i + 2] === SLASH ? i + 3 : -1;
}

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
