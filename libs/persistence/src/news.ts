import { MOST_VERSION, SINCE_UNITS, type Entry } from './entry.js';

/** The first word of a message; what begins otherwise is of another release and left alone. */
const FORMAT = 1;
const WORDS = 9;
/** Entries in one message: it stays under 1 KiB, the most that SEs pass on as one item. */
export const MOST_ENTRIES = 28;

/**
 * What one SE tells the others of entries: little endian, a word for the format, then nine for each entry. Seconds of
 * `since` are a word; what is left of it are the eight upper bits of the version's.
 */
export function encodeNews(entries: readonly Entry[]): Uint8Array {
  const bytes = new Uint8Array(4 + entries.length * WORDS * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, FORMAT, true);
  let at = 4;
  for (const e of entries) {
    const version = (Math.min(e.version, MOST_VERSION) | ((e.since % SINCE_UNITS) << 24)) >>> 0;
    const seconds = Math.floor(e.since / SINCE_UNITS);
    const words = [e.lo, e.hi, e.serverLo, e.serverHi, seconds, e.origin, e.pool, version, e.life];
    for (const word of words) {
      view.setUint32(at, word >>> 0, true);
      at += 4;
    }
  }
  return bytes;
}

/** Entries in messages of at most `MOST_ENTRIES`. */
export function newsOf(entries: readonly Entry[]): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < entries.length; at += MOST_ENTRIES)
    messages.push(encodeNews(entries.slice(at, at + MOST_ENTRIES)));
  return messages;
}

/** @returns nothing for what is no news that this release understands */
export function decodeNews(bytes: Uint8Array): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const known = bytes.byteLength >= 4 && (bytes.byteLength - 4) % (WORDS * 4) === 0;
  if (!known || view.getUint32(0, true) !== FORMAT) return [];
  const entries: Entry[] = [];
  for (let at = 4; at < bytes.byteLength; at += WORDS * 4) {
    const word = (i: number): number => view.getUint32(at + i * 4, true);
    entries.push({
      lo: word(0),
      hi: word(1),
      serverLo: word(2),
      serverHi: word(3),
      since: word(4) * SINCE_UNITS + (word(7) >>> 24),
      origin: word(5),
      pool: word(6),
      version: Math.min(word(7) & 0xff_ffff, MOST_VERSION),
      life: word(8),
    });
  }
  return entries;
}
