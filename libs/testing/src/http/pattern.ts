/**
 * The bytes of `/bytes/<n>` and `/chunked/<n>`: position-dependent, so that a lost, repeated or swapped
 * part of a body is seen, not only a wrong length. The period (251, a prime) fits no buffer size.
 */
const PERIOD = 251;
const block = Buffer.from(Array.from({ length: PERIOD * 512 }, (_v, i) => 32 + ((i % PERIOD) % 95)));

/** `length` bytes of the pattern from `offset` on. */
export function patternBytes(length: number, offset = 0): Buffer {
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  while (at < length) {
    const from = (offset + at) % PERIOD;
    at += block.copy(out, at, from, Math.min(block.length, from + length - at));
  }
  return out;
}

/** Is `chunk` the pattern from `offset` on? */
export function matchesPattern(chunk: Buffer, offset: number): boolean {
  let at = 0;
  while (at < chunk.length) {
    const from = (offset + at) % PERIOD;
    const size = Math.min(chunk.length - at, block.length - from);
    if (chunk.compare(block, from, from + size, at, at + size) !== 0) return false;
    at += size;
  }
  return true;
}
