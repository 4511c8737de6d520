import { SERVER } from '@spillway/telemetry';
import { copyInto, latin1 } from '../bytes.js';
import { Timed } from '../core/clock.js';
import type { ServerRuntime } from '../core/server.js';
import type { Exchange } from '../http/exchange.js';
import { MOST_DRAINED, MOST_DRAINING_MS } from '../http/limits.js';
import { FAILED, Framing, type Failure, type HttpServerLink } from '../http/server-link.js';
import { ChunkScanner } from '../http1/chunked.js';
import { METHOD } from '../http1/head.js';
import { response, scanResponse } from '../http1/scan-response.js';
import { HEAD_ROOM } from '../transport/seam.js';
import { acceptOf } from './websocket.js';
import { ERROR } from './protocol.js';
import { encoded, encodeRequest } from './request-encoder.js';
import type { ServerSession } from './server.js';
import type { Stream, StreamUser } from './stream.js';
import { responseText, trailerText } from './response-text.js';
import { BLOCK } from './text.js';

const CRLF = latin1('\r\n');
const LAST_SIZE = latin1('0\r\n');
const NOTHING = new Uint8Array(0);
/** Bytes of a response head as text. */
export const MOST_RESPONSE_HEAD = 256 * 1024;

/** Request bodies lose their chunk framing here, since the bytes may be needed as they are for another try. */
let unframed = Buffer.alloc(64 * 1024);
/** DATA gets a frame of a chunk here, for clients of HTTP/1. */
const chunk = Buffer.alloc(16 * 1024 + 16);

/** One request on a connection of HTTP/2 to a server. */
export class ServerStream extends Timed implements HttpServerLink, StreamUser {
  busyPlace = -1;
  work = 0;
  takenAt = 0;
  ready = false;
  reused = false;
  answering = false;
  /** The server has said that it has not looked at the request. */
  unprocessed = false;
  private stream: Stream | null = null;
  /** Framing of the request's body as it comes to us. */
  private chunks: ChunkScanner | null = null;
  private left = -1;
  /** The response is passed on in chunks of ours. */
  private chunking = false;
  private responded = false;
  private webSocket = false;
  private tunnelling = false;
  private key = '';
  /** Bytes that have come of a response that nobody gets. */
  private drained = 0;

  constructor(
    private readonly connection: ServerSession,
    private x: Exchange | null,
  ) {
    super();
    this.server.acquire(this);
  }

  get server(): ServerRuntime {
    return this.connection.server;
  }

  get kind(): number {
    return this.x === null ? 0 : this.x.kind;
  }

  get waitsFor(): Exchange | null {
    return this.x;
  }

  /** The connection is up. */
  opened(reused: boolean): void {
    this.ready = true;
    this.reused = reused;
  }

  // What the exchange does

  begin(b: Uint8Array, start: number, bodyAt: number, end: number): boolean {
    const { connection } = this;
    const x = this.x!;
    const { session } = connection;
    this.webSocket = x.upgrade;
    if (this.webSocket && !session.peerConnects) {
      connection.later(this);
      return false;
    }
    const stream = connection.openStream(this);
    this.stream = stream;
    const from = session.beginBlock();
    encodeRequest(session, b, start, bodyAt, connection.secure, this.webSocket);
    this.server.count(SERVER.BYTES_OUT, end - start);
    this.key = encoded.key;
    this.left = -1;
    let ends = false;
    if (encoded.chunked) (this.chunks ??= new ChunkScanner()).begin(0);
    else {
      this.chunks = null;
      this.left = Math.max(0, encoded.contentLength);
      ends = this.left === 0 && !this.webSocket;
    }
    session.endBlock(stream, from, ends);
    if (ends) session.finish(stream, null);
    this.awaitResponse();
    return ends || end === bodyAt || this.body(b, bodyAt, end);
  }

  /** The server does not take WebSockets on this connection. */
  cannotUpgrade(): void {
    this.fail(FAILED.malformed);
  }

  more(b: Uint8Array, start: number, end: number): boolean {
    this.server.count(SERVER.BYTES_OUT, end - start);
    if (!this.responded) this.awaitResponse();
    return this.body(b, start, end);
  }

  /** The time for the response runs from when the server has been given the whole request. */
  private awaitResponse(): void {
    const x = this.x!;
    this.connection.context.clock.arm(this, x.requestDone ? x.responseTimeout : 0);
  }

