/**
 * A well mixed 32 bit hash of a string: FNV-1a with the finaliser of MurmurHash3. It breaks ties the same way on
 * every replica and after every restart, and differently for each virtual service, so that SEs fill evenly.
 */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

/** The rank of an SE for one VIP; lower comes first. Equal hashes fall back to the uuid. */
export function tieBreak(vsUuid: string, vipId: string): (a: string, b: string) => number {
  const rank = (seUuid: string) => hash(`${seUuid}#${vsUuid}#${vipId}`);
  return (a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}
