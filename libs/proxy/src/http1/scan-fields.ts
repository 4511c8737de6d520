import {
  Head,
  isHopByHop,
  LINE,
  MOST_FIELDS,
  NAME_END,
  NEXT,
  STRIDE,
  VALUE_END,
  VALUE_START,
} from './head.js';
import { INCOMPLETE, REFUSE } from './refusal.js';
import { COLON, CR, FIELD, fieldId, isWord, LF, SP, TAB, TOKEN, valueEnd, word } from './tables.js';

const CHUNKED = word('chunked');
const CONTINUE = word('100-continue');
const CLOSE = word('close');
const KEEP_ALIVE = word('keep-alive');
const UPGRADE = word('upgrade');

/** Digits of the largest Content-Length taken: below 2^53, so that it can be counted exactly. */
const MOST_DIGITS = 15;

/**
 * Scans header lines from `from` up to and including the empty line, in one pass, into `head`.
 * `b[end]` must be 0: it stops every inner loop.
 * @returns the position behind the empty line, INCOMPLETE, or a code of REFUSE.
 */
export function scanFields(head: Head, b: Uint8Array, from: number, end: number, mostFields: number): number {
  const { fields } = head;
  const most = mostFields < MOST_FIELDS ? mostFields : MOST_FIELDS;
  let i = from;
  let count = 0;
  for (;;) {
    if (b[i] === CR) {
      if (i + 1 >= end) return INCOMPLETE;
      if (b[i + 1] !== LF) return REFUSE.BARE_CR;
      return finish(head, b, i + 2);
    }
    const line = i;
    let hash = 0;
    let c = 0;
    while ((c = TOKEN[b[i]!]!) !== 0) {
      hash = (Math.imul(hash, 33) ^ c) | 0;
      i++;
    }
    if (i >= end) return INCOMPLETE;
    if (b[i] !== COLON || i === line) {
      const refused = head.status === 0 ? badName(b, line, i) : closeGap(b, line, i, end);
      if (refused !== 0) return refused;
    }
    if (count >= most) return REFUSE.TOO_MANY_FIELDS;
    const nameEnd = i++;
    while (b[i] === SP || b[i] === TAB) i++;
    const valueStart = i;
    i = valueEnd(b, i);
    const valueStop = i;
    if (b[i] !== CR) return i >= end ? INCOMPLETE : badValue(b, i);
    if (i + 1 >= end) return INCOMPLETE;
    if (b[i + 1] !== LF) return REFUSE.BARE_CR;
    i += 2;
    const f = count * STRIDE;
    fields[f + LINE] = line;
    fields[f + NAME_END] = nameEnd;
    fields[f + VALUE_START] = valueStart;
    fields[f + VALUE_END] = valueStop;
    fields[f + NEXT] = i;
    const id = fieldId(hash, b, line, nameEnd);
    head.count = ++count;
    if (id !== FIELD.OTHER) {
      const refused = known(head, id, b, count - 1, valueStart, valueStop);
      if (refused !== 0) return refused;
    }
  }
}

/**
 * White space between name and colon: a request is refused for it, but in a response a proxy has to take it away (RFC
 * 9112 section 5.1). Here it changes places with the colon. 0 when that is done, INCOMPLETE, or a code of REFUSE.
 */
function closeGap(b: Uint8Array, line: number, nameEnd: number, end: number): number {
  let i = nameEnd;
  while (b[i] === SP || b[i] === TAB) i++;
  if (i >= end) return INCOMPLETE;
  if (b[i] !== COLON || i === nameEnd || nameEnd === line) return badName(b, line, nameEnd);
  b[i] = SP;
  b[nameEnd] = COLON;
  return 0;
}

function badName(b: Uint8Array, line: number, at: number): number {
  if (at === line && (b[at] === SP || b[at] === TAB)) return REFUSE.FOLDED;
  if (b[at] === SP || b[at] === TAB) return REFUSE.SPACE_BEFORE_COLON;
  if (b[at] === LF) return REFUSE.BARE_LF;
  return REFUSE.FIELD_NAME;
}

function badValue(b: Uint8Array, at: number): number {
  return b[at] === LF ? REFUSE.BARE_LF : REFUSE.FIELD_VALUE;
}

/** Takes in a field that matters; 0 or a code of REFUSE. */
function known(head: Head, id: number, b: Uint8Array, field: number, start: number, rawEnd: number): number {
  let end = rawEnd;
  while (end > start && (b[end - 1] === SP || b[end - 1] === TAB)) end--;
  if (isHopByHop(id)) head.drop(field);
  switch (id) {
    case FIELD.CONTENT_LENGTH:
      if (head.lengthField >= 0) return REFUSE.LENGTH_TWICE;
      head.lengthField = field;
      return contentLength(head, b, start, end);
    case FIELD.TRANSFER_ENCODING:
      if (head.codingField >= 0) return REFUSE.CODING_TWICE;
      head.codingField = field;
      if (!isWord(b, start, end, CHUNKED)) return otherCoding(b, start, end);
      head.chunked = true;
      for (let i = start; i < end; i++) b[i] = b[i]! | 32; // the one spelling that every parser knows
      return 0;
    case FIELD.HOST:
      if (head.hostField >= 0 && head.status === 0) return REFUSE.HOST_TWICE;
      head.hostField = field;
      return 0;
    case FIELD.CONNECTION:
      if (isWord(b, start, end, KEEP_ALIVE)) {
        head.keepAliveField = head.connectionKeepAlive ? -1 : field;
        head.connectionKeepAlive = true;
      } else connectionOptions(head, b, start, end);
      return 0;
    case FIELD.UPGRADE:
      head.upgradeField = field;
      head.upgradeLines++;
      return 0;
    case FIELD.EXPECT:
      return head.status === 0 ? expectation(head, b, field, start, end) : 0;
    case FIELD.MAX_FORWARDS:
      if (head.forwardsField >= 0 && head.status === 0) return REFUSE.MAX_FORWARDS;
      head.forwardsField = field;
      return 0;
    case FIELD.LOOKALIKE:
      return head.status === 0 ? REFUSE.LOOKALIKE : 0;
    case FIELD.X_FORWARDED_FOR:
      head.forwardedField = field;
      return 0;
    case FIELD.X_ACCEL_REDIRECT:
    case FIELD.X_ACCEL_EXPIRES:
    case FIELD.X_ACCEL_LIMIT_RATE:
    case FIELD.X_ACCEL_BUFFERING:
    case FIELD.X_ACCEL_CHARSET:
      head.accelSeen = true;
      return 0;
    default:
      return 0;
  }
}

