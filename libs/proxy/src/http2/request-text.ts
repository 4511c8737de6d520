import { copyInto, latin1 } from '../bytes.js';
import { TARGET, TOKEN } from '../http1/tables.js';
import type { FieldSink } from './hpack/decoder.js';
import { KIND } from './hpack/fields.js';
import { BLOCK, CHUNKED, CRLF, FIRST_SIZE, Lines } from './text.js';

const SPACE = 32;
const VERSION = latin1(' HTTP/1.1\r\n');
const HOST = latin1('host: ');
const COOKIE = latin1('cookie: ');
const GET = latin1('GET ');
const WEBSOCKET = latin1('connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ');

/** Numbers per pseudo-header in `pseudo`. */
const PSEUDO_KINDS = KIND.STATUS + 1;

/**
 * Writes the fields of a request as HTTP/1.1 text, for the scanner that all requests pass. Checks what HTTP/1.1 has
 * no words for (RFC 9113 section 8.3), so that nothing ambiguous can be written. One record serves all.
 */
export class RequestText extends Lines implements FieldSink {
  /** Values of pseudo-headers, one behind the other; [2 * kind] to [2 * kind + 1], -1 when there is none. */
  private values = new Uint8Array(FIRST_SIZE);
  private valuesEnd = 0;
  private readonly pseudo = new Int32Array(2 * PSEUDO_KINDS);
  private inPseudo = true;
  private cookies = new Uint8Array(1024);
  private cookiesEnd = 0;
  /** Value of content-length; -1 without one. */
  private hasLength = false;
  /** An extended CONNECT (RFC 8441), to be sent on as an upgrade of HTTP/1.1. */
  webSocket = false;
  private mayConnect = false;

  /**
   * @param most bytes of the head as text
   * @param mostField bytes of one field's name and value
   * @param mayConnect extended CONNECT is served
   */
  begin(most: number, mostField: number, mayConnect: boolean): void {
    this.start(most, mostField);
    this.mayConnect = mayConnect;
    this.valuesEnd = 0;
    this.pseudo.fill(-1);
    this.inPseudo = true;
    this.cookiesEnd = 0;
    this.hasLength = false;
    this.webSocket = false;
  }

  field(kind: number, b: Uint8Array, start: number, valueAt: number, end: number): void {
    if (this.state !== BLOCK.OK) return;
    if (kind >= KIND.METHOD && kind <= KIND.PROTOCOL) {
      this.pseudoField(kind, b, valueAt, end - 2);
      return;
    }
    if (this.inPseudo && !this.requestLine()) return;
    switch (kind) {
      case KIND.PLAIN:
        // RFC 8441 section 5: the key is not used; the one to the server is ours.
        if (this.webSocket && isWord(b, start, valueAt - 2, 'sec-websocket-key')) return;
        break;
      case KIND.COOKIE:
        this.cookie(b, valueAt, end - 2);
        return;
      case KIND.HOST:
        this.host(b, start, valueAt, end);
        return;
      case KIND.TE:
        if (!isTrailers(b, valueAt, end - 2)) this.state = BLOCK.MALFORMED;
        return; // of this connection; whoever sends the request on knows what it can do
      case KIND.CONTENT_LENGTH:
        if (this.hasLength) this.state = BLOCK.MALFORMED;
        this.hasLength = true;
        break;
      default:
        this.state = BLOCK.MALFORMED;
        return;
    }
    if (this.fits(end - start)) this.copy(b, start, end);
  }

  /**
   * Ends the head.
   * @param body whether DATA follows; it goes on in chunks when nobody said how long it is
   * @param key of a WebSocket, for the server's answer
   */
  finish(body: boolean, key: string): void {
    if (this.state !== BLOCK.OK) return;
    if (this.inPseudo && !this.requestLine()) return;
    if (this.cookiesEnd > 0) {
      if (!this.fits(this.cookiesEnd)) return;
      this.copy(COOKIE, 0, COOKIE.length);
      this.copy(this.cookies, 0, this.cookiesEnd);
      this.copy(CRLF, 0, 2);
    }
    if (this.webSocket) {
      this.copy(WEBSOCKET, 0, WEBSOCKET.length);
      const bytes = latin1(`${key}\r\n`);
      this.copy(bytes, 0, bytes.length);
    } else if (body && !this.hasLength) this.copy(CHUNKED, 0, CHUNKED.length);
    this.copy(CRLF, 0, 2);
  }

  private pseudoField(kind: number, b: Uint8Array, start: number, end: number): void {
    if (!this.inPseudo || this.pseudo[2 * kind]! >= 0) {
      this.state = BLOCK.MALFORMED;
      return;
    }
    const length = end - start;
    if (length > this.mostField || this.valuesEnd + length > this.most) {
      this.state = BLOCK.TOO_LARGE;
      return;
    }
    if (this.valuesEnd + length > this.values.length) {
      const values = new Uint8Array(2 * (this.valuesEnd + length));
      values.set(this.values.subarray(0, this.valuesEnd));
      this.values = values;
    }
    this.pseudo[2 * kind] = this.valuesEnd;
    const { values } = this;
    let at = this.valuesEnd;
    for (let i = start; i < end; i++) values[at++] = b[i]!;
    this.valuesEnd = at;
    this.pseudo[2 * kind + 1] = at;
  }

