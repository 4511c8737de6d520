import { isWord } from '../http1/tables.js';
import { latin1 } from '../bytes.js';
import type { Session } from './session.js';

const COLON = 58;
const LF = 10;
const SPACE = 32;

const METHOD = latin1(':method');
const SCHEME = latin1(':scheme');
const AUTHORITY = latin1(':authority');
const PATH = latin1(':path');
const PROTOCOL = latin1(':protocol');
const TE = latin1('te');
const TRAILERS = latin1('trailers');
const CONNECT = latin1('CONNECT');
const WEBSOCKET = latin1('websocket');
const HTTP = latin1('http');
const HTTPS = latin1('https');

/** Lines of HTTP/1.1 that HTTP/2 has no place for, or says otherwise; `host` is `:authority`. */
const NOT_FIELDS: readonly Uint8Array[] = [
  'host',
  'connection',
  'transfer-encoding',
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'te',
  'http2-settings',
].map(latin1);
const HOST = latin1('host');
const CONTENT_LENGTH = latin1('content-length');
const WEBSOCKET_KEY = latin1('sec-websocket-key');

/** What a request head in HTTP/1.1 text says of its body, filled by `encodeRequest`. */
export const encoded = {
  chunked: false,
  /** -1 without one. */
  contentLength: -1,
  /** Sec-WebSocket-Key, of an upgrade to a WebSocket. */
  key: '',
};

/**
 * Encodes a request head `b[start..bodyAt)`, text that the engine itself has checked and edited, as the fields of
 * HTTP/2 (RFC 9113 section 8.3.1).
 * @param webSocket it is an upgrade and goes as an extended CONNECT (RFC 8441)
 */
export function encodeRequest(
  session: Session,
  b: Uint8Array,
  start: number,
  bodyAt: number,
  secure: boolean,
  webSocket: boolean,
): void {
  encoded.chunked = false;
  encoded.contentLength = -1;
  encoded.key = '';
  const { encoder, out } = session;
  let methodEnd = start;
  while (b[methodEnd] !== SPACE) methodEnd++;
  let targetEnd = methodEnd + 1;
  while (b[targetEnd] !== SPACE) targetEnd++;
  const scheme = secure ? HTTPS : HTTP;
  const method = webSocket ? CONNECT : b;
  encoder.field(
    out,
    METHOD,
    0,
    METHOD.length,
    method,
    webSocket ? 0 : start,
    webSocket ? CONNECT.length : methodEnd,
  );
  if (webSocket) encoder.field(out, PROTOCOL, 0, PROTOCOL.length, WEBSOCKET, 0, WEBSOCKET.length);
  encoder.field(out, SCHEME, 0, SCHEME.length, scheme, 0, scheme.length);
  encoder.field(out, PATH, 0, PATH.length, b, methodEnd + 1, targetEnd);
  const first = lineAfter(b, targetEnd);
  authority(session, b, first, bodyAt - 2);
  for (let line = first; line < bodyAt - 2; line = lineAfter(b, line)) field(session, b, line, webSocket);
  encoder.field(out, TE, 0, TE.length, TRAILERS, 0, TRAILERS.length);
}

const lineAfter = (b: Uint8Array, at: number): number => {
  let i = at;
  while (b[i] !== LF) i++;
  return i + 1;
};

/** Pseudo-headers come before all fields, so Host is looked for first. */
function authority({ encoder, out }: Session, b: Uint8Array, first: number, end: number): void {
  for (let line = first; line < end; line = lineAfter(b, line)) {
    if (b[line + 4] !== COLON || !isWord(b, line, line + 4, HOST)) continue;
    const [from, to] = valueOf(b, line + 5);
    encoder.field(out, AUTHORITY, 0, AUTHORITY.length, b, from, to);
    return;
  }
}

function valueOf(b: Uint8Array, at: number): [start: number, end: number] {
  let start = at;
  while (b[start] === SPACE || b[start] === 9) start++;
  let end = start;
  while (b[end] !== LF) end++;
  while (end > start && b[end - 1]! <= SPACE) end--;
  return [start, end];
}

function field({ encoder, out }: Session, b: Uint8Array, line: number, webSocket: boolean): void {
  let nameEnd = line;
  while (b[nameEnd] !== COLON) nameEnd++;
  const [start, end] = valueOf(b, nameEnd + 1);
  const length = nameEnd - line;
  if (length <= 17 && length >= 2) {
    if (NOT_FIELDS.some((name) => isWord(b, line, nameEnd, name))) {
      if (length === 17) encoded.chunked = true; // transfer-encoding: never anything but chunked
      return;
    }
    if (length === 14 && isWord(b, line, nameEnd, CONTENT_LENGTH))
      encoded.contentLength = Number(Buffer.from(b.subarray(start, end)).toString('latin1'));
    if (webSocket && length === 17 && isWord(b, line, nameEnd, WEBSOCKET_KEY)) {
      encoded.key = Buffer.from(b.subarray(start, end)).toString('latin1');
      return;
    }
  }
  encoder.field(out, b, line, nameEnd, b, start, end);
}
