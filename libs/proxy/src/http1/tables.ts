/** Byte classes of RFC 9110 section 5.6.2 and RFC 9112, as tables; 0 is never in a class, so scans stop at it. */

/** Lower-cased byte of a token, 0 for every other byte. */
export const TOKEN = new Uint8Array(256);
/** Bytes of a field value: visible, space, tab, obs-text. */
export const VALUE = new Uint8Array(256);
/** Bytes of a request target: visible ASCII without `#`. */
export const TARGET = new Uint8Array(256);
/** Bytes of the name of a host, without percent-encoding. */
export const AUTHORITY = new Uint8Array(256);

for (let c = 0x21; c < 0x7f; c++) {
  const char = String.fromCharCode(c);
  if (!'"(),/:;<=>?@[\\]{}'.includes(char)) TOKEN[c] = c >= 0x41 && c <= 0x5a ? c + 32 : c;
  if (char !== '#') TARGET[c] = 1;
  if (/[A-Za-z0-9\-._~!$&'()*+,;=]/.test(char)) AUTHORITY[c] = 1;
}
for (let c = 0x20; c < 256; c++) if (c !== 0x7f) VALUE[c] = 1;
VALUE[9] = 1;

/** Value of a hexadecimal digit; -1 for every other byte. */
export function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const COLON = 58;

/** Field names that the engine looks at; everything else passes through unread. */
export const FIELD = {
  OTHER: 0,
  CONNECTION: 1,
  KEEP_ALIVE: 2,
  PROXY_CONNECTION: 3,
  TE: 4,
  TRANSFER_ENCODING: 5,
  UPGRADE: 6,
  CONTENT_LENGTH: 7,
  HOST: 8,
  EXPECT: 9,
  X_FORWARDED_FOR: 10,
  X_ACCEL_REDIRECT: 11,
  X_ACCEL_EXPIRES: 12,
  X_ACCEL_LIMIT_RATE: 13,
  X_ACCEL_BUFFERING: 14,
  X_ACCEL_CHARSET: 15,
  MAX_FORWARDS: 16,
  /** A name that a server may take for one of the above, because it makes no difference between `-` and `_`. */
  LOOKALIKE: 17,
} as const;

const NAMES = [
  '',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'host',
  'expect',
  'x-forwarded-for',
  'x-accel-redirect',
  'x-accel-expires',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
  'max-forwards',
  'content_length',
  'transfer_encoding',
  'x_forwarded_for',
  'x_forwarded-for',
  'x-forwarded_for',
];

/** Start value and step of the rolling hash over lower-cased name bytes. */
export const hashStep = (hash: number, byte: number): number => (Math.imul(hash, 33) ^ byte) | 0;

export function hashOf(name: string): number {
  let h = 0;
  for (let i = 0; i < name.length; i++) h = hashStep(h, TOKEN[name.charCodeAt(i)]!);
  return h;
}

const SLOTS = 1024;
const slotOf = (hash: number): number => (hash ^ (hash >>> 10)) & (SLOTS - 1);

/** Id per slot of the hash; two known names never share one (checked below). */
const KNOWN = new Uint8Array(SLOTS);
const NAME_BYTES: Uint8Array[] = NAMES.map((name) => Buffer.from(name, 'latin1'));
const HASHES = Int32Array.from(NAMES, hashOf);

for (let id = 1; id < NAMES.length; id++) {
  const slot = slotOf(HASHES[id]!);
  if (KNOWN[slot] !== 0) throw new Error(`field names ${NAMES[id]} and ${NAMES[KNOWN[slot]!]} share a slot`);
  KNOWN[slot] = id;
}

/** Id of the field whose name is `b[start..end)` and hashes to `hash`; FIELD.OTHER when it is none of ours. */
export function fieldId(hash: number, b: Uint8Array, start: number, end: number): number {
  const id = KNOWN[slotOf(hash)]!;
  if (id === 0 || HASHES[id] !== hash) return FIELD.OTHER;
  const name = NAME_BYTES[id]!;
  if (name.length !== end - start) return FIELD.OTHER;
  for (let i = 0; i < name.length; i++) if (TOKEN[b[start + i]!] !== name[i]) return FIELD.OTHER;
  return id < FIELD.LOOKALIKE ? id : FIELD.LOOKALIKE;
}

/** Like `fieldId` where only the hash is left of the name: a stranger with the hash of a known name counts as it. */
export function fieldIdOfHash(hash: number): number {
  const id = KNOWN[slotOf(hash)]!;
  return id !== 0 && HASHES[id] === hash ? id : FIELD.OTHER;
}

/** A word to compare with: lower case letters and `-`. */
export const word = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** Whether `b[start..end)` is `lower`, in any case. */
export function isWord(b: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const { length } = lower;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (TOKEN[b[start + i]!] !== lower[i]) return false;
  return true;
}

/** From this size on a buffer is one that is used again and again: the receive buffer of a transport. */
const LASTING = 128 * 1024;
let wordsOf: Uint8Array | null = null;
let words: Int32Array = new Int32Array(0);

/**
 * The end of the run of VALUE bytes that starts at `from`. `b` must hold one that is none (the zero behind received
 * bytes). Looks at four bytes at once where they are printable ASCII, as nearly all are.
 */
export function valueEnd(b: Uint8Array, from: number): number {
  let i = from;
  if (b === wordsOf) {
    while ((i & 3) !== 0 && VALUE[b[i]!] !== 0) i++;
    if ((i & 3) === 0) {
      let w = i >> 2;
      while (printable(words[w]!)) w++;
      i = w << 2;
    }
  } else if (b.length >= LASTING && (b.byteOffset & 3) === 0) {
    wordsOf = b;
    words = new Int32Array(b.buffer, b.byteOffset, b.length >> 2);
  }
  while (VALUE[b[i]!] !== 0) i++;
  return i;
}

const HIGH_BITS = 0x80808080 | 0;
const BIT_6 = 0x40404040;
const ONES = 0x01010101;

/** All four bytes are 0x20 to 0x7e: below 0x7f, and one of the bits 5 and 6 is set. */
const printable = (four: number): boolean =>
  ((four | ((four + ONES) | 0)) & HIGH_BITS) === 0 && ((four | (four << 1)) & BIT_6) === BIT_6;
