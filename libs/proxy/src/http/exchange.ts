import { CLOSED_BY, FAILED_BY, OWN_BY, SERVER, VS, VS_HISTOGRAM } from '@spillway/telemetry';
import type { HttpProfile } from '@spillway/snapshot';
import type { ConnectionFacts } from '../core/describe.js';
import type { ClientConnection } from '../core/connection.js';
import type { Pool } from '../core/pool.js';
import type { ServerRuntime } from '../core/server.js';
import { poolFor, type ServiceConfig } from '../core/service.js';
import { isIdempotent, methodName, type Head } from '../http1/head.js';
import { requestEdits, responseEdits } from './edits.js';
import type { BodyFilter } from './filter.js';
import { bindForNtlm } from './binding.js';
import { sendContinue } from './continue.js';
import { dropAccelFields, hasLongField } from './fields.js';
import { forwardRequest, forwarded } from './forward.js';
import { offersUpgrade } from '../http1/upgrade.js';
import { requestKey } from './hash-key.js';
import { MOST_ATTEMPTS, MOST_REPLAY, STALE_WITHIN } from './limits.js';
import { requestMessage, responseMessage } from './message.js';
import { lastHopResponse, plainResponse, whyOf, type OwnResponse } from './own-response.js';
import { profileOf } from './profile.js';
import { Replay } from './replay.js';
import { Framing, type Failure, type HttpServerLink } from './server-link.js';

const OVERLOADED: OwnResponse = {
  status: 503,
  fields: [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Retry-After', '1'],
  ],
  body: Buffer.from('503 no memory is left for more requests\n'),
  why: OWN_BY.OVERLOAD,
};

/** How a response is counted that tells of a server's failure. */
const OWN_FOR: Record<number, number> = {
  [FAILED_BY.REFUSED]: OWN_BY.SERVER_UNREACHABLE,
  [FAILED_BY.UNREACHABLE]: OWN_BY.SERVER_UNREACHABLE,
  [FAILED_BY.HANDSHAKE]: OWN_BY.SERVER_UNREACHABLE,
  [FAILED_BY.CONNECT_TIMEOUT]: OWN_BY.SERVER_CONNECT_TIMEOUT,
  [FAILED_BY.CLOSED]: OWN_BY.SERVER_CLOSED,
  [FAILED_BY.RESET]: OWN_BY.SERVER_CLOSED,
  [FAILED_BY.MALFORMED]: OWN_BY.SERVER_MALFORMED,
  [FAILED_BY.TIMEOUT]: OWN_BY.SERVER_TIMEOUT,
};
const NO_POOL = { hash: null };

/**
 * One request with its response, between the client's side (a connection of HTTP/1, a stream of HTTP/2) and the
 * server's side (`HttpServerLink`). It knows no protocol: heads are HTTP/1.1 text with the record of its scan,
 * request bodies are in HTTP/1 framing, response bodies too unless the client's side is `plain`.
 *
 * The client's side extends it and may use the object again for another request.
 */
export abstract class Exchange {
  /** Under which the request runs; null between requests. */
  config: ServiceConfig | null = null;
  /** Where the request goes; rules may change it. */
  pool: Pool | null = null;
  /** Rules have chosen the pool. */
  routed = false;
  /** The one server of the pool that rules want; null leaves it to the pool. */
  wanted: ServerRuntime | null = null;
  /** What rules have to remember of the request until its response comes. */
  memo: object | null = null;
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
  /** Connections tried. */
  attempts = 0;
  /** The client's address where other proxies have told it and rules believe them; null: that of the connection. */
  clientAddress: string | null = null;
  /** Id of the request for servers and logs; empty while none has been made. */
  requestId = '';
  /** Host of the request, when rules need it for the response. */
  host = '';
  /** What TLS calls the server (SNI); empty without TLS, and where no name is needed. */
  serverName = '';
  /** What rules have found out about the codings that the client accepts; see compression/. */
  accepts = 0;
  /** Its server connections serve nobody else; see binding.ts. */
  binds = false;
  private own!: HttpProfile;
  /** The connection of the client ends with this exchange. */
  last = false;
  /** What consistent hash goes by. */
  private hashKey = 0;
  /** Time of the complete head, `transport.now()`. */
  startedAt = 0;
  /** What was sent of the request, as long as it is small and no answer has come. */
  private replay: Replay | null = null;
  private replayable = false;
  /** When the request was given to the connection that answered, and when the first byte of the answer came. */
  private forwardedAt = 0;
  private firstByteAt = 0;
  /** It still is the moment of the first byte: the clock need not be read again. The link sets it, if it likes. */
  atFirstByte = false;
  /** Who answered; null while nobody has. */
  private answeredBy: ServerRuntime | null = null;
  /** The response is complete and not measured yet, since its last bytes have not left. */
  private unmeasured = false;
  /** When the last bytes of a request that is not idempotent went out on a connection used before. */
  private sentAt = 0;

