/** Maps a byte to itself. */
export const AS_IS = Uint8Array.from({ length: 256 }, (_, byte) => byte);
/** Maps upper-case ASCII letters to lower-case ones, every other byte to itself. */
export const FOLD = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 65 && byte <= 90 ? byte + 32 : byte,
);

const encoder = new TextEncoder();

/** The bytes of a pattern: UTF-8, letters in lower case when folding. */
export function patternBytes(text: string, fold: boolean): Uint8Array {
  const bytes = encoder.encode(text);
  return fold ? bytes.map((byte) => FOLD[byte]!) : bytes;
}

/** Whether `pattern` (folded already) stands at `at`; the caller has checked the room. */
export function standsAt(table: Uint8Array, b: Uint8Array, at: number, pattern: Uint8Array): boolean {
  for (let i = 0; i < pattern.length; i++) if (table[b[at + i]!] !== pattern[i]) return false;
  return true;
}

/** Value of a hexadecimal digit by its byte; 255 for every other byte. */
export const HEX = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit++) {
  HEX[digit.toString(16).charCodeAt(0)] = digit;
  HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice: (this: Uint8Array, start: number, end: number) => string;
};

/** Bytes as text, one character a byte. */
export const textOf = (b: Uint8Array, start: number, end: number): string => latin1Slice.call(b, start, end);
