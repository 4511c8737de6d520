import { CLOSED_BY } from '@spillway/telemetry';
import { copyInto, latin1 } from '../bytes.js';
import { responseEdits } from '../http/edits.js';
import { Delivery } from '../http/delivery.js';
import { encodeOwn, type OwnResponse } from '../http/own-response.js';
import { Framing } from '../http/server-link.js';
import type { ServiceConfig } from '../core/service.js';
import { HEAD_ROOM } from '../transport/seam.js';
import type { HttpClient } from './client.js';
import { MessageBody } from './body.js';
import { editor } from './edit.js';
import { METHOD, type Head } from './head.js';
import { tellKeepAlive } from './keep-alive.js';

const CONNECTION_CLOSE = latin1('Connection: close\r\n');
const CONNECTION_UPGRADE = latin1('Connection: Upgrade\r\n');
const CONNECTION_KEEP_ALIVE = latin1('Connection: keep-alive\r\n');
const CHUNKED = latin1('Transfer-Encoding: chunked\r\n');
const CRLF = latin1('\r\n');
const LAST_CHUNK = latin1('0\r\n\r\n');
const CRLF_LAST_CHUNK = latin1('\r\n0\r\n\r\n');
/** Room for what is put in beside what rules ask for. */
const OWN_ROOM = 128;

/** A chunk up to this size is put together here and leaves in one write. */
const chunk = Buffer.alloc(64 * 1024);

/** Exchanges of connections that wait for their next request: an idle connection needs none. */
const waiting: Http1Exchange[] = [];
const MOST_WAITING = 1024;

/** The client's side of an exchange on a connection of HTTP/1; used again for other requests. */
export class Http1Exchange extends Delivery {
  /** Of the request. */
  readonly body = new MessageBody();
  protected readonly ownSocket = true;
  minor = 1;
  /** The body leaves in chunks of our own making, since the form in which it came is not to be had any more. */
  private chunking = false;
  /** A head that leaves with the first bytes of its body. */
  private head: Uint8Array | null = null;
  /** The end of the body has left. */
  private ended = false;

  override get takesAsItIs(): boolean {
    return this.filter === null;
  }

  private constructor(private client: HttpClient) {
    super(client);
  }

  /** One for the next request of `client`. */
  static of(client: HttpClient): Http1Exchange {
    const x = waiting.pop();
    if (x === undefined) return new Http1Exchange(client);
    x.client = client;
    x.connection = client;
    return x;
  }

  /** It is over and nobody refers to it any more: another connection may have it. */
  release(): void {
    if (waiting.length < MOST_WAITING) waiting.push(this);
  }

  /** See `Exchange.open`. */
  begin1(config: ServiceConfig, method: number, minor: number): void {
    this.minor = minor;
    this.chunking = false;
    this.head = null;
    this.ended = false;
    this.open(config, method);
  }

  routeRequest(head: Head, b: Uint8Array, bodyAt: number, bodyEnd: number, rest: number): void {
    this.route(head, b, bodyAt, bodyEnd, rest);
  }

  sendBody(b: Uint8Array, start: number, end: number): boolean {
    return this.requestBody(b, start, end);
  }

  /** The client is gone. */
  clientGone(inOrder: boolean): void {
    this.left();
    this.abandon(inOrder);
  }

  drained(): void {
    this.left();
  }

  dropServer(): void {
    this.giveUpServer();
  }

  end(): void {
    this.over();
  }

  wantsPlain(): boolean {
    return this.minor === 0;
  }

  protected encodeHead(head: Head, b: Uint8Array, bodyAt: number, framing: Framing): number {
    const { client } = this;
    client.responseBegins();
    const filtered = this.filter !== null;
    this.chunking = filtered && this.minor === 1 && this.method !== METHOD.HEAD;
    if (framing === Framing.UntilEnd && !this.chunking) client.keep = false;
    if (this.minor === 0 && (framing === Framing.Chunked || filtered)) client.keep = false;
    if (this.plain || filtered) head.drop(head.codingField);
    if (filtered) head.drop(head.lengthField);
    // A client that was not told to go on with its body, or has not finished it, cannot be read from again.
    if (this.last || client.placement.draining || (!this.requestDone && (this.expects || this.atOnce)))
      client.keep = false;
    const connection = this.connectionLine(head);
    if (client.keep && this.profile.keepalive_header !== undefined)
      client.keepFor = tellKeepAlive(this.profile, head, b);
    if (head.status === 426) head.keep(head.upgradeField); // it has to say which protocol (RFC 9110 section 15.5.22)
    b[head.minorAt] = 49;
    if (responseEdits.bytes > HEAD_ROOM - OWN_ROOM || filtered)
      return this.sendHead(head, b, bodyAt, connection);
    if (head.droppedCount === 0 && connection === null && responseEdits.bytes === 0) return head.start;
    return this.edit(head, b, connection);
  }

