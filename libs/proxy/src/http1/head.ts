import { FIELD } from './tables.js';

/** More header lines than this are refused whatever the configuration says. */
export const MOST_FIELDS = 4096;

/** Methods that the engine tells apart; every other token is OTHER. */
export const METHOD = {
  OTHER: 0,
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  OPTIONS: 6,
  TRACE: 7,
  PATCH: 8,
  CONNECT: 9,
} as const;

/** RFC 9110 section 9.2.2. */
/** Its name; `OTHER` for one that is only passed on. */
export const methodName = (method: number): string =>
  Object.entries(METHOD).find(([, id]) => id === method)?.[0] ?? 'OTHER';

export const isIdempotent = (method: number): boolean =>
  method !== METHOD.OTHER && method !== METHOD.POST && method !== METHOD.PATCH && method !== METHOD.CONNECT;

/** Numbers per field in `Head.fields`. */
export const STRIDE = 5;
/** Start of the line, end of the name, start and end of the value (untrimmed at its end), start of the next line. */
export const LINE = 0;
export const NAME_END = 1;
export const VALUE_START = 2;
export const VALUE_END = 3;
export const NEXT = 4;

/**
 * What a scan found: positions in the scanned bytes, no strings. One record per kind of message is used again and
 * again; it is valid until the next scan.
 */
export class Head {
  /** Where the message starts (blank lines in front of a request are skipped). */
  start = 0;
  /** Start of the first header line. */
  firstField = 0;
  /** Position of the digit after `HTTP/1.`. */
  minorAt = 0;
  minor = 1;

  method = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** The target came in absolute form with `https` (it is in origin form after the scan). */
  https = false;
  /** During the scan: the authority of a target in absolute form. */
  authorityStart = 0;
  authorityEnd = 0;

  status = 0;

  count = 0;
  readonly fields = new Int32Array(MOST_FIELDS * STRIDE);
  /** 1 per field that does not go on to the other side. */
  readonly dropped = new Uint8Array(MOST_FIELDS);
  droppedCount = 0;

  /** Value of Content-Length; -1 without one. */
  contentLength = -1;
  chunked = false;
  codingField = -1;
  lengthField = -1;
  hostField = -1;
  /** Last X-Forwarded-For line. */
  forwardedField = -1;
  /** The Upgrade line; the last one of several. */
  upgradeField = -1;
  /** The first Connection line, when it says `keep-alive` and nothing else: dropped, but a reader of HTTP/1 may get it. */
  keepAliveField = -1;
  upgradeLines = 0;
  /** Max-Forwards, which counts for OPTIONS and TRACE. */
  forwardsField = -1;
  /** Max-Forwards was 0: the request goes no further. */
  lastHop = false;
  connectionClose = false;
  connectionKeepAlive = false;
  connectionUpgrade = false;
  /** Connection names something that is none of the three. */
  connectionOther = false;
  expectContinue = false;
  /** There is an X-Accel field. */
  accelSeen = false;

  reset(): void {
    this.method = 0;
    this.https = false;
    this.authorityEnd = 0;
    this.status = 0;
    if (this.droppedCount > 0) {
      for (let i = 0; i < this.count; i++) this.dropped[i] = 0;
      this.droppedCount = 0;
    }
    this.count = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.codingField = -1;
    this.lengthField = -1;
    this.hostField = -1;
    this.forwardedField = -1;
    this.upgradeField = -1;
    this.keepAliveField = -1;
    this.upgradeLines = 0;
    this.forwardsField = -1;
    this.lastHop = false;
    this.connectionClose = false;
    this.connectionKeepAlive = false;
    this.connectionUpgrade = false;
    this.connectionOther = false;
    this.expectContinue = false;
    this.accelSeen = false;
  }

  drop(field: number): void {
    if (field < 0 || this.dropped[field] === 1) return;
    this.dropped[field] = 1;
    this.droppedCount++;
  }

  keep(field: number): void {
    if (field < 0 || this.dropped[field] === 0) return;
    this.dropped[field] = 0;
    this.droppedCount--;
  }

  /** Position of `what` (LINE … NEXT) of a field. */
  at(field: number, what: number): number {
    return this.fields[field * STRIDE + what]!;
  }

  /** Moves everything by `by`, after the bytes have been moved. */
  shift(by: number): void {
    this.start += by;
    this.firstField += by;
    this.minorAt += by;
    this.methodEnd += by;
    this.targetStart += by;
    this.targetEnd += by;
    const n = this.count * STRIDE;
    for (let i = 0; i < n; i++) this.fields[i]! += by;
  }

  /** Whether the message keeps its connection open (RFC 9112 section 9.3). */
  get persistent(): boolean {
    return this.minor === 1 ? !this.connectionClose : this.connectionKeepAlive && !this.connectionClose;
  }
}

/** Fields that belong to one connection only (RFC 9110 section 7.6.1), beside those that Connection names. */
export const isHopByHop = (id: number): boolean =>
  id === FIELD.CONNECTION ||
  id === FIELD.KEEP_ALIVE ||
  id === FIELD.PROXY_CONNECTION ||
  id === FIELD.TE ||
  id === FIELD.UPGRADE;