  /** All pseudo-headers have come: they become the request line and Host. False when they are wrong. */
  private requestLine(): boolean {
    this.inPseudo = false;
    const { pseudo, values } = this;
    const method = pseudo[2 * KIND.METHOD]!;
    const methodEnd = pseudo[2 * KIND.METHOD + 1]!;
    const path = pseudo[2 * KIND.PATH]!;
    const pathEnd = pseudo[2 * KIND.PATH + 1]!;
    const connect = isWord(values, method, methodEnd, 'CONNECT');
    const protocol = pseudo[2 * KIND.PROTOCOL]!;
    if (method < 0 || !isToken(values, method, methodEnd)) return this.malformed();
    if (connect && protocol < 0) {
      this.state =
        path >= 0 || pseudo[2 * KIND.SCHEME]! >= 0 || pseudo[2 * KIND.AUTHORITY]! < 0
          ? BLOCK.MALFORMED
          : BLOCK.CONNECT;
      return false;
    }
    if (
      pseudo[2 * KIND.SCHEME]! < 0 ||
      !this.schemeFits() ||
      !this.pathFits(method, methodEnd, path, pathEnd)
    )
      return this.malformed();
    if (protocol >= 0) {
      if (!connect || !this.mayConnect) return this.malformed();
      if (!isWord(values, protocol, pseudo[2 * KIND.PROTOCOL + 1]!, 'websocket')) {
        this.state = BLOCK.CONNECT;
        return false;
      }
      this.webSocket = true;
      this.copy(GET, 0, GET.length);
    } else {
      this.copy(values, method, methodEnd);
      this.bytes[this.end++] = SPACE;
    }
    this.copy(values, path, pathEnd);
    this.copy(VERSION, 0, VERSION.length);
    const authority = pseudo[2 * KIND.AUTHORITY]!;
    if (authority >= 0) {
      this.copy(HOST, 0, HOST.length);
      this.copy(values, authority, pseudo[2 * KIND.AUTHORITY + 1]!);
      this.copy(CRLF, 0, 2);
    }
    return true;
  }

  private schemeFits(): boolean {
    const start = this.pseudo[2 * KIND.SCHEME]!;
    const end = this.pseudo[2 * KIND.SCHEME + 1]!;
    if (start === end) return false;
    for (let i = start; i < end; i++) if (TOKEN[this.values[i]!] === 0) return false;
    return true;
  }

  /** Origin form, or `*` of OPTIONS; nothing that would end the request line early (RFC 9113 section 8.3.1). */
  private pathFits(method: number, methodEnd: number, path: number, pathEnd: number): boolean {
    const { values } = this;
    if (path < 0 || path === pathEnd) return false;
    if (values[path] !== 47)
      return values[path] === 42 && pathEnd === path + 1 && isWord(values, method, methodEnd, 'OPTIONS');
    for (let i = path; i < pathEnd; i++) if (TARGET[values[i]!] === 0) return false;
    return true;
  }

  /** Host has to say what :authority says (RFC 9113 section 8.3.1); without :authority it speaks alone. */
  private host(b: Uint8Array, start: number, valueAt: number, end: number): void {
    const authority = this.pseudo[2 * KIND.AUTHORITY]!;
    if (authority < 0) {
      if (this.fits(end - start)) this.copy(b, start, end);
      return;
    }
    const length = this.pseudo[2 * KIND.AUTHORITY + 1]! - authority;
    let same = length === end - 2 - valueAt;
    for (let i = 0; same && i < length; i++)
      same = lower(this.values[authority + i]!) === lower(b[valueAt + i]!);
    if (!same) this.state = BLOCK.MALFORMED;
  }

  /** RFC 9113 section 8.2.3: the parts of a cookie become one field again. */
  private cookie(b: Uint8Array, start: number, end: number): void {
    if (!this.fits(this.cookiesEnd + end - start + 2)) return;
    const need = this.cookiesEnd + 2 + end - start;
    if (need > this.cookies.length) {
      const cookies = new Uint8Array(2 * need);
      cookies.set(this.cookies.subarray(0, this.cookiesEnd));
      this.cookies = cookies;
    }
    if (this.cookiesEnd > 0) {
      this.cookies[this.cookiesEnd++] = 59;
      this.cookies[this.cookiesEnd++] = SPACE;
    }
    copyInto(this.cookies, this.cookiesEnd, b, start, end);
    this.cookiesEnd += end - start;
  }

  private malformed(): false {
    this.state = BLOCK.MALFORMED;
    return false;
  }
}

const lower = (c: number): number => (c >= 65 && c <= 90 ? c + 32 : c);

function isWord(b: Uint8Array, start: number, end: number, word: string): boolean {
  if (start < 0 || end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) if (b[start + i] !== word.charCodeAt(i)) return false;
  return true;
}

function isToken(b: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (TOKEN[b[i]!] === 0) return false;
  return end > start;
}

const isTrailers = (b: Uint8Array, start: number, end: number): boolean => isWord(b, start, end, 'trailers');

export const requestText = new RequestText();
