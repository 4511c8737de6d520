import { TOKEN, VALUE } from '../../http1/tables.js';

/**
 * What a field is to HTTP/2. It is found out once, when a field enters a table, so that an indexed field costs a
 * copy.
 */
export const KIND = {
  /** Nothing special. */
  PLAIN: 0,
  METHOD: 1,
  SCHEME: 2,
  AUTHORITY: 3,
  PATH: 4,
  /** Of the extended CONNECT (RFC 8441). */
  PROTOCOL: 5,
  STATUS: 6,
  COOKIE: 7,
  HOST: 8,
  TE: 9,
  CONTENT_LENGTH: 10,
  /** Speaks of one connection, which HTTP/2 forbids (RFC 9113 section 8.2.2). */
  CONNECTION: 11,
  /** Name or value have bytes that they may not have (RFC 9113 section 8.2.1), or an unknown pseudo-header. */
  MALFORMED: 12,
} as const;

/** In `kind`: the value is wrong; the name may be used again. */
export const BAD_VALUE = 64;

const NAMES: readonly (readonly [string, number])[] = [
  [':method', KIND.METHOD],
  [':scheme', KIND.SCHEME],
  [':authority', KIND.AUTHORITY],
  [':path', KIND.PATH],
  [':protocol', KIND.PROTOCOL],
  [':status', KIND.STATUS],
  ['cookie', KIND.COOKIE],
  ['host', KIND.HOST],
  ['te', KIND.TE],
  ['content-length', KIND.CONTENT_LENGTH],
  ['connection', KIND.CONNECTION],
  ['keep-alive', KIND.CONNECTION],
  ['proxy-connection', KIND.CONNECTION],
  ['transfer-encoding', KIND.CONNECTION],
  ['upgrade', KIND.CONNECTION],
];

/** By length, since names of one length are few. */
const BY_LENGTH: (readonly [Uint8Array, number])[][] = [];
for (const [name, kind] of NAMES) (BY_LENGTH[name.length] ??= []).push([Buffer.from(name, 'latin1'), kind]);

const COLON = 58;

/** The kind that the name `b[start..end)` makes a field. */
export function kindOfName(b: Uint8Array, start: number, end: number): number {
  if (start === end) return KIND.MALFORMED;
  const pseudo = b[start] === COLON;
  for (let i = pseudo ? start + 1 : start; i < end; i++) {
    const c = b[i]!;
    // TOKEN is lower-cased: an upper-case letter is not equal to it.
    if (TOKEN[c] !== c || c === 0) return KIND.MALFORMED;
  }
  const candidates = BY_LENGTH[end - start];
  if (candidates !== undefined) for (const [name, kind] of candidates) if (same(name, b, start)) return kind;
  return pseudo ? KIND.MALFORMED : KIND.PLAIN;
}

function same(name: Uint8Array, b: Uint8Array, at: number): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] !== b[at + i]) return false;
  return true;
}

/** 0, or BAD_VALUE when `b[start..end)` may not be a field value: control bytes, or white space at its ends. */
export function flagOfValue(b: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  for (let i = start; i < end; i++) if (VALUE[b[i]!] === 0) return BAD_VALUE;
  const first = b[start]!;
  const last = b[end - 1]!;
  return first === 32 || first === 9 || last === 32 || last === 9 ? BAD_VALUE : 0;
}

/** RFC 7541 appendix A. */
export const STATIC_FIELDS: readonly (readonly [string, string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
];