  /** What the client has to be told of its connection; the server's own line stays if it says just that. */
  private connectionLine(head: Head): Uint8Array | null {
    if (!this.client.keep) return CONNECTION_CLOSE;
    if (head.keepAliveField >= 0 && !head.connectionClose) {
      head.keep(head.keepAliveField);
      return null;
    }
    return this.minor === 0 ? CONNECTION_KEEP_ALIVE : null;
  }

  private edit(head: Head, b: Uint8Array, connection: Uint8Array | null): number {
    editor.begin(b, head);
    if (responseEdits.bytes > 0) for (const line of responseEdits.lines) editor.insertLine(line);
    if (connection !== null) editor.insertLine(connection);
    if (head.status === 426 && head.upgradeField >= 0) editor.insertLine(CONNECTION_UPGRADE);
    if (this.chunking) editor.insertLine(CHUNKED);
    return editor.end();
  }

  /** Edits a copy with as much room as it takes, and sends it by itself. */
  private sendHead(head: Head, b: Uint8Array, bodyAt: number, connection: Uint8Array | null): number {
    const room = responseEdits.bytes + OWN_ROOM;
    const copy = Buffer.allocUnsafeSlow(room + bodyAt - head.start);
    copy.set(b.subarray(head.start, bodyAt), room);
    head.shift(room - head.start);
    const start = this.edit(head, copy, connection);
    if (this.chunking) this.head = copy.subarray(start);
    else this.client.send(copy, start, copy.length);
    return bodyAt;
  }

  sendFiltered(b: Uint8Array, start: number, end: number, last = false): boolean {
    if (!this.chunking) return this.client.send(b, start, end);
    const { head } = this;
    this.head = null;
    if (end === start) return head === null || this.client.send(head, 0, head.length);
    this.ended = last;
    const size = latin1(`${(end - start).toString(16)}\r\n`);
    const rest = last ? CRLF_LAST_CHUNK : CRLF;
    const length = (head === null ? 0 : head.length) + size.length + end - start + rest.length;
    if (length > chunk.length) return this.sendApart(head, size, b, start, end, rest);
    let at = 0;
    if (head !== null) {
      chunk.set(head);
      at = head.length;
    }
    chunk.set(size, at);
    at += size.length;
    copyInto(chunk, at, b, start, end);
    chunk.set(rest, length - rest.length);
    return this.client.send(chunk, 0, length);
  }

  private sendApart(
    head: Uint8Array | null,
    size: Uint8Array,
    b: Uint8Array,
    start: number,
    end: number,
    rest: Uint8Array,
  ): boolean {
    if (head !== null) this.client.write(head, 0, head.length);
    this.client.write(size, 0, size.length);
    this.client.write(b, start, end);
    return this.client.send(rest, 0, rest.length);
  }

  protected bodyDone(): void {
    if (!this.chunking || this.ended) return;
    this.sendFiltered(LAST_CHUNK, 0, 0);
    this.client.write(LAST_CHUNK, 0, LAST_CHUNK.length);
  }

  /** A client of HTTP/1.0 has no place for them. */
  trailers(): void {}

  interim(head: Head, b: Uint8Array, _start: number, end: number): boolean {
    // Not to a client of HTTP/1.0, which does not know them (RFC 9110 section 15.2).
    return this.minor === 0 || this.client.send(b, interimStart(head, b), end);
  }

  switchProtocols(head: Head, b: Uint8Array, _start: number, _bodyAt: number, end: number): boolean {
    this.switched();
    this.client.becomeTunnel();
    head.keep(head.upgradeField);
    interimStart(head, b);
    editor.insertLine(CONNECTION_UPGRADE);
    return this.client.send(b, editor.end(), end);
  }

  protected sendOwn(response: OwnResponse): void {
    const { client } = this;
    client.beforeOwn();
    const connection = client.keep ? (this.minor === 0 ? 'keep-alive' : '') : 'close';
    const bytes = encodeOwn(response, connection, this.method !== METHOD.HEAD);
    client.write(bytes, 0, bytes.length);
  }

  protected clientDone(): void {
    this.client.exchangeDone();
  }

  protected cut(): void {
    this.client.kill();
  }

  override hangUp(): void {
    this.connection.because(CLOSED_BY.POLICY);
    this.giveUpServer();
    this.over();
    this.client.socket.close();
  }

  protected pauseRequest(): void {
    this.client.pause();
  }

  serverTakes(): void {
    this.client.serverTakes();
  }

  serverEnded(): void {
    this.client.socket.shutdown();
  }

  tunnelClosed(inOrder: boolean): void {
    this.link = null;
    this.over();
    this.client.tunnelOver(inOrder);
  }
}

/** Takes out of a 1xx what belongs to one connection, and any framing (RFC 9110 section 8.6). Where it starts then. */
function interimStart(head: Head, b: Uint8Array): number {
  head.drop(head.lengthField);
  head.drop(head.codingField);
  b[head.minorAt] = 49;
  editor.begin(b, head);
  return editor.end();
}