  constructor(public connection: ClientConnection) {}

  get idempotent(): boolean {
    return isIdempotent(this.method);
  }

  /** Of the request; between requests that of the next one. */
  get profile(): HttpProfile {
    return this.config === null ? profileOf(this.connection.placement.service.config) : this.own;
  }

  /** Milliseconds from the whole request to the head of its response; 0 is for ever. */
  get responseTimeout(): number {
    return this.profile.server_response_timeout;
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
    this.method = method;
    this.startedAt = this.connection.context.transport.now();
    this.responseStarted = false;
    this.requestDone = false;
    this.upgrade = false;
    this.expects = false;
    this.plain = false;
    this.attempts = 0;
    this.clientAddress = null;
    this.requestId = '';
    this.host = '';
    this.accepts = 0;
    this.last = false;
    this.connection.count(VS.REQUESTS, 1);
    this.connection.count(VS.REQUESTS_ACTIVE, 1);
  }

  /**
   * Sends a request on its way: `head` describes b[head.start..bodyAt), the part of the body that is there follows up
   * to `bodyEnd`. Set `requestDone` and `expects` before.
   * @param rest bytes of the body that are still to come; Infinity when nobody knows
   */
  protected route(head: Head, b: Uint8Array, bodyAt: number, bodyEnd: number, rest: number): void {
    if (head.lastHop) {
      this.answer(lastHopResponse(head.method));
      return;
    }
    if (this.connection.context.budget.exceeded) {
      this.answer(OVERLOADED);
      return;
    }
    const { rules } = this.config!;
    const { profile } = this;
    requestEdits.clear();
    if (hasLongField(head, bodyAt, profile.max_field_size)) {
      this.answer(plainResponse(431, 'a request header is too large'));
      return;
    }
    if (rules !== null && !rules.onRequest(this, requestMessage.of(b, head), requestEdits)) return;
    const { pool } = this;
    this.serverName = this.nameIn(pool, head, b);
    const own = this.binds ? (pool?.protocol.bound?.(this) ?? null) : null;
    const { hash } = pool ?? NO_POOL;
    this.hashKey = hash === null ? 0 : requestKey(hash, this, requestMessage.of(b, head));
    const server = own === null ? (this.wanted ?? pool?.pick(null, this.hashKey) ?? null) : own.server;
    if (server === null) {
      this.answer(plainResponse(503, pool === null ? 'the virtual service has no pool' : pool.whyNot()));
      return;
    }
    if (server.pool !== pool) this.serverName = this.nameIn(server.pool, head, b);
    this.upgrade = this.requestDone && profile.websockets_enabled !== false && offersUpgrade(head, b);
    if (this.expects && profile.respond_with_100_continue === true) this.goOn(head, b, bodyAt === bodyEnd);
    forwardRequest(this, head, b, bodyAt, bodyEnd, requestEdits);
    const from = forwarded;
    this.replay?.release();
    this.replay = null;
    this.replayable = true;
    this.attempts = 1;
    this.forwardedAt = this.startedAt;
    // What cannot be kept for a second try must not meet a connection that may be dead.
    const mayReuse = from.end - from.start + rest <= MOST_REPLAY;
    const link = own ?? server.pool!.protocol.take(this.connection.context, server, this, mayReuse);
    this.link = link;
    if (!this.begin(link, from.b, from.start, from.bodyAt, from.end) && !this.requestDone)
      this.pauseRequest();
  }

  /** What TLS calls a server of the pool, for this request. */
  private nameIn(pool: Pool | null, head: Head, b: Uint8Array): string {
    const tls = pool === null ? null : pool.tls;
    return tls === null ? '' : tls.nameFor(requestMessage.of(b, head).host);
  }

  /** Lets the client send its body, on our own account: the server is not asked. */
  private goOn(head: Head, b: Uint8Array, waiting: boolean): void {
    this.expects = false;
    head.drop(requestMessage.of(b, head).find('expect'));
    // RFC 9110 section 10.1.1: not needed when part of the body is there already.
    if (waiting && !this.requestDone) sendContinue(this);
  }

  /** Sends the head and what is there of the body, or keeps it until the link is ready. */
  private begin(link: HttpServerLink, b: Uint8Array, start: number, bodyAt: number, end: number): boolean {
    if (!link.ready || end - start <= MOST_REPLAY) {
      this.keep(b, start, end);
      this.replay!.bodyAt = bodyAt - start;
    } else this.replayable = false;
    if (!link.ready) return false;
    if (link.reused && !this.idempotent) this.sentAt = this.connection.context.transport.now();
    return link.begin(b, start, bodyAt, end);
  }

