import { CLOSED_BY, VS } from '@spillway/telemetry';
import type { HttpProfile, Service } from '@spillway/snapshot';
import { ClientConnection } from '../core/connection.js';
import type { OwnFacts } from '../core/describe.js';
import type { PlaneContext } from '../core/context.js';
import type { PlacementRuntime } from '../core/placement.js';
import { plainResponse } from '../http/own-response.js';
import { profileOf } from '../http/profile.js';
import { Framing } from '../http/server-link.js';
import type { CloseReason, Deferred, Socket } from '../transport/seam.js';
import { Http1Exchange } from './exchange.js';
import { METHOD, type Head } from './head.js';
import { Held } from './held.js';
import { HALF_CLOSE_MS, KEEP_ALIVE_PROBES_MS, LINGER_MS, STALLED_MS } from './limits.js';
import { INCOMPLETE, REFUSE, refusalOf } from './refusal.js';
import { request, scanRequest } from './scan-request.js';

const enum State {
  /** Waits for a request head, or has a part of one. */
  Head,
  /** Passes on a request body. */
  Body,
  /** The request is complete, its response is not. */
  Wait,
  Tunnel,
  /** The last response is written; what the client still sends is dropped. */
  Linger,
  Dead,
}

const STATES = ['idle or head', 'request body', 'response', 'tunnel', 'linger', 'over'] as const;

/** A client's HTTP/1.x connection: one request after the other, each an exchange with a server of its choice. */
export class HttpClient extends ClientConnection implements Deferred {
  private state = State.Head;
  /** The request in hand, or the last one of this connection; none while it waits for the next. */
  private exchange: Http1Exchange | null = null;
  /** Is over, but its last bytes have not left. */
  private leaving: Http1Exchange | null = null;
  /** Received and not used: the start of a head, or requests sent ahead. */
  private held: Held | null = null;
  private paused = false;
  /** The client has ended its direction. */
  private ended = false;
  private queuedBefore = 0;
  /** The client has said that it sends no further request. */
  private lastRequest = false;
  /** Part of a head has come and its time runs. */
  private inHead = false;
  private requests = 0;
  /** Milliseconds that the client was told its connection is kept; 0 when it was told nothing. */
  keepFor = 0;
  /** The connection stays open after this response. */
  keep = true;

  constructor(
    context: PlaneContext,
    socket: Socket,
    placement: PlacementRuntime,
    service: Service,
    before: ClientConnection | null,
  ) {
    super(context, socket, placement, service, before);
    const { profile } = this;
    context.clock.arm(this, profile.post_accept_timeout ?? profile.client_header_timeout);
  }

  protected override doing(): OwnFacts {
    const { exchange } = this;
    const under = exchange === null || exchange.config === null ? null : exchange.describe();
    return {
      protocol: 'http1',
      state: STATES[this.state],
      requests: under === null ? 0 : 1,
      request: under,
      server: exchange?.link?.server.key ?? '',
    };
  }

  override heldBytes(): number {
    return super.heldBytes() + (this.held?.data.length ?? 0) + (this.exchange?.heldBytes() ?? 0);
  }

  // What the client does

  onData(data: Uint8Array, start: number, end: number): void {
    this.count(VS.BYTES_IN, end - start);
    switch (this.state) {
      case State.Head:
        this.head(data, start, end);
        return;
      case State.Body:
        this.body(data, start, end);
        return;
      case State.Wait:
        this.hold(data, start, end);
        this.pause();
        return;
      case State.Tunnel:
        if (!this.exchange!.link!.tunnel(data, start, end)) this.pause();
        return;
      case State.Linger:
      case State.Dead:
    }
  }

  onDrain(): void {
    this.lastLeft();
    if (this.state === State.Wait || this.state === State.Tunnel) this.context.clock.disarm(this);
    const { exchange } = this;
    if (exchange !== null && (exchange.link !== null || exchange.filter !== null)) exchange.clientTakes();
    else if (this.state === State.Head && this.held !== null) this.run();
  }

  onEnd(): void {
    this.ended = true;
    switch (this.state) {
      case State.Head:
        this.finish();
        return;
      case State.Body:
        this.kill();
        return;
      case State.Wait:
        if (!this.exchange!.responseStarted) this.context.clock.arm(this, HALF_CLOSE_MS);
        return;
      case State.Tunnel:
        this.exchange!.link!.clientEnded();
        return;
      case State.Linger:
      case State.Dead:
        this.socket.close();
    }
  }

  override onClose(reason: CloseReason): void {
    super.onClose(reason);
    const { exchange } = this;
    if (exchange !== null && exchange.config !== null && this.state !== State.Tunnel)
      this.count(VS.CLIENT_ABORTS, 1);
    this.state = State.Dead;
    this.held = null;
    this.lastLeft();
    exchange?.clientGone(reason === 'end');
  }

