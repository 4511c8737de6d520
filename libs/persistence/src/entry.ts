/** Where one client belongs. Everything but `since` and `version` is an unsigned number of 32 bits. */
export interface Entry {
  /** Hash of the client and of the pool: 64 bits. */
  readonly lo: number;
  readonly hi: number;
  /** Hash of the server's `address:port`: 64 bits. */
  readonly serverLo: number;
  readonly serverHi: number;
  /** SINCE_UNITS of a second since 1970, by the clock of the SE that learned it: 40 bits. */
  readonly since: number;
  /** The SE that learned it, see `originOf`. */
  readonly origin: number;
  /** The pool that it is of, see `poolTag`. */
  readonly pool: number;
  /** How often the client has been given another server because its own could not be used; at most MOST_VERSION. */
  readonly version: number;
  /** Seconds that it lives unless the client is seen again. */
  readonly life: number;
}

/** What `since` is counted in: parts of a second. */
export const SINCE_UNITS = 256;
export const MOST_VERSION = 0x3f_ffff;

/** `since` of now; `milliseconds` since 1970. */
export const sinceOf = (milliseconds: number): number => Math.floor((milliseconds * SINCE_UNITS) / 1000);

/**
 * Whether `a` is to be kept rather than `b`, which are of the same client. What came about because a server failed
 * counts more than what was before; of two that were learned independently the earlier one, and at the same time that
 * of the SE whose number is smaller. It is an order of all entries, so that SEs which have heard the same, in whatever
 * order, keep the same.
 */
export function outranks(a: Entry, b: Entry): boolean {
  if (a.version !== b.version) return a.version > b.version;
  if (a.since !== b.since) return a.since < b.since;
  if (a.origin !== b.origin) return a.origin < b.origin;
  if (a.serverLo !== b.serverLo) return a.serverLo < b.serverLo;
  return a.serverHi < b.serverHi;
}

/** They tell of the same server for the same reason; how long they live may differ. */
export const isSame = (a: Entry, b: Entry): boolean =>
  a.version === b.version &&
  a.since === b.since &&
  a.origin === b.origin &&
  a.serverLo === b.serverLo &&
  a.serverHi === b.serverHi;

/** What is kept of two entries for one client. */
export function merged(a: Entry, b: Entry): Entry {
  if (isSame(a, b)) return a.life >= b.life ? a : b;
  return outranks(a, b) ? a : b;
}

/** FNV-1a with a last mix, 32 bits, of a name that is no secret: a pool's, an SE's. */
export function tagOf(text: string, seed = 0x811c9dc5): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Tells pools apart in cookies and tables. */
export const poolTag = (poolUuid: string): number => tagOf(poolUuid);

/** Tells SEs apart where two have learned the same client. */
export const originOf = (seUuid: string): number => tagOf(seUuid);

/** A server as cookies and tables name it: `address:port`, an IPv6 address in brackets; the same on every SE. */
export const serverName = ({ address, port }: { readonly address: string; readonly port: number }): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** Both halves of what a server is called in tables; `name` is its `serverName`. */
export const serverTag = (name: string): readonly [lo: number, hi: number] => [
  tagOf(name),
  tagOf(name, 0x2545f491),
];
