import { CLOSED_BY, VS, VS_HISTOGRAM } from '@spillway/telemetry';
import type { HttpProfile } from '@spillway/snapshot';
import type { ConnectionFacts } from '../core/describe.js';
import type { ClientConnection } from '../core/connection.js';
import type { Known } from '../persistence/persistence.js';
import type { Pool } from '../core/pool.js';
import type { PoolGroup } from '../core/pool-group.js';
import type { ServerRuntime } from '../core/server.js';
import { poolFor, type ServiceConfig } from '../core/service.js';
import { isIdempotent, methodName, type Head } from '../http1/head.js';
import { responseEdits } from './edits.js';
import type { BodyFilter } from './filter.js';
import { bindForNtlm } from './binding.js';
import { dropAccelFields } from './fields.js';
import { responseMessage } from './message.js';
import { whyOf, type OwnResponse } from './own-response.js';
import { profileOf } from './profile.js';
import type { Reselect } from './reselect.js';
import { Framing, type Failure, type HttpServerLink } from './server-link.js';

/**
 * One request with its response, between the client's side (a connection of HTTP/1, a stream of HTTP/2) and the
 * server's side (`HttpServerLink`). It knows no protocol: heads are HTTP/1.1 text with the record of its scan,
 * request bodies are in HTTP/1 framing, response bodies too unless the client's side is `plain`.
 *
 * This is what the client's side and rules see of it; how its request gets to a server is `Delivery`. The client's side
 * extends that and may use the object again for another request.
 */
export abstract class Exchange {
  /** Under which the request runs; null between requests. */
  config: ServiceConfig | null = null;
  /** Where the request goes; rules may change it. */
  pool: Pool | null = null;
  /** Rules have chosen the pool. */
  routed = false;
  /** The group that rules have chosen it from; only where `routed`. */
  routedBy: PoolGroup | null = null;
  /** The one server of the pool that rules want; null leaves it to the pool. */
  wanted: ServerRuntime | null = null;
  /** What consistent hash goes by where the pool asks for a custom string; null while no rule has set one. */
  customKey: string | null = null;
  /** What rules have to remember of the request until its response comes. */
  memo: object | null = null;
  /** What persistence knows of the client; null where the pool has none. */
  known: Known | null = null;
  link: HttpServerLink | null = null;
  /** Changes the body of the response; put in by rules. */
  filter: BodyFilter | null = null;
  /** `send` needs no room around a piece of a body, and leaves the bytes as they are. */
  get takesAsItIs(): boolean {
    return false;
  }
  /** One of METHOD. */
  method = 0;
  /** The whole request has been passed on (or is at hand). */
  requestDone = false;
  /** The final response has begun to be passed on. */
  responseStarted = false;
  /** The client asked for another protocol, and may be answered with 101. */
  upgrade = false;
  /** The client waits for 100 before it sends its body. */
  expects = false;
  /** Chunked bodies of responses are wanted without their framing. Known after `prepareResponse`. */
  plain = false;
  /** The whole response is at hand with its head. Known after `prepareResponse`. */
  atOnce = false;
  /** How the server's response ends. Known to rules. */
  framing = Framing.None;
  /** The client's address where other proxies have told it and rules believe them; null: that of the connection. */
  clientAddress: string | null = null;
  /** Id of the request for servers and logs; empty while none has been made. */
  requestId = '';
  /** Host of the request, when rules need it for the response. */
  host = '';
  /** What rules have found out about the codings that the client accepts; see compression/. */
  accepts = 0;
  /** Its server connections serve nobody else; see binding.ts. */
  binds = false;
  /** What TLS calls the server (SNI); empty without TLS, and where no name is needed. */
  serverName = '';
  private own!: HttpProfile;
  /** The connection of the client ends with this exchange. */
  last = false;
  /** Time of the complete head, `transport.now()`. */
  startedAt = 0;
  /** When the request was given to the connection that answered, and when the first byte of the answer came. */
  protected forwardedAt = 0;
  /** Class of the request, for algorithms that tell requests apart; 0 where the pool's does not. */
  kind = 0;
  /** The server had the whole request at once: how long it takes to answer is its own doing, not that of an upload. */
  protected timed = false;
  private firstByteAt = 0;
  /** It still is the moment of the first byte: the clock need not be read again. The link sets it, if it likes. */
  atFirstByte = false;
  /** Who answered; null while nobody has. */
  private answeredBy: ServerRuntime | null = null;
  /** The response is complete and not measured yet, since its last bytes have not left. */
  private unmeasured = false;

