import { hexDigit } from './tables.js';
import { AUTHORITY } from './tables.js';

const PERCENT = 37;
const COLON = 58;
const OPEN = 91;
const CLOSE = 93;

/** Whether `b[start..end)` is a host with an optional port (RFC 9110 section 7.2, RFC 3986 section 3.2), no userinfo. */
export function isHost(b: Uint8Array, start: number, end: number): boolean {
  let i = start;
  if (b[i] === OPEN) {
    i = literalEnd(b, i + 1, end);
    if (i < 0) return false;
  } else {
    while (i < end) {
      const c = b[i]!;
      if (c === COLON) break;
      if (c === PERCENT) {
        if (i + 2 >= end || hexDigit(b[i + 1]!) < 0 || hexDigit(b[i + 2]!) < 0) return false;
        i += 3;
      } else if (AUTHORITY[c] !== 0) i++;
      else return false;
    }
    if (i === start) return false;
  }
  if (i === end) return true;
  if (b[i] !== COLON) return false;
  for (i++; i < end; i++) if (b[i]! < 48 || b[i]! > 57) return false;
  return true;
}

/** Behind the bracket of an IP literal; -1 when it is none: IPv6 by its letters, or `v1.` and what comes. */
function literalEnd(b: Uint8Array, start: number, end: number): number {
  let i = start;
  if ((b[i]! | 32) === 118) {
    i++;
    const digits = i;
    while (i < end && hexDigit(b[i]!) >= 0) i++;
    if (i === digits || b[i] !== 46) return -1;
    i++;
    const rest = i;
    while (i < end && (AUTHORITY[b[i]!] !== 0 || b[i] === COLON)) i++;
    return i > rest && b[i] === CLOSE && i < end ? i + 1 : -1;
  }
  let colons = 0;
  for (; i < end && b[i] !== CLOSE; i++) {
    if (b[i] === COLON) colons++;
    else if (hexDigit(b[i]!) < 0 && b[i] !== 46) return -1;
  }
  return i < end && colons >= 2 ? i + 1 : -1;
}
