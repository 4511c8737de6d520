import { HEX } from './bytes.js';

const SLASH = 47;
const BACKSLASH = 92;
const DOT = 46;
const PERCENT = 37;
const SEMICOLON = 59;

/** What a path was found to be. */
export const enum PathForm {
  /** Lies in its normal form where it came. */
  AsIs,
  /** Its normal form was written. */
  Written,
  /** Servers may read it as different paths: nothing can be decided by it. */
  Ambiguous,
}

/**
 * Brings a path to the form that decoded matching looks at: percent-encodings decoded once, `%2F` among them, and
 * runs of slashes merged to one. A path is ambiguous when it has, decoded, a segment `.` or `..` (also with `;`
 * parameters, also between backslashes) or a NUL: what it means depends on who resolves it, and an honest client has
 * resolved it before sending (RFC 3986 section 5.2.4).
 */
export class NormalPath {
  b: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  private scratch = new Uint8Array(4096);

  take(b: Uint8Array, start: number, end: number): PathForm {
    this.b = b;
    this.start = start;
    this.end = end;
    let separator = false;
    for (let i = start; i < end; i++) {
      const c = b[i]!;
      if (c === SLASH) {
        if (separator) return this.write(b, start, end);
        separator = true;
        continue;
      }
      if (c === PERCENT || c === BACKSLASH || (c === DOT && separator && isDots(b, i, end)))
        return this.write(b, start, end);
      separator = false;
    }
    return PathForm.AsIs;
  }

  private write(b: Uint8Array, start: number, end: number): PathForm {
    if (end - start > this.scratch.length) this.scratch = new Uint8Array((end - start) * 2);
    const out = this.scratch;
    let n = 0;
    for (let i = start; i < end; i++) {
      let c = b[i]!;
      if (c === PERCENT && i + 2 < end && HEX[b[i + 1]!]! < 16 && HEX[b[i + 2]!]! < 16) {
        c = HEX[b[i + 1]!]! * 16 + HEX[b[i + 2]!]!;
        i += 2;
      }
      if (c === 0) return PathForm.Ambiguous;
      if (c === SLASH && n > 0 && out[n - 1] === SLASH) continue;
      out[n++] = c;
    }
    this.b = out;
    this.start = 0;
    this.end = n;
    for (let i = 0; i < n; i++)
      if (out[i] === DOT && (i === 0 || isSeparator(out[i - 1]!)) && isDots(out, i, n))
        return PathForm.Ambiguous;
    return PathForm.Written;
  }
}

const isSeparator = (c: number): boolean => c === SLASH || c === BACKSLASH;

/** Whether the segment that begins at `at` with a dot is `.` or `..`, up to a separator, `;` or the end. */
function isDots(b: Uint8Array, at: number, end: number): boolean {
  let i = at + 1;
  if (i < end && b[i] === DOT) i++;
  return i >= end || isSeparator(b[i]!) || b[i] === SEMICOLON;
}

/** Decodes percent-encodings once; returns the length written to `out`, which has room. */
export function decode(b: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let n = 0;
  for (let i = start; i < end; i++) {
    if (b[i] === PERCENT && i + 2 < end && HEX[b[i + 1]!]! < 16 && HEX[b[i + 2]!]! < 16) {
      out[n++] = HEX[b[i + 1]!]! * 16 + HEX[b[i + 2]!]!;
      i += 2;
    } else out[n++] = b[i]!;
  }
  return n;
}
