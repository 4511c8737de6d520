import { VS } from '@spillway/telemetry';
import { latin1 } from '../bytes.js';
import { ClientConnection } from '../core/connection.js';
import type { ServerRuntime } from '../core/server.js';
import type { ServiceConfig } from '../core/service.js';
import type { CloseReason, Deferred } from '../transport/seam.js';
import { ChunkScanner } from './chunked.js';
import { forwardRequest, offersUpgrade } from './forward.js';
import { isIdempotent, METHOD, type Head } from './head.js';
import { Held } from './held.js';
import { HALF_CLOSE_MS, KEEP_ALIVE_PROBES_MS, LINGER_MS, MOST_REPLAY, STALLED_MS } from './limits.js';
import { INCOMPLETE, REFUSE, refusalOf } from './refusal.js';
import { profileOf } from './profile.js';
import { reply } from './reply.js';
import { request, scanRequest } from './scan-request.js';
import { ServerConnection } from './server.js';
import type { HttpProfile } from '@spillway/snapshot';

const enum State {
  /** Waits for a request head, or has a part of one. */
  Head,
  /** Passes on a request body of known length. */
  Body,
  /** Passes on a chunked request body. */
  Chunks,
  /** The request is complete, its response is not. */
  Wait,
  Tunnel,
  /** The last response is written; what the client still sends is dropped. */
  Linger,
  Dead,
}

/** A client's HTTP/1.x connection: one request after the other, each passed on to a server of its choice. */
export class HttpClient extends ClientConnection implements Deferred {
  private state = State.Head;
  /** The connection to the server that serves the request. */
  private server: ServerConnection | null = null;
  /** Under which the request runs. */
  private config: ServiceConfig | null = null;
  /** Received and not used: the start of a head, or requests sent ahead. */
  private held: Held | null = null;
  private paused = false;
  /** The client has ended its direction. */
  private ended = false;
  private forwarded: Uint8Array | null = null;
  private chunks: ChunkScanner | null = null;
  private remaining = 0;
  private startedAt = 0;
  private queuedBefore = 0;
  /** The client has said that it sends no further request. */
  private lastRequest = false;
  /** Part of a head has come and its time runs. */
  private inHead = false;

  /** The connection stays open after this response. */
  keep = true;
  minor = 1;
  method = 0;
  /** The whole request has been passed on. */
  requestDone = false;
  /** Bytes of the final response have been written. */
  responseStarted = false;
  /** The client asked for another protocol, and may be answered with 101. */
  upgrade = false;
  /** The client waits for 100 before it sends its body. */
  expects = false;
  /** Connections tried for this request. */
  attempts = 0;

  /** Call once after construction. */
  begin(): this {
    this.context.clock.arm(this, this.profile().client_header_timeout);
    return this;
  }

  private profile(): HttpProfile {
    return profileOf(this.config ?? this.placement.service.config);
  }

  get idempotent(): boolean {
    return isIdempotent(this.method);
  }

  get responseTimeout(): number {
    return this.profile().server_response_timeout;
  }

  get idleTimeout(): number {
    return this.profile().server_idle_timeout;
  }

  // What the client does

  onData(data: Uint8Array, start: number, end: number): void {
    this.count(VS.BYTES_IN, end - start);
    switch (this.state) {
      case State.Head:
        this.head(data, start, end);
        return;
      case State.Body:
      case State.Chunks:
        this.body(data, start, end);
        return;
      case State.Wait:
        this.hold(data, start, end);
        this.pause();
        return;
      case State.Tunnel:
        if (!this.server!.tunnel(data, start, end)) this.pause();
        return;
      case State.Linger:
      case State.Dead:
    }
  }

  onDrain(): void {
    if (this.state === State.Wait || this.state === State.Tunnel) this.context.clock.disarm(this);
    if (this.server !== null) this.server.clientTakes();
    else if (this.state === State.Head && this.held !== null) this.run();
  }

  onEnd(): void {
    this.ended = true;
    switch (this.state) {
      case State.Head:
        this.finish();
        return;
      case State.Body:
      case State.Chunks:
        this.kill();
        return;
      case State.Wait:
        if (!this.responseStarted) this.context.clock.arm(this, HALF_CLOSE_MS);
        return;
      case State.Tunnel:
        this.server!.clientEnded();
        return;
      case State.Linger:
      case State.Dead:
        this.socket.close();
    }
  }

  override onClose(reason: CloseReason): void {
    super.onClose(reason);
    const { server } = this;
    if (this.config !== null && this.state !== State.Tunnel) this.count(VS.CLIENT_ABORTS, 1);
    this.requestOver();
    this.state = State.Dead;
    this.held = null;
    this.server = null;
    server?.clientGone(reason === 'end');
  }