  constructor(public connection: ClientConnection) {}

  get idempotent(): boolean {
    return isIdempotent(this.method);
  }

  /** The group that its pool was chosen from; null when there was none. */
  get group(): PoolGroup | null {
    return this.routed ? this.routedBy : (this.config?.group ?? null);
  }

  /** Of the request; between requests that of the next one. */
  get profile(): HttpProfile {
    return this.config === null ? profileOf(this.connection.placement.service.config) : this.own;
  }

  /** Milliseconds from the whole request to the head of its response; 0 is for ever. */
  get responseTimeout(): number {
    const pool = this.link === null ? null : this.link.server.pool;
    if (pool === null) return this.profile.server_response_timeout;
    const { reselect } = pool;
    const own = reselect === null || reselect.timeout === 0 ? 0 : this.tryTimeout(reselect);
    if (own > 0) return own;
    return pool.serverTimeout > 0 ? pool.serverTimeout : this.profile.server_response_timeout;
  }

  /** Milliseconds that a connection to a server is kept without use. */
  get idleTimeout(): number {
    return this.profile.server_idle_timeout;
  }

  // For the client's protocol

  /** A request has come: it runs under `config` and counts from now on. */
  protected open(config: ServiceConfig, method: number): void {
    const profile = profileOf(config);
    if (this.unmeasured) this.measure();
    this.answeredBy = null;
    this.atFirstByte = false;
    this.config = config;
    this.own = profile;
    this.binds = this.connection.bindsServers || profile.connection_multiplexing === false;
    this.pool = poolFor(config);
    this.routed = false;
    this.wanted = null;
    this.memo = null;
    this.customKey = null;
    this.known = null;
    this.method = method;
    this.startedAt = this.connection.context.transport.now();
    this.responseStarted = false;
    this.requestDone = false;
    this.upgrade = false;
    this.expects = false;
    this.plain = false;
    this.clientAddress = null;
    this.requestId = '';
    this.host = '';
    this.accepts = 0;
    this.last = false;
    this.connection.count(VS.REQUESTS, 1);
    this.connection.count(VS.REQUESTS_ACTIVE, 1);
  }

  /** For people who look for a fault: nothing of what the message says. */
  describe(): NonNullable<ConnectionFacts['request']> {
    return {
      method: methodName(this.method),
      age: Math.round(this.connection.context.transport.now() - this.startedAt),
      phase: this.responseStarted ? 'responding' : 'waiting',
    };
  }

  /** Bytes that wait on this request's account. */
  heldBytes(): number {
    return (this.link?.heldBytes?.() ?? 0) + (this.filter?.heldBytes() ?? 0);
  }

  /** A response of the engine's own, in place of a server's. */
  answer(response: OwnResponse): void {
    const rules = this.config?.rules;
    const sent = rules?.onOwn === undefined ? response : rules.onOwn(this, response);
    this.connection.count(VS.RESPONSES_OWN, 1);
    this.connection.count(VS.OWN + whyOf(response), 1);
    this.answeredBy = null;
    this.plain = false;
    this.filter = null;
    this.begins(sent.status);
    this.sendOwn(sent);
    this.finished();
  }

  /** It is one of several at a time on its connection: a stream of HTTP/2. */
  get multiplexed(): boolean {
    return !this.ownSocket;
  }

  /** Ends the exchange without an answer: the client's connection is closed in order (its stream is reset). */
  hangUp(): void {
    this.refuseSilently();
  }

  /**
   * Ends the exchange without an answer: the client's connection (or stream) is reset.
   * @param cause one of CLOSED_BY
   */
  refuseSilently(cause: number = CLOSED_BY.POLICY): void {
    if (this.ownSocket) this.connection.because(cause);
    this.giveUpServer();
    this.over();
    this.cut();
  }

  /** The client is gone, or gets no more of this exchange. */
  protected abandon(inOrder: boolean): void {
    const { link } = this;
    this.link = null;
    this.over();
    link?.clientGone(inOrder);
  }

  /** The server is no longer needed. */
  protected giveUpServer(): void {
    const { link } = this;
    this.link = null;
    link?.clientGone(false);
  }

