/** A set of bytes: 256 bits. */
export type ByteSet = Uint32Array;

export const emptySet = (): ByteSet => new Uint32Array(8);

export const has = (set: ByteSet, byte: number): boolean => ((set[byte >>> 5]! >>> (byte & 31)) & 1) === 1;

export function add(set: ByteSet, byte: number): void {
  set[byte >>> 5]! |= 1 << (byte & 31);
}

export function addRange(set: ByteSet, low: number, high: number): void {
  for (let byte = low; byte <= high; byte++) add(set, byte);
}

export function addAll(set: ByteSet, other: ByteSet): void {
  for (let i = 0; i < 8; i++) set[i]! |= other[i]!;
}

export const complement = (set: ByteSet): ByteSet => set.map((word) => ~word);

export const setOf = (...bytes: readonly number[]): ByteSet => {
  const set = emptySet();
  for (const byte of bytes) add(set, byte);
  return set;
};

const ranges = (...pairs: readonly (readonly [number, number])[]): ByteSet => {
  const set = emptySet();
  for (const [low, high] of pairs) addRange(set, low, high);
  return set;
};

export const DIGITS = ranges([48, 57]);
export const WORD = ranges([48, 57], [65, 90], [97, 122], [95, 95]);
export const SPACE = setOf(9, 10, 11, 12, 13, 32);
/** What `.` stands for. */
export const NOT_NEWLINE = complement(setOf(10));

/** POSIX classes, as in `[[:alpha:]]`. */
export const POSIX: Readonly<Record<string, ByteSet>> = {
  alnum: ranges([48, 57], [65, 90], [97, 122]),
  alpha: ranges([65, 90], [97, 122]),
  blank: setOf(9, 32),
  cntrl: ranges([0, 31], [127, 127]),
  digit: DIGITS,
  graph: ranges([33, 126]),
  lower: ranges([97, 122]),
  print: ranges([32, 126]),
  punct: ranges([33, 47], [58, 64], [91, 96], [123, 126]),
  space: SPACE,
  upper: ranges([65, 90]),
  word: WORD,
  xdigit: ranges([48, 57], [65, 70], [97, 102]),
};

/** With the other case of every letter in it. */
export function foldSet(set: ByteSet): ByteSet {
  const folded = set.slice();
  for (let upper = 65; upper <= 90; upper++) {
    if (has(set, upper)) add(folded, upper + 32);
    if (has(set, upper + 32)) add(folded, upper);
  }
  return folded;
}
