import { VS } from '@spillway/telemetry';
import { copyInto, copyOf, latin1 } from '../bytes.js';
import type { ServiceConfig } from '../core/service.js';
import { fieldText, responseEdits } from '../http/edits.js';
import { Delivery } from '../http/delivery.js';
import { plainResponse, type OwnResponse } from '../http/own-response.js';
import type { Framing } from '../http/server-link.js';
import { LINE, METHOD, NAME_END, VALUE_END, VALUE_START, type Head } from '../http1/head.js';
import { STALLED_MS } from '../http1/limits.js';
import { REFUSE, refusalOf } from '../http1/refusal.js';
import type { Http2Client } from './client.js';
import { ERROR } from './protocol.js';
import { acceptOf } from './websocket.js';
import { LOOK_MS, type Stream, type StreamUser } from './stream.js';

/** DATA becomes a chunk here. */
const chunk = Buffer.alloc(16 * 1024 + 16);
const LAST_CHUNK = latin1('0\r\n\r\n');
const LAST_SIZE = latin1('0\r\n');

/** Exchanges that wait for their next stream: an idle connection needs none. */
const waiting: Http2Exchange[] = [];
const MOST_WAITING = 1024;

/** The client's side of an exchange on a stream of HTTP/2; used again for other streams. */
export class Http2Exchange extends Delivery implements StreamUser {
  protected readonly ownSocket = false;
  private stream: Stream | null = null;
  /** The body goes on in chunks, since nobody said how long it is. */
  private chunking = false;
  private bodyBytes = 0;
  private mostBody = 0;
  /** Lines that end the response. */
  private trailerLines: Uint8Array | null = null;
  private tunnel = false;
  /** Of a WebSocket: what the server has to answer. */
  private accept = '';
  /** DATA of a WebSocket that came before its server was ready. */
  private early: Uint8Array[] = [];

  private constructor(private client: Http2Client) {
    super(client);
  }

  /** One for the next stream of `client`. */
  static of(client: Http2Client): Http2Exchange {
    const x = waiting.pop();
    if (x === undefined) return new Http2Exchange(client);
    x.client = client;
    x.connection = client;
    return x;
  }

  /** Its stream is over. */
  private release(): void {
    if (waiting.length < MOST_WAITING) waiting.push(this);
  }

  // Requests

  /** A request has come on a new stream; its head is scanned by the caller. */
  begin2(config: ServiceConfig, method: number): void {
    this.open(config, method);
    this.chunking = false;
    this.bodyBytes = 0;
    this.trailerLines = null;
    this.tunnel = false;
    this.accept = '';
    if (this.early.length > 0) this.early = [];
  }

  on(stream: Stream): void {
    this.stream = stream;
  }

  /**
   * Sends a scanned request on its way.
   * @param body DATA follows
   */
  start(head: Head, b: Uint8Array, bodyAt: number, body: boolean): void {
    const { max_body_size: most } = this.profile;
    this.mostBody = most;
    const length = head.contentLength;
    this.requestDone = !body || length === 0;
    this.chunking = body && head.chunked;
    this.expects = body && head.expectContinue;
    if (body && length >= 0) this.stream!.expected = length;
    if (length > most && most > 0) {
      this.refuse(REFUSE.BODY_TOO_LARGE);
      return;
    }
    this.route(head, b, bodyAt, bodyAt, body ? (this.chunking ? Infinity : length) : 0);
  }

  /** A WebSocket's extended CONNECT, which goes on as an upgrade with this key. */
  startWebSocket(head: Head, b: Uint8Array, bodyAt: number, key: string): void {
    this.requestDone = true;
    this.accept = acceptOf(key);
    if (this.profile.websockets_enabled === false) {
      this.answer(plainResponse(501, 'WebSockets are not served here'));
      return;
    }
    this.route(head, b, bodyAt, bodyAt, 0);
  }

  /** Answers a request that is not passed on. */
  refuse(code: number): void {
    const { status, text } = refusalOf(code);
    this.refuseWith(status, text);
  }

  refuseWith(status: number, text: string): void {
    this.giveUpServer();
    if (this.responseStarted) this.cutShort();
    else this.answer(plainResponse(status, text));
  }