  /** All that was written has left, or never will: what waited for that is measured. */
  private lastLeft(): void {
    this.exchange?.drained();
    const { leaving } = this;
    if (leaving === null) return;
    this.leaving = null;
    leaving.drained();
    leaving.release();
  }

  override onTimeout(): void {
    switch (this.state) {
      case State.Head:
        if (this.socket.queued > 0) this.readerStalled();
        else if (this.held === null) {
          this.because(CLOSED_BY.IDLE);
          this.finish();
        } else this.refuse(408, 'the request head took too long');
        return;
      case State.Body:
        this.exchange!.dropServer();
        if (this.paused) this.refuse(504, 'the server took too long to take the request');
        else this.refuse(408, 'the request body took too long');
        return;
      case State.Wait:
      case State.Tunnel:
      case State.Linger:
        this.readerStalled();
        return;
      case State.Dead:
    }
  }

  kill(): void {
    this.socket.reset();
  }

  /** Takes up what was held, now that the response before it is out. */
  run(): void {
    const { held } = this;
    if (this.state !== State.Head || held === null) return;
    if (this.socket.queued > 0) {
      this.watchReader();
      return;
    }
    this.held = null;
    if (this.request(held.data, held.start, held.end, held)) return;
    if (this.ended) this.finish();
    else this.resume();
  }

  // Requests

  private head(data: Uint8Array, start: number, end: number): void {
    if (this.socket.queued > 0) {
      // The response before is not out: no more is taken on until it is.
      this.hold(data, start, end);
      this.pause();
      this.watchReader();
      return;
    }
    const { held } = this;
    if (held === null) {
      this.request(data, start, end, null);
      return;
    }
    held.append(data, start, end);
    this.held = null;
    this.request(held.data, held.start, held.end, held);
  }

  /**
   * Takes on the request whose head begins at `start`; `own` when the bytes are this connection's own memory.
   * @returns false when the head is not complete
   */
  private request(b: Uint8Array, start: number, end: number, own: Held | null): boolean {
    const { config } = this.placement.service;
    const http = profileOf(config);
    const bodyAt = scanRequest(b, start, end, http.max_header_size, http.max_header_count);
    if (bodyAt < 0) {
      if (bodyAt !== INCOMPLETE) {
        if (this.exchange !== null) this.exchange.requestDone = false;
        this.refuseCode(bodyAt);
        return true;
      }
      if (request.start >= end) {
        // Nothing but blank lines: the idle connection's time goes on.
        this.inHead = false;
        return false;
      }
      this.keepHeld(b, start, end, own);
      // The time for a head counts from its first byte and is not prolonged by the next.
      if (!this.inHead) this.context.clock.arm(this, http.client_header_timeout);
      this.inHead = true;
      return false;
    }
    this.inHead = false;
    const exchange = (this.exchange ??= Http1Exchange.of(this));
    const head = request;
    const most = http.max_keepalive_requests;
    this.keep = head.persistent && (most === undefined || most === 0 || ++this.requests < most);
    this.lastRequest = !head.persistent;
    exchange.begin1(config, head.method, head.minor);
    exchange.expects = head.expectContinue && head.minor === 1;
    // RFC 9110 section 7.4: an https resource is served over TLS only.
    const misdirected = head.https && this.tls === null;
    const bodyEnd = misdirected ? REFUSE.TARGET_HTTPS : this.frame(head, b, bodyAt, end, http.max_body_size);
    if (bodyEnd < 0) {
      this.refuseCode(bodyEnd);
      return true;
    }
    if (exchange.requestDone) {
      this.state = State.Wait;
      this.context.clock.disarm(this);
      if (bodyEnd < end) {
        this.keepHeld(b, bodyEnd, end, own);
        this.pause();
      }
    } else this.context.clock.arm(this, http.client_body_timeout);
    const rest = exchange.requestDone ? 0 : head.chunked ? Infinity : exchange.body.remaining;
    exchange.routeRequest(head, b, bodyAt, bodyEnd, rest);
    return true;
  }

  /** Sets state and `requestDone`; the position behind this request in `b`, or a code of REFUSE. */
  private frame(head: Head, b: Uint8Array, bodyAt: number, end: number, mostBody: number): number {
    const exchange = this.exchange!;
    const length = head.contentLength;
    if (mostBody > 0 && length > mostBody) return REFUSE.BODY_TOO_LARGE;
    if (length <= 0 && !head.chunked) {
      exchange.requestDone = true;
      return bodyAt;
    }
    const { body } = exchange;
    body.begin(head.chunked ? Framing.Chunked : Framing.Length, length, mostBody);
    const bodyEnd = body.take(b, bodyAt, end, false);
    exchange.requestDone = body.done;
    if (!body.done) this.state = State.Body;
    return bodyEnd;
  }