  override onTimeout(): void {
    switch (this.state) {
      case State.Head:
        if (this.socket.queued > 0) this.readerStalled();
        else if (this.held === null) this.finish();
        else this.refuse(408, 'the request head took too long');
        return;
      case State.Body:
      case State.Chunks:
        this.giveUpServer();
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
        this.requestDone = false;
        this.refuseCode(bodyAt);
        return true;
      }
      if (request.start >= end) return false; // nothing but blank lines
      this.keepHeld(b, start, end, own);
      // The time for a head counts from its first byte and is not prolonged by the next.
      if (!this.inHead) this.context.clock.arm(this, http.client_header_timeout);
      this.inHead = true;
      return false;
    }
    this.inHead = false;
    const head = request;
    this.config = config;
    this.startedAt = this.context.transport.now();
    this.minor = head.minor;
    this.method = head.method;
    this.keep = head.persistent;
    this.lastRequest = !head.persistent;
    this.expects = head.expectContinue && head.minor === 1;
    this.responseStarted = false;
    this.requestDone = false;
    this.attempts = 0;
    this.count(VS.REQUESTS, 1);
    this.count(VS.REQUESTS_ACTIVE, 1);
    const bodyEnd = this.frame(head, b, bodyAt, end, http.max_body_size);
    if (bodyEnd < 0) {
      this.refuseCode(bodyEnd);
      return true;
    }
    if (this.requestDone) {
      this.state = State.Wait;
      this.context.clock.disarm(this);
      if (bodyEnd < end) {
        this.keepHeld(b, bodyEnd, end, own);
        this.pause();
      }
    } else this.context.clock.arm(this, http.client_body_timeout);
    const { pool } = config;
    const server = pool === null ? null : pool.pick(null);
    if (server === null) {
      this.answer(503, pool === null ? 'the virtual service has no pool' : pool.whyNot());
      return true;
    }
    this.upgrade = this.requestDone && offersUpgrade(head, b);
    const from = forwardRequest(
      head,
      b,
      this.socket,
      this.upgrade,
      http.xff_enabled ? this.forwardedLine() : null,
    );
    this.pass(server, b, from, bodyEnd, head);
    return true;
  }

  /** Sets state and `requestDone`; the position behind this request in `b`, or a code of REFUSE. */
  private frame(head: Head, b: Uint8Array, bodyAt: number, end: number, mostBody: number): number {
    if (head.chunked) {
      const chunks = (this.chunks ??= new ChunkScanner());
      chunks.begin(mostBody);
      const bodyEnd = chunks.scan(b, bodyAt, end);
      if (bodyEnd >= 0) this.requestDone = true;
      else if (bodyEnd !== INCOMPLETE) return bodyEnd;
      else this.state = State.Chunks;
      return bodyEnd >= 0 ? bodyEnd : end;
    }
    const length = head.contentLength;
    if (length <= 0) {
      this.requestDone = true;
      return bodyAt;
    }
    if (mostBody > 0 && length > mostBody) return REFUSE.BODY_TOO_LARGE;
    if (end - bodyAt >= length) {
      this.requestDone = true;
      return bodyAt + length;
    }
    this.remaining = length - (end - bodyAt);
    this.state = State.Body;
    return end;
  }

  private forwardedLine(): Uint8Array {
    return (this.forwarded ??= latin1(`X-Forwarded-For: ${this.socket.remoteAddress}\r\n`));
  }

  private pass(server: ServerRuntime, b: Uint8Array, start: number, end: number, head: Head): void {
    // What cannot be kept for a second try must not meet a connection that may be dead.
    const replayable = this.requestDone
      ? end - start <= MOST_REPLAY
      : !head.chunked && end - start + this.remaining <= MOST_REPLAY;
    const link = ServerConnection.take(this.context, server, replayable);
    this.server = link;
    this.attempts = 1;
    const taken = link.begin(this, b, start, end);
    if (!taken && !this.requestDone) this.pause();
  }

  private body(data: Uint8Array, start: number, end: number): void {
    let bodyEnd = end;
    if (this.state === State.Body) {
      const n = end - start;
      if (n >= this.remaining) {
        bodyEnd = start + this.remaining;
        this.remaining = 0;
        this.requestDone = true;
      } else this.remaining -= n;
    } else {
      const at = this.chunks!.scan(data, start, end);
      if (at >= 0) {
        bodyEnd = at;
        this.requestDone = true;
      } else if (at !== INCOMPLETE) {
        this.giveUpServer();
        this.refuseCode(at);
        return;
      }
    }
    if (this.requestDone) {
      this.state = State.Wait;
      this.context.clock.disarm(this);
      if (bodyEnd < end) {
        this.hold(data, bodyEnd, end);
        this.pause();
      }
    } else this.context.clock.arm(this, this.profile().client_body_timeout);
    if (this.server !== null && !this.server.more(data, start, bodyEnd) && !this.requestDone) this.pause();
  }

  // What the server does

  /** Bytes of the response; false when the client does not take them fast enough. */
  send(data: Uint8Array, start: number, end: number): boolean {
    const taken = this.write(data, start, end);
    if (!taken) this.watchReader();
    return taken;
  }

  /** The head of the final response is about to be written. */
  responseBegins(status: number): void {
    this.responseStarted = true;
    this.count(VS.RESPONSES_1XX - 1 + Math.min(5, (status / 100) | 0), 1);
    if (this.state === State.Wait) this.context.clock.disarm(this);
  }

  /** 101: from here on bytes go both ways. */
  becomeTunnel(): void {
    this.state = State.Tunnel;
    this.socket.keepAlive(KEEP_ALIVE_PROBES_MS);
    this.responseBegins(101);
    this.context.clock.disarm(this);
    const { held } = this;
    this.held = null;
    if (held !== null && !this.server!.tunnel(held.data, held.start, held.end)) return;
    this.resume();
  }

  /** The response is complete. */
  responseDone(): void {
    this.context.clock.disarm(this);
    this.placement.service.record(this.context.transport.now() - this.startedAt);
    this.server = null;
    this.requestOver();
    if (!this.keep || !this.requestDone || (this.ended && this.held === null)) {
      this.finish();
      return;
    }
    this.state = State.Head;
    if (this.held !== null) {
      this.context.transport.defer(this);
      return;
    }
    this.context.clock.arm(this, this.profile().keepalive_timeout);
    this.resume();
  }

  /** The response cannot be had (any more). */
  serverFailed(status: number, reason: string): void {
    this.server = null;
    if (this.responseStarted) {
      this.count(VS.TRUNCATED, 1);
      this.requestOver();
      this.kill();
      return;
    }
    this.answer(status, reason);
  }

  /**
   * Another server for the request that `failed` could not serve: of its pool as it is now, not as it was when the
   * request began, since the change may be the very reason.
   */
  another(failed: ServerRuntime): ServerRuntime | null {
    return failed.pool?.pick(failed) ?? this.placement.service.config.pool?.pick(failed) ?? null;
  }

  movedTo(link: ServerConnection): void {
    this.server = link;
    this.attempts++;
  }

  /** The server takes more of the request. */
  serverTakes(): void {
    if (this.state === State.Body || this.state === State.Chunks || this.state === State.Tunnel)
      this.resume();
  }

  serverEnded(): void {
    this.socket.shutdown();
  }

  /** The tunnel is over at the server's side. */
  tunnelClosed(inOrder: boolean): void {
    this.server = null;
    this.requestOver();
    this.state = State.Linger;
    if (inOrder) this.socket.close();
    else this.kill();
  }

  // Ends

  private refuseCode(code: number): void {
    const { status, text } = refusalOf(code);
    this.refuse(status, text);
  }

  /** Answers a request that cannot be read on: the connection ends with it. */
  private refuse(status: number, reason: string): void {
    this.keep = false;
    if (this.config === null) {
      // It never became a request, but it was one to the client.
      this.config = this.placement.service.config;
      this.startedAt = this.context.transport.now();
      this.method = METHOD.OTHER;
      this.responseStarted = false;
      this.count(VS.REQUESTS, 1);
      this.count(VS.REQUESTS_ACTIVE, 1);
    }
    if (this.responseStarted) {
      this.requestOver();
      this.kill();
      return;
    }
    this.answer(status, reason);
  }

  /** A response of the engine's own. */
  private answer(status: number, reason: string): void {
    if (this.placement.draining || !this.requestDone || (this.ended && this.held === null)) this.keep = false;
    const connection = this.keep ? (this.minor === 0 ? 'keep-alive' : '') : 'close';
    const bytes = reply(status, reason, connection, this.method !== METHOD.HEAD);
    this.count(VS.RESPONSES_OWN, 1);
    this.responseBegins(status);
    this.write(bytes, 0, bytes.length);
    this.responseDone();
  }

  private requestOver(): void {
    if (this.config === null) return;
    this.config = null;
    this.count(VS.REQUESTS_ACTIVE, -1);
  }

  private giveUpServer(): void {
    const { server } = this;
    this.server = null;
    server?.clientGone(false);
  }

  /** Ends this direction; the client gets time to take the last bytes and to end its own. */
  private finish(): void {
    this.state = State.Linger;
    // Closing with bytes unread would reset the connection and might cost the client our last ones.
    const nothingToCome = this.ended || (this.lastRequest && this.requestDone && this.held === null);
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
    else this.kill();
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

  private pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  private resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }
}