  onBody(b: Uint8Array, start: number, end: number): boolean {
    if (this.tunnel) return this.link === null || this.link.tunnel(b, start, end);
    if (this.accept !== '') {
      this.early.push(copyOf(b, start, end));
      return false;
    }
    if (this.config === null) return true; // its response is out
    this.bodyBytes += end - start;
    if (this.mostBody > 0 && this.bodyBytes > this.mostBody) {
      this.refuse(REFUSE.BODY_TOO_LARGE);
      return true;
    }
    if (this.chunking) return this.sendChunk(b, start, end);
    if (this.stream!.expected === 0) this.requestDone = true;
    return this.requestBody(b, start, end);
  }

  private sendChunk(b: Uint8Array, start: number, end: number): boolean {
    let at = 0;
    const size = (end - start).toString(16);
    for (let i = 0; i < size.length; i++) chunk[at++] = size.charCodeAt(i);
    chunk[at++] = 13;
    chunk[at++] = 10;
    copyInto(chunk, at, b, start, end);
    at += end - start;
    chunk[at++] = 13;
    chunk[at++] = 10;
    return this.requestBody(chunk, 0, at);
  }

  onBodyEnd(b: Uint8Array, start: number, end: number): void {
    if (this.tunnel) {
      this.link?.clientEnded();
      return;
    }
    if (this.config === null || this.requestDone) return;
    this.requestDone = true;
    if (!this.chunking) return;
    if (end === start) this.requestBody(LAST_CHUNK, 0, LAST_CHUNK.length);
    else {
      const last = Buffer.concat([LAST_SIZE, b.subarray(start, end), CRLF]);
      this.requestBody(last, 0, last.length);
    }
  }

  onTaken(): void {
    this.clientTakes();
  }

  onStill(looks: number): void {
    const stream = this.stream!;
    const still = looks * LOOK_MS;
    if (stream.queued > 0) {
      // One who has ended its direction opens no window any more.
      if (still >= STALLED_MS || (this.client.ended && !this.client.session.waits))
        this.client.session.cancel(stream, ERROR.CANCEL);
      return;
    }
    if (stream.remoteEnded || this.tunnel || this.config === null) return;
    const most = this.profile.client_body_timeout;
    if (most === 0 || still < most) return;
    if (stream.blocked) this.refuseWith(504, 'the server took too long to take the request');
    else this.refuseWith(408, 'the request body took too long');
  }

  onReset(): void {
    this.stream = null;
    if (this.config !== null && !this.tunnel) this.client.count(VS.CLIENT_ABORTS, 1);
    this.abandon(false);
    this.release();
  }

  onClosed(): void {
    this.stream = null;
    if (this.link !== null) this.abandon(true);
    this.release();
  }

  // Responses

  wantsPlain(): boolean {
    return true;
  }

  protected encodeHead(head: Head, b: Uint8Array, bodyAt: number, _framing: Framing): number {
    const { stream, client } = this;
    if (stream === null) return bodyAt;
    head.drop(head.codingField);
    if (this.filter !== null) head.drop(head.lengthField);
    // A response that is none to an upgrade must not look as if the tunnel were open.
    const status = this.accept !== '' && head.status < 300 ? 502 : head.status;
    client.responseBegins(this.last);
    const { session } = client;
    const from = session.beginBlock();
    session.encoder.status(session.out, status);
    // In the order that HTTP/1 has them, where each goes in front of the one before.
    if (responseEdits.bytes > 0)
      for (const line of responseEdits.lines.toReversed()) session.encodeLines(line, 0, line.length);
    this.encodeFields(head, b);
    session.endBlock(stream, from, false);
    return bodyAt;
  }

  private encodeFields(head: Head, b: Uint8Array): void {
    const { encoder, out } = this.client.session;
    for (let k = 0; k < head.count; k++) {
      if (head.dropped[k] === 1) continue;
      const valueAt = head.at(k, VALUE_START);
      let valueEnd = head.at(k, VALUE_END);
      while (valueEnd > valueAt && (b[valueEnd - 1] === 32 || b[valueEnd - 1] === 9)) valueEnd--;
      encoder.field(out, b, head.at(k, LINE), head.at(k, NAME_END), b, valueAt, valueEnd);
    }
  }

