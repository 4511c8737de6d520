const EQUALS = 61;
const SEMICOLON = 59;
const QUOTE = 34;
const isBlank = (c: number): boolean => c === 32 || c === 9;

/** Where a cookie lies in the bytes of a Cookie field. One record is used again and again. */
export interface CookieSpan {
  /** Of the value, without quotes. */
  start: number;
  end: number;
  /** Where its pair begins, with the blanks in front. */
  pair: number;
  /** Where the next pair begins. */
  next: number;
}

export const cookieSpan: CookieSpan = { start: 0, end: 0, pair: 0, next: 0 };

/** A name as `findCookie` wants it; names are case-sensitive (RFC 6265 section 5.4). */
export const cookieName = (name: string): Uint8Array => Buffer.from(name, 'latin1');

/** Finds the first cookie of that name in b[from..end), a Cookie field; `cookieSpan` says where. */
export function findCookie(b: Uint8Array, from: number, end: number, name: Uint8Array): boolean {
  for (let at = from; at < end;) {
    const stop = pairEnd(b, at, end);
    const value = valueOf(b, at, stop, name);
    if (value >= 0) {
      cookieSpan.pair = at;
      spanOf(b, value, stop);
      return true;
    }
    at = stop + 1;
  }
  return false;
}

/**
 * A Cookie field b[from..end) without the cookies of one name; the others keep their bytes and their order.
 * @returns null when there is none; no bytes when nothing is left
 */
export function withoutCookie(b: Uint8Array, from: number, end: number, name: Uint8Array): Uint8Array | null {
  const left = new Uint8Array(end - from);
  let length = 0;
  let found = false;
  for (let at = from; at < end;) {
    const stop = pairEnd(b, at, end);
    if (valueOf(b, at, stop, name) >= 0) found = true;
    else {
      let start = at;
      if (length > 0) left[length++] = SEMICOLON;
      else while (start < stop && isBlank(b[start]!)) start++;
      left.set(b.subarray(start, stop), length);
      length += stop - start;
    }
    at = stop + 1;
  }
  return found ? left.subarray(0, length) : null;
}

function pairEnd(b: Uint8Array, at: number, end: number): number {
  let stop = at;
  while (stop < end && b[stop] !== SEMICOLON) stop++;
  return stop;
}

/** Where the value of the pair begins, behind the equals sign; -1 when it is another cookie, or none. */
function valueOf(b: Uint8Array, from: number, stop: number, name: Uint8Array): number {
  let at = from;
  while (at < stop && isBlank(b[at]!)) at++;
  if (stop - at <= name.length) return -1;
  for (let i = 0; i < name.length; i++) if (b[at + i] !== name[i]) return -1;
  at += name.length;
  while (at < stop && isBlank(b[at]!)) at++;
  return at < stop && b[at] === EQUALS ? at + 1 : -1;
}

function spanOf(b: Uint8Array, value: number, stop: number): void {
  let start = value;
  let end = stop;
  while (start < end && isBlank(b[start]!)) start++;
  while (end > start && isBlank(b[end - 1]!)) end--;
  if (end - start > 1 && b[start] === QUOTE && b[end - 1] === QUOTE) {
    start++;
    end--;
  }
  cookieSpan.start = start;
  cookieSpan.end = end;
  cookieSpan.next = stop + 1;
}