  private body(data: Uint8Array, start: number, end: number): void {
    const exchange = this.exchange!;
    const bodyEnd = exchange.body.take(data, start, end, false);
    if (bodyEnd < 0) {
      exchange.dropServer();
      this.refuseCode(bodyEnd);
      return;
    }
    if (exchange.body.done) {
      exchange.requestDone = true;
      this.state = State.Wait;
      this.context.clock.disarm(this);
      if (bodyEnd < end) {
        this.hold(data, bodyEnd, end);
        this.pause();
      }
    } else this.context.clock.arm(this, this.profile.client_body_timeout);
    if (!exchange.sendBody(data, start, bodyEnd) && !exchange.requestDone) this.pause();
  }

  private get profile(): HttpProfile {
    return this.exchange === null ? profileOf(this.placement.service.config) : this.exchange.profile;
  }

  // What the exchange does

  /** Bytes of the response; false when the client does not take them fast enough. */
  send(data: Uint8Array, start: number, end: number): boolean {
    const taken = this.write(data, start, end);
    if (!taken) this.watchReader();
    return taken;
  }

  /** The head of the final response is about to be sent. */
  responseBegins(): void {
    if (this.state === State.Wait) this.context.clock.disarm(this);
  }

  /** 101: from here on bytes go both ways. */
  becomeTunnel(): void {
    this.state = State.Tunnel;
    this.socket.keepAlive(KEEP_ALIVE_PROBES_MS);
    this.context.clock.disarm(this);
    const { held } = this;
    this.held = null;
    if (held !== null && !this.exchange!.link!.tunnel(held.data, held.start, held.end)) return;
    this.resume();
  }

  /** The response is out and the exchange is over. */
  exchangeDone(): void {
    this.context.clock.disarm(this);
    const exchange = this.exchange!;
    if (!this.keep || !exchange.requestDone || (this.ended && this.held === null)) {
      this.finish();
      return;
    }
    this.state = State.Head;
    if (this.held !== null) {
      this.context.transport.defer(this);
      return;
    }
    this.exchange = null;
    if (exchange.isLeaving) this.leaving = exchange;
    else exchange.release();
    this.context.clock.arm(this, this.keepFor > 0 ? this.keepFor : this.profile.keepalive_timeout);
    this.resume();
  }

  /** A response of the engine's own comes: decides whether the connection can stay. */
  beforeOwn(): void {
    if (this.placement.draining || !this.exchange!.requestDone || (this.ended && this.held === null))
      this.keep = false;
  }

  serverTakes(): void {
    if (this.state === State.Body || this.state === State.Tunnel) this.resume();
  }

  /** The tunnel is over at the server's side. */
  tunnelOver(inOrder: boolean): void {
    this.state = State.Linger;
    if (inOrder) this.socket.close();
    else this.kill();
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  // Ends

  private refuseCode(code: number): void {
    const { status, text } = refusalOf(code);
    this.refuse(status, text);
  }

  /** Answers a request that cannot be read on: the connection ends with it. */
  private refuse(status: number, reason: string): void {
    const exchange = (this.exchange ??= Http1Exchange.of(this));
    if (status === 408) this.because(CLOSED_BY.TIMEOUT);
    this.keep = false;
    // It may never have become a request, but it was one to the client.
    if (exchange.config === null) exchange.begin1(this.placement.service.config, METHOD.OTHER, 1);
    if (exchange.responseStarted) {
      exchange.end();
      this.kill();
      return;
    }
    exchange.answer(plainResponse(status, reason));
  }

  /** Ends this direction; the client gets time to take the last bytes and to end its own. */
  private finish(): void {
    this.state = State.Linger;
    this.because(this.ended ? CLOSED_BY.CLIENT : CLOSED_BY.ENGINE);
    // Closing with bytes unread would reset the connection and might cost the client our last ones.
    const nothingToCome =
      this.ended || (this.lastRequest && this.exchange?.requestDone === true && this.held === null);
    this.held = null;
    if (nothingToCome) {
      this.socket.close();
      this.watchReader();
      return;
    }
    this.socket.shutdown();
    this.resume();
    this.queuedBefore = this.socket.queued;
    this.context.clock.arm(this, this.socket.queued > 0 ? STALLED_MS : LINGER_MS);
  }

  /** A slow reader that moves on is left alone. */
  private readerStalled(): void {
    if (this.socket.queued > 0 && this.socket.queued !== this.queuedBefore) this.watchReader();
    else {
      this.because(CLOSED_BY.TIMEOUT);
      this.kill();
    }
  }

  private watchReader(): void {
    this.queuedBefore = this.socket.queued;
    this.context.clock.arm(this, STALLED_MS);
  }

  private hold(data: Uint8Array, start: number, end: number): void {
    if (this.held === null) this.held = new Held(data, start, end);
    else this.held.append(data, start, end);
  }

  /** Holds bytes that may lie in memory that is held already. */
  private keepHeld(data: Uint8Array, start: number, end: number, own: Held | null): void {
    if (own === null) this.held = new Held(data, start, end);
    else {
      own.start = start;
      own.end = end;
      this.held = own;
    }
  }

  private resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }
}
