/** Spreads what differs in few bits over all 32 (the finalizer of MurmurHash3). */
export function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Hash of bytes `b[start..end)`, going on from an earlier one (FNV-1a). Give the last one to `mix`. */
export function hashBytes(b: Uint8Array, start: number, end: number, before = FNV_OFFSET): number {
  let h = before;
  for (let i = start; i < end; i++) h = Math.imul(h ^ b[i]!, FNV_PRIME);
  return h >>> 0;
}

/** Hash of a text of one byte a character; the same as that of its bytes. */
export function hashText(text: string, before = FNV_OFFSET): number {
  let h = before;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ (text.charCodeAt(i) & 0xff), FNV_PRIME);
  return h >>> 0;
}
