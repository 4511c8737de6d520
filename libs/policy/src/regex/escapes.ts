import { type ByteSet, complement, DIGITS, SPACE, WORD } from './byte-set.js';

const CLASSES: Readonly<Record<string, ByteSet>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};

/** The class that `\c` stands for. */
export const escapedClass = (c: string): ByteSet | undefined =>
  Object.hasOwn(CLASSES, c) ? CLASSES[c] : undefined;

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };

/** The byte that an escape stands for, `at` behind the backslash; undefined for one that is not known. */
export function escapedByte(pattern: string, at: number): { byte: number; next: number } | undefined {
  const c = pattern[at]!;
  const control = Object.hasOwn(CONTROLS, c) ? CONTROLS[c] : undefined;
  if (control !== undefined) return { byte: control, next: at + 1 };
  if (c === 'x') {
    const hex = /^x(?:([\dA-Fa-f]{2})|\{([\dA-Fa-f]{1,2})\})/.exec(pattern.slice(at, at + 6));
    return hex === null
      ? undefined
      : { byte: Number.parseInt(hex[1] ?? hex[2]!, 16), next: at + hex[0].length };
  }
  // Punctuation stands for itself; a letter without a meaning might get one elsewhere.
  return /[A-Za-z0-9]/.test(c) || c.charCodeAt(0) > 127 ? undefined : { byte: c.charCodeAt(0), next: at + 1 };
}