  /** The request counts no more. */
  protected over(): void {
    this.forget();
    const { filter } = this;
    if (filter !== null) {
      this.filter = null;
      filter.abandon();
    }
    if (this.config === null) return;
    this.config = null;
    this.connection.count(VS.REQUESTS_ACTIVE, -1);
  }

  private begins(status: number): void {
    this.responseStarted = true;
    this.connection.placement.service.responds(status);
  }

  // For the server's side

  /** A new connection was made for this request. */
  linkOpened(milliseconds: number, link: HttpServerLink): void {
    link.server.opened(milliseconds);
    this.connection.placement.service.record(VS_HISTOGRAM.SERVER_CONNECT, milliseconds * 1000);
  }

  /** A round trip of the server was measured: microseconds, or -1. */
  sampled(rtt: number): void {
    if (rtt >= 0) this.connection.placement.service.record(VS_HISTOGRAM.SERVER_RTT, rtt);
  }

  /** Bytes of a response have come: the request will not be sent again, unless its pool reselects. */
  linkAnswers(): void {
    this.firstByteAt = this.connection.context.transport.now();
    const server = this.link === null ? null : this.link.server;
    this.answeredBy = server;
    const feed = server?.feed ?? null;
    if (feed !== null && this.timed)
      feed.firstByte(server!.place, this.waited(this.firstByteAt), this.firstByteAt);
    if (server === null || server.pool === null || server.pool.reselect === null) this.forget();
  }

  /**
   * The head of the final response has come. Decides what happens to it, and sets `plain`; nothing is sent yet, so
   * that what proves to be malformed can be answered with an error.
   */
  prepareResponse(head: Head, b: Uint8Array, framing: Framing): void {
    this.plain = this.wantsPlain();
    this.framing = framing;
    responseEdits.clear();
    const { rules } = this.config!;
    const { profile } = this;
    if (head.accelSeen && profile.pass_x_accel !== true) dropAccelFields(head, b);
    if (head.status === 401 && profile.detect_ntlm === true) bindForNtlm(this, head, b);
    if (!head.persistent && profile.forward_close === true && this.binds) this.last = true;
    const { known, answeredBy } = this;
    if (known !== null && answeredBy !== null)
      known.by.onResponse?.(known, answeredBy, this, responseMessage.of(b, head), responseEdits);
    if (rules !== null) rules.onResponse(this, responseMessage.of(b, head), responseEdits);
    if (this.filter !== null) this.plain = true;
  }

  /**
   * Encodes the prepared head for the client.
   * @returns from where in `b` the caller goes on with `send`: the head in place in front of the body when both can
   * leave together, else `bodyAt`
   */
  responseHead(head: Head, b: Uint8Array, bodyAt: number, framing: Framing): number {
    this.begins(head.status);
    return this.encodeHead(head, b, bodyAt, framing);
  }

  /** Bytes of the response. False: wait for `clientTakes` before sending more. */
  send(b: Uint8Array, start: number, end: number): boolean {
    return this.filter === null ? this.sendFiltered(b, start, end) : this.filter.push(b, start, end);
  }

  /** The client has taken what was queued for it. */
  clientTakes(): void {
    if (this.filter === null) this.link?.clientTakes();
    else this.filter.clientTakes();
  }

  /** The response is complete, as the server sent it. */
  responseDone(): void {
    this.link = null;
    if (this.kind !== 0 && this.timed && this.answeredBy !== null) this.learn(this.answeredBy);
    if (this.filter === null) this.filterDone();
    else this.filter.finish();
  }

  /** Microseconds since the server was given the request. */
  private waited(now: number): number {
    return (now - this.forwardedAt) * 1000;
  }

  private learn(server: ServerRuntime): void {
    const now = this.atFirstByte ? this.firstByteAt : this.connection.context.transport.now();
    server.feed?.whole(server.place, this.kind, this.waited(now), now);
  }

  /** The response is complete, as the client gets it. */
  filterDone(): void {
    this.filter = null;
    this.bodyDone();
    this.finished();
  }

  /** The filter cannot go on: the client must see that the response is cut short. */
  filterFailed(): void {
    this.giveUpServer();
    this.connection.count(VS.TRUNCATED, 1);
    this.over();
    this.cut();
  }