  private body(b: Uint8Array, start: number, end: number): boolean {
    const { stream } = this;
    const { session } = this.connection;
    if (stream === null) return true;
    if (this.chunks === null) {
      const taken = session.send(stream, b, start, end);
      this.left -= end - start;
      if (this.left === 0) session.finish(stream, null);
      return taken;
    }
    const length = end - start;
    if (unframed.length < length) unframed = Buffer.alloc(2 * length);
    copyInto(unframed, 0, b, start, end);
    const at = this.chunks.compact(unframed, 0, length);
    const taken = session.send(stream, unframed, 0, this.chunks.dataEnd);
    if (at >= 0) session.finish(stream, this.chunks.takeTrailers());
    return taken;
  }

  clientTakes(): void {
    if (this.stream !== null) this.connection.session.taken(this.stream);
  }

  tunnel(b: Uint8Array, start: number, end: number): boolean {
    this.server.count(SERVER.BYTES_OUT, end - start);
    return this.stream === null || this.connection.session.send(this.stream, b, start, end);
  }

  clientEnded(): void {
    if (this.stream !== null) this.connection.session.finish(this.stream, null);
  }

  clientGone(inOrder: boolean): void {
    if (this.x === null) return;
    const { stream } = this;
    this.detach();
    if (stream !== null && stream.user === this)
      this.connection.session.drop(stream, inOrder ? ERROR.NO_ERROR : ERROR.CANCEL);
    else this.connection.withdraw(this);
  }

  /**
   * Another server has the request: what else comes of this response is read, as long as that is little, and else
   * refused. A stream that ends by itself costs the server less than one that is reset.
   */
  private letGo(stream: Stream, contentLength: number, endStream: boolean): void {
    const { session, context } = this.connection;
    this.detach();
    if (!stream.localEnded || contentLength > MOST_DRAINED) session.drop(stream, ERROR.CANCEL);
    else if (endStream) session.bodyEnds(stream, NOTHING, 0, 0);
    else {
      this.stream = stream;
      this.drained = 0;
      context.clock.arm(this, MOST_DRAINING_MS);
    }
  }

  private isDrained(): void {
    if (this.stream === null) return;
    this.stream = null;
    this.connection.context.clock.forget(this);
  }

  private stopDraining(): void {
    const { stream } = this;
    this.isDrained();
    if (stream !== null && stream.user === this) this.connection.session.drop(stream, ERROR.CANCEL);
  }

  serverGone(): void {
    const { x } = this;
    if (x === null) return;
    if (this.tunnelling) {
      this.clientGone(false);
      x.tunnelClosed(false);
      return;
    }
    const { stream } = this;
    if (stream !== null && stream.user === this) this.connection.session.drop(stream, ERROR.CANCEL);
    else this.connection.withdraw(this);
    this.fail(FAILED.gone);
  }

  override onTimeout(): void {
    if (this.x === null) {
      this.stopDraining();
      return;
    }
    const { stream } = this;
    if (stream !== null && stream.user === this) this.connection.session.drop(stream, ERROR.CANCEL);
    this.fail(FAILED.timeout);
  }

  /** The request cannot be served here. */
  fail(failure: Failure): void {
    const { x } = this;
    if (x === null) return;
    this.detach();
    x.linkFailed(this, failure);
  }

  private detach(): void {
    this.x = null;
    if (this.stream === null) this.server.count(SERVER.UNSENT, 1);
    this.stream = null;
    this.connection.context.clock.forget(this);
    this.server.release(this);
  }

  // What the server does

  /** A block of fields; 0, or a code of ERROR for the stream. */
  block(endStream: boolean, b: Uint8Array, start: number, end: number): number {
    const x = this.x!;
    const { session } = this.connection;
    if (!this.answering) {
      this.answering = true;
      x.linkAnswers();
    }
    if (this.responded) {
      trailerText.begin(MOST_RESPONSE_HEAD);
      if (!session.decoder.decode(b, start, end, trailerText)) return -ERROR.COMPRESSION_ERROR;
      if (!endStream || this.tunnelling || trailerText.state !== BLOCK.OK) return ERROR.PROTOCOL_ERROR;
      session.bodyEnds(this.stream!, trailerText.bytes, HEAD_ROOM, trailerText.end);
      return 0;
    }
    responseText.begin(MOST_RESPONSE_HEAD);
    if (!session.decoder.decode(b, start, end, responseText)) return -ERROR.COMPRESSION_ERROR;
    const { status } = responseText;
    const bodiless = endStream || status < 200 || status === 204 || status === 304;
    if (this.webSocket && status === 200) return this.accepted(x);
    const mayBeEmpty = status >= 200 && status !== 204 && status !== 304 && x.method !== METHOD.HEAD;
    responseText.finish(!bodiless, endStream && mayBeEmpty && !x.wantsPlain());
    if (responseText.state !== BLOCK.OK || status === 101) return ERROR.PROTOCOL_ERROR;
    const { bytes } = responseText;
    const bodyAt = scanResponse(bytes, HEAD_ROOM, responseText.end);
    if (bodyAt < 0) return ERROR.PROTOCOL_ERROR;
    if (status < 200) {
      if (endStream) return ERROR.PROTOCOL_ERROR;
      x.interim(response, bytes, HEAD_ROOM, bodyAt);
      return 0;
    }
    this.respond(x, bytes, bodyAt, bodiless, endStream);
    return 0;
  }