function expectation(head: Head, b: Uint8Array, field: number, start: number, end: number): number {
  if (!isWord(b, start, end, CONTINUE)) return REFUSE.EXPECTATION;
  // RFC 9110 section 10.1.1: of HTTP/1.0 it is ignored, and our server, which gets HTTP/1.1, must not see it.
  if (head.minor === 0) head.drop(field);
  else head.expectContinue = true;
  return 0;
}

/**
 * RFC 9112 section 6.1: codings in front of one `chunked` that ends the list are fine but not implemented here; in
 * every other list nobody can tell where the message ends.
 */
function otherCoding(b: Uint8Array, start: number, end: number): number {
  let comma = end - 1;
  while (comma > start && b[comma] !== COMMA) comma--;
  let last = comma + 1;
  while (last < end && (b[last] === SP || b[last] === TAB)) last++;
  if (comma <= start || !isWord(b, last, end, CHUNKED)) return REFUSE.CODING_UNKNOWN;
  for (let i = start; i < comma;) {
    while (i < comma && isSeparator(b[i]!)) i++;
    const from = i;
    while (i < comma && TOKEN[b[i]!] !== 0) i++;
    if (i === from || isWord(b, from, i, CHUNKED)) return REFUSE.CODING_UNKNOWN;
    while (i < comma && (b[i] === SP || b[i] === TAB)) i++;
    if (i < comma && b[i] !== COMMA) return REFUSE.CODING_UNKNOWN;
  }
  return REFUSE.CODING_NOT_IMPLEMENTED;
}

const COMMA = 44;

function contentLength(head: Head, b: Uint8Array, start: number, end: number): number {
  if (end === start) return REFUSE.LENGTH_INVALID;
  let n = 0;
  for (let i = start; i < end; i++) {
    const digit = b[i]! - 48;
    if (digit < 0 || digit > 9) return REFUSE.LENGTH_INVALID;
    // Zeros in front become white space, so that nobody behind us reads them as octal.
    if (n === 0 && digit === 0 && i < end - 1) b[i] = SP;
    n = n * 10 + digit;
  }
  if (end - start > MOST_DIGITS) return REFUSE.LENGTH_INVALID;
  head.contentLength = n;
  return 0;
}

/** Calls nobody: marks what the options of a Connection field mean. */
function connectionOptions(head: Head, b: Uint8Array, start: number, end: number): void {
  let i = start;
  while (i < end) {
    while (i < end && isSeparator(b[i]!)) i++;
    const from = i;
    while (i < end && !isSeparator(b[i]!)) i++;
    if (i === from) break;
    if (isWord(b, from, i, CLOSE)) head.connectionClose = true;
    else if (isWord(b, from, i, KEEP_ALIVE)) head.connectionKeepAlive = true;
    else if (isWord(b, from, i, UPGRADE)) head.connectionUpgrade = true;
    else head.connectionOther = true;
  }
}

const isSeparator = (c: number): boolean => c === SP || c === TAB || c === COMMA;

/** The empty line has been reached: fields that Connection names are dropped too. */
function finish(head: Head, b: Uint8Array, end: number): number {
  if (!head.connectionOther) return end;
  for (let k = 0; k < head.count; k++) {
    const id = idOf(head, b, k);
    if (id !== FIELD.CONNECTION) continue;
    const refused = dropNamed(head, b, head.at(k, VALUE_START), head.at(k, VALUE_END));
    if (refused !== 0) return refused;
  }
  return end;
}

function dropNamed(head: Head, b: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end) {
    while (i < end && isSeparator(b[i]!)) i++;
    const from = i;
    while (i < end && !isSeparator(b[i]!)) i++;
    if (i === from) break;
    for (let k = 0; k < head.count; k++) {
      if (!sameName(b, from, i, head.at(k, LINE), head.at(k, NAME_END))) continue;
      const id = idOf(head, b, k);
      if (
        id === FIELD.CONTENT_LENGTH ||
        id === FIELD.TRANSFER_ENCODING ||
        ((id === FIELD.HOST || id === FIELD.X_FORWARDED_FOR) && head.status === 0)
      )
        return REFUSE.CONNECTION_NAMES_FRAMING;
      head.drop(k);
    }
  }
  return 0;
}

function idOf(head: Head, b: Uint8Array, field: number): number {
  let hash = 0;
  for (let i = head.at(field, LINE); i < head.at(field, NAME_END); i++)
    hash = (Math.imul(hash, 33) ^ TOKEN[b[i]!]!) | 0;
  return fieldId(hash, b, head.at(field, LINE), head.at(field, NAME_END));
}

function sameName(b: Uint8Array, s1: number, e1: number, s2: number, e2: number): boolean {
  if (e1 - s1 !== e2 - s2) return false;
  for (let i = 0; i < e1 - s1; i++) if (TOKEN[b[s1 + i]!] !== TOKEN[b[s2 + i]!]) return false;
  return true;
}