  sendFiltered(b: Uint8Array, start: number, end: number): boolean {
    const { stream } = this;
    return stream === null || start === end || this.client.session.send(stream, b, start, end);
  }

  trailers(b: Uint8Array, start: number, end: number): void {
    if (end > start) this.trailerLines = copyOf(b, start, end);
  }

  protected bodyDone(): void {
    if (this.stream !== null) this.client.session.finish(this.stream, this.trailerLines);
  }

  interim(head: Head, b: Uint8Array): boolean {
    const { stream } = this;
    if (stream === null) return true;
    const { session } = this.client;
    const from = session.beginBlock();
    session.encoder.status(session.out, head.status);
    this.encodeFields(head, b);
    session.endBlock(stream, from, false);
    return true;
  }

  switchProtocols(head: Head, b: Uint8Array, _start: number, bodyAt: number, end: number): boolean {
    const { stream } = this;
    if (stream === null) return true;
    if (!this.accepted(head, b)) {
      this.refuseWith(502, 'the server did not accept the WebSocket');
      return true;
    }
    this.switched();
    this.tunnel = true;
    stream.expected = -1;
    const { session } = this.client;
    const from = session.beginBlock();
    session.encoder.status(session.out, 200);
    this.encodeFields(head, b);
    session.endBlock(stream, from, false);
    const taken = this.sendFiltered(b, bodyAt, end);
    this.serverTakes();
    if (stream.remoteEnded) this.link?.clientEnded();
    return taken;
  }

  /** Takes what is of the upgrade out of the head. */
  private accepted(head: Head, b: Uint8Array): boolean {
    for (let k = 0; k < head.count; k++) {
      const start = head.at(k, LINE);
      const name = Buffer.from(b.subarray(start, head.at(k, NAME_END))).toString('latin1');
      if (name.toLowerCase() !== 'sec-websocket-accept') continue;
      head.drop(k);
      const value = Buffer.from(b.subarray(head.at(k, VALUE_START), head.at(k, VALUE_END))).toString(
        'latin1',
      );
      return value.trim() === this.accept;
    }
    return false;
  }

  protected sendOwn(response: OwnResponse): void {
    const { stream, client } = this;
    if (stream === null) return;
    const { status, fields, body } = response;
    client.responseBegins(false);
    const { session } = client;
    const from = session.beginBlock();
    session.encoder.status(session.out, status);
    let lines = '';
    for (const [name, value] of fields) lines += fieldText(name, value);
    if (status !== 204 && status !== 304) lines += `content-length: ${body.length}\r\n`;
    const bytes = latin1(lines);
    session.encodeLines(bytes, 0, bytes.length);
    session.endBlock(stream, from, false);
    const withBody = this.method !== METHOD.HEAD && status !== 204 && status !== 304;
    if (withBody) session.send(stream, body, 0, body.length);
    session.finish(stream, null);
  }

  protected clientDone(): void {
    const { stream } = this;
    if (stream === null) return;
    stream.resetWith = ERROR.NO_ERROR;
    this.client.session.closeIfDone(stream);
  }

  protected cut(): void {
    this.cutShort();
  }

  private cutShort(): void {
    const { stream } = this;
    this.over();
    if (stream === null) return;
    this.stream = null;
    this.client.session.drop(stream, ERROR.INTERNAL_ERROR);
    this.release();
  }

  /** Credit is held back by what `onBody` returns. */
  protected pauseRequest(): void {}

  serverTakes(): void {
    const { stream, link } = this;
    if (stream === null) return;
    if (this.tunnel && this.early.length > 0) {
      const { early } = this;
      this.early = [];
      for (const piece of early) if (link?.tunnel(piece, 0, piece.length) === false) return;
    }
    this.client.session.taken(stream);
  }

  serverEnded(): void {
    if (this.stream !== null) this.client.session.finish(this.stream, null);
  }

  tunnelClosed(inOrder: boolean): void {
    const { stream } = this;
    this.link = null;
    this.over();
    if (stream === null) return;
    if (inOrder) {
      stream.resetWith = ERROR.NO_ERROR;
      this.client.session.finish(stream, null);
      this.client.session.closeIfDone(stream);
    } else this.client.session.cancel(stream, ERROR.CANCEL);
  }
}

const CRLF = latin1('\r\n');