  private respond(x: Exchange, b: Uint8Array, bodyAt: number, bodiless: boolean, endStream: boolean): void {
    const stream = this.stream!;
    const head = response;
    this.connection.context.clock.disarm(this);
    this.responded = true;
    const { status, contentLength } = head;
    const none = bodiless || x.method === METHOD.HEAD;
    const framing =
      none || contentLength === 0 ? Framing.None : head.chunked ? Framing.Chunked : Framing.Length;
    if (none && !endStream) stream.expected = 0;
    else if (contentLength >= 0 && !none) stream.expected = contentLength;
    const cut = endStream && contentLength > 0 && x.method !== METHOD.HEAD && status !== 304;
    if (!x.responseCame(this, head)) {
      this.letGo(stream, contentLength, endStream);
      return;
    }
    x.prepareResponse(head, b, framing);
    this.chunking = framing === Framing.Chunked && !x.plain;
    const start = x.responseHead(head, b, bodyAt, framing);
    if (start < bodyAt) x.send(b, start, bodyAt);
    if (endStream && this.x !== null) {
      if (cut) this.connection.session.resetStream(stream, ERROR.PROTOCOL_ERROR);
      else this.connection.session.bodyEnds(stream, NOTHING, 0, 0);
    }
  }

  /** The extended CONNECT was accepted: to the client's side it is the 101 of HTTP/1.1. */
  private accepted(x: Exchange): number {
    responseText.asUpgrade(acceptOf(this.key));
    if (responseText.state !== BLOCK.OK) return ERROR.PROTOCOL_ERROR;
    const { bytes } = responseText;
    const bodyAt = scanResponse(bytes, HEAD_ROOM, responseText.end);
    if (bodyAt < 0) return ERROR.PROTOCOL_ERROR;
    this.connection.context.clock.disarm(this);
    this.responded = true;
    if (!x.responseCame(this, response)) return 0;
    this.tunnelling = true;
    x.switchProtocols(response, bytes, HEAD_ROOM, bodyAt, bodyAt);
    return 0;
  }

  onBody(b: Uint8Array, start: number, end: number): boolean {
    const { x } = this;
    if (x === null) {
      this.drained += end - start;
      if (this.drained > MOST_DRAINED) this.stopDraining();
      return true;
    }
    if (!this.responded) {
      this.connection.session.resetStream(this.stream!, ERROR.PROTOCOL_ERROR);
      return true;
    }
    if (!this.chunking) return x.send(b, start, end);
    let at = 0;
    const size = (end - start).toString(16);
    for (let i = 0; i < size.length; i++) chunk[at++] = size.charCodeAt(i);
    chunk[at++] = 13;
    chunk[at++] = 10;
    copyInto(chunk, at, b, start, end);
    at += end - start;
    chunk[at++] = 13;
    chunk[at++] = 10;
    return x.send(chunk, 0, at);
  }

  onBodyEnd(b: Uint8Array, start: number, end: number): void {
    const { x } = this;
    if (x === null) {
      this.isDrained();
      return;
    }
    if (this.tunnelling) {
      x.serverEnded();
      return;
    }
    if (!this.responded) return;
    if (this.chunking) {
      const last = Buffer.concat([LAST_SIZE, b.subarray(start, end), CRLF]);
      x.send(last, 0, last.length);
    } else if (end > start && x.plain) x.trailers(b, start, end);
    const { stream } = this;
    const { session } = this.connection;
    this.detach();
    // What the client still sends is not wanted any more.
    if (stream !== null && !stream.localEnded) session.drop(stream, ERROR.NO_ERROR);
    x.responseDone();
  }

  onTaken(): void {
    this.x?.serverTakes();
  }

  /** Time-outs of requests are those of the client's side. */
  onStill(): void {}

  onReset(error: number, byPeer: boolean): void {
    const { x } = this;
    if (x === null) {
      this.isDrained();
      return;
    }
    if (this.tunnelling) {
      this.detach();
      x.tunnelClosed(false);
      return;
    }
    this.unprocessed = byPeer && error === ERROR.REFUSED_STREAM;
    // Only a connection that has died may have died before it got the request.
    this.reused &&= this.connection.isDead;
    this.fail(this.connection.whyReset(error, byPeer));
  }

  onClosed(): void {
    const { x } = this;
    if (x === null) return;
    this.detach();
    if (this.tunnelling) x.tunnelClosed(true);
  }
}