  /** More of the request's body. False: wait for `serverTakes`. */
  protected requestBody(b: Uint8Array, start: number, end: number): boolean {
    const { link } = this;
    if (link === null) return true;
    if (!link.ready) {
      this.keep(b, start, end);
      return false;
    }
    if (this.replayable) {
      if ((this.replay?.length ?? 0) + end - start <= MOST_REPLAY) this.keep(b, start, end);
      else this.forgetReplay();
    }
    if (link.reused && !this.idempotent) this.sentAt = this.connection.context.transport.now();
    return link.more(b, start, end);
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
    return (this.replay?.length ?? 0) + (this.link?.heldBytes?.() ?? 0) + (this.filter?.heldBytes() ?? 0);
  }

  private keep(b: Uint8Array, start: number, end: number): void {
    this.replay ??= Replay.take(end - start);
    this.replay.append(b, start, end);
  }

  private forgetReplay(): void {
    this.replayable = false;
    this.replay?.release();
    this.replay = null;
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

  /** Ends the exchange without an answer: the client's connection (or stream) is reset. */
  refuseSilently(): void {
    if (this.ownSocket) this.connection.because(CLOSED_BY.POLICY);
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
    this.forgetReplay();
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

  /** The link can be written to: what was kept meanwhile goes out. */
  linkReady(link: HttpServerLink): void {
    this.forwardedAt = this.connection.context.transport.now();
    const replay = this.replay!;
    const taken = link.begin(replay.bytes(), 0, replay.bodyAt, replay.length);
    if (replay.length > MOST_REPLAY) this.forgetReplay();
    if (taken) this.serverTakes();
  }

  /** A new connection was made for this request. */
  linkOpened(milliseconds: number, link: HttpServerLink): void {
    link.server.opened(milliseconds);
    this.connection.placement.service.record(VS_HISTOGRAM.SERVER_CONNECT, milliseconds * 1000);
  }

  /** A round trip of the server was measured: microseconds, or -1. */
  sampled(rtt: number): void {
    if (rtt >= 0) this.connection.placement.service.record(VS_HISTOGRAM.SERVER_RTT, rtt);
  }

  /** Bytes of a response have come: the request will not be sent again. */
  linkAnswers(): void {
    this.firstByteAt = this.connection.context.transport.now();
    this.answeredBy = this.link === null ? null : this.link.server;
    this.forgetReplay();
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
    if (this.filter === null) this.filterDone();
    else this.filter.finish();
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

  /**
   * The link cannot serve the request (any more) and has let go of it. The request goes to another connection when
   * nothing of a response has come and all that was sent is at hand, and: the server was never reached, or the
   * method may be repeated (RFC 9110 section 9.2.2), or a kept connection turns out to have been closed before the
   * request could reach the server.
   */
  linkFailed(link: HttpServerLink, failure: Failure): void {
    link.server.failed(failure.kind);
    this.link = null;
    const other = this.mayRepeat(link, failure) ? this.another(link.server) : null;
    if (other !== null) this.repeat(other);
    else this.serverFailed(failure);
  }

  private mayRepeat(link: HttpServerLink, failure: Failure): boolean {
    if (link.answering || this.attempts >= MOST_ATTEMPTS || !failure.repeatable) return false;
    if (!link.ready) return true;
    if (!this.replayable || this.replay === null) return false;
    if (this.idempotent || link.unprocessed === true) return true;
    return link.reused && this.connection.context.transport.now() - this.sentAt < STALE_WITHIN;
  }

  /**
   * Another server for the request that `failed` could not serve: of its pool as it is now, not as it was when the
   * request began, since the change may be the very reason.
   */
  private another(failed: ServerRuntime): ServerRuntime | null {
    const { hashKey } = this;
    const config = this.connection.placement.service.config;
    // What rules sent elsewhere must not come to the pool that they kept it from.
    const now = this.routed
      ? (config.targets.pools.get(failed.pool?.spec.uuid ?? '') ?? null)
      : poolFor(config);
    return failed.pool?.pick(failed, hashKey) ?? now?.pick(failed, hashKey) ?? null;
  }

  private repeat(server: ServerRuntime): void {
    server.count(SERVER.RETRIES, 1);
    this.attempts++;
    this.replayable = true;
    this.forwardedAt = this.connection.context.transport.now();
    const link = server.pool!.protocol.take(this.connection.context, server, this, false);
    this.link = link;
    if (link.ready) this.linkReady(link);
  }

  private serverFailed({ status, reason, kind }: Failure): void {
    if (!this.responseStarted) {
      this.answer(plainResponse(status, reason, OWN_FOR[kind]));
      return;
    }
    this.connection.count(VS.TRUNCATED, 1);
    this.over();
    this.cut();
  }

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
    this.forgetReplay();
    this.begins(101);
  }
}