  private finished(): void {
    if (this.ownSocket && this.connection.socket.queued > 0) this.unmeasured = true;
    else this.measure();
    this.over();
    this.clientDone();
  }

  /** It is over, and still to be measured once its last bytes have left (`left`). */
  get isLeaving(): boolean {
    return this.unmeasured;
  }

  /** All that was written to the client has left, or never will. */
  protected left(): void {
    if (this.unmeasured) this.measure();
  }

  /**
   * The last byte of a response is out. App response is the first byte less the server's round trip; data transfer runs
   * from the first byte to the last one, plus half a round trip of the client (analytics document, End to End Timing).
   */
  private measure(): void {
    this.unmeasured = false;
    const { connection, answeredBy: server } = this;
    const { service } = connection.placement;
    const now = this.atFirstByte ? this.firstByteAt : connection.context.transport.now();
    service.recordTotal((now - this.startedAt) * 1000);
    if (service.rttDue) service.sampleClient(connection.socket);
    if (server === null) return;
    const firstByte = (this.firstByteAt - this.forwardedAt) * 1000;
    const transfer = (now - this.firstByteAt) * 1000 + service.clientRtt / 2;
    service.record(VS_HISTOGRAM.APP_RESPONSE, Math.max(0, firstByte - server.rtt));
    service.record(VS_HISTOGRAM.DATA_TRANSFER, transfer);
    server.responded(firstByte, transfer);
  }

  // What the way to servers provides: see delivery.ts

  /** Time for this try alone, where the request may be given to another server after it; 0 for none. */
  protected abstract tryTimeout(reselect: Reselect): number;
  /** The request will not be sent again: what was kept of it is let go. */
  protected abstract forget(): void;
  /** The link can be written to: what was kept meanwhile goes out. */
  abstract linkReady(link: HttpServerLink): void;
  /**
   * The head of a final response has come and nothing of it has been passed on.
   * @returns false when the client is not to have it: another server has the request, and the link lets go of it
   */
  abstract responseCame(link: HttpServerLink, head: Head): boolean;
  /** The link cannot serve the request (any more) and has let go of it. */
  abstract linkFailed(link: HttpServerLink, failure: Failure): void;

  // What a client's protocol has to provide

  /** The client's socket carries nothing but this exchange, so that what it has queued is of this one. */
  protected abstract readonly ownSocket: boolean;
  /** It takes bodies without chunk framing only. */
  abstract wantsPlain(): boolean;
  /** See `responseHead`; `responseEdits` is to be used up. */
  protected abstract encodeHead(head: Head, b: Uint8Array, bodyAt: number, framing: Framing): number;
  /**
   * Bytes of the body (and of the head, if `encodeHead` left it in place) as the client gets them; none, to let go
   * of a head that waits for them. `last`: they are the last, so that the end may leave together with them.
   */
  abstract sendFiltered(b: Uint8Array, start: number, end: number, last?: boolean): boolean;
  /** All of the body has been given to `sendFiltered`. */
  protected abstract bodyDone(): void;
  /** The trailer lines of a chunked response, with their CRLFs; only when `plain`. */
  abstract trailers(b: Uint8Array, start: number, end: number): void;
  /** An interim response (1xx, not 101), `b[start..end)`. False: as `send`. */
  abstract interim(head: Head, b: Uint8Array, start: number, end: number): boolean;
  /** 101 has come, its head is b[start..bodyAt): from here on bytes go both ways. False: as `send`. */
  abstract switchProtocols(head: Head, b: Uint8Array, start: number, bodyAt: number, end: number): boolean;
  /** Sends a whole response. */
  protected abstract sendOwn(response: OwnResponse): void;
  /** The exchange is over and answered; the next one may begin. */
  protected abstract clientDone(): void;
  /** The response cannot be completed: the client must see that it is cut short. */
  protected abstract cut(): void;
  /** No more of the request's body, please, before `serverTakes`. */
  protected abstract pauseRequest(): void;
  /** The server takes more of the request. */
  abstract serverTakes(): void;
  /** In a tunnel: the server has ended its direction. */
  abstract serverEnded(): void;
  /** The tunnel is over at the server's side. */
  abstract tunnelClosed(inOrder: boolean): void;

  /** 101 counts as begun, and the server's side is told so by the return of `switchProtocols`. */
  protected switched(): void {
    this.forget();
    this.begins(101);
  }
}
