import { SERVER } from '@spillway/telemetry';
import { Timed } from '../core/clock.js';
import { connectTo } from '../core/connect.js';
import type { BoundLink, ClientConnection } from '../core/connection.js';
import type { PlaneContext } from '../core/context.js';
import type { IdleLink, ServerRuntime } from '../core/server.js';
import type { Exchange } from '../http/exchange.js';
import { MOST_DRAINED, MOST_DRAINING_MS } from '../http/limits.js';
import {
  FAILED,
  Framing,
  type Failure,
  type HttpServerLink,
  portOf,
  type ServerProtocol,
} from '../http/server-link.js';
import type { CloseReason, Socket, SocketHandler } from '../transport/seam.js';
import { MessageBody } from './body.js';
import { METHOD, type Head } from './head.js';
import { Held } from './held.js';
import { KEEP_ALIVE_PROBES_MS } from './limits.js';
import { INCOMPLETE } from './refusal.js';
import { MOST_RESPONSE_FIELDS, MOST_RESPONSE_HEAD, response, scanResponse } from './scan-response.js';

const enum State {
  Connecting,
  /** Waits for a response head, or has a part of one. */
  Head,
  Body,
  Tunnel,
  /** Reads the rest of a response that nobody gets, to be kept. */
  Draining,
  Idle,
  Dead,
}

/** An HTTP/1.1 connection to a server; serves one request at a time and is kept for the next. */
export class ServerConnection extends Timed implements SocketHandler, HttpServerLink, IdleLink {
  busyPlace = -1;
  work = 0;
  takenAt = 0;
  newer: IdleLink | null = null;
  older: IdleLink | null = null;

  private socket!: Socket;
  private state = State.Connecting;
  private x: Exchange | null = null;
  ready = false;
  reused = false;
  answering = false;
  private persistent = true;
  private readonly body = new MessageBody();
  private held: Held | null = null;
  private paused = false;
  /** The server has ended its side. */
  private ended = false;
  /** See `SocketHandler.asItIs`: what comes next is all body, and the client's side takes it so. */
  asItIs = false;
  /** Requests that it has served. */
  private served = 0;
  /** By the coarse clock, for its life; by the exact one, for the time that it takes to come up. */
  private readonly openedAt: number;
  private readonly begunAt: number;
  /** The client that it is kept for, while it waits for that one's next request. */
  private boundTo: ClientConnection | null = null;
  nextBound: BoundLink | null = null;

  private constructor(
    private readonly context: PlaneContext,
    readonly server: ServerRuntime,
    /** Of the server; connections to another one are not for the same requests. */
    readonly port: number,
    /** What TLS calls the server; connections under another name are not for the same requests. */
    readonly serverName: string,
  ) {
    super();
    this.openedAt = context.clock.coarse;
    this.begunAt = context.transport.now();
  }

  /** An idle connection of the server when `mayReuse`, else a new one that is opening. */
  static take(
    context: PlaneContext,
    server: ServerRuntime,
    x: Exchange,
    mayReuse: boolean,
  ): ServerConnection {
    const port = portOf(server, x);
    // A connection with the state of somebody's login is none for others, nor is another one for that client.
    const idle = mayReuse && !x.binds ? idleUnder(server, port, x.serverName) : null;
    if (idle !== null) {
      server.removeIdle(idle);
      return idle.again(x);
    }
    const link = new ServerConnection(context, server, port, x.serverName);
    link.assign(x);
    link.socket = connectTo(context, server, port, x.serverName, link);
    server.opening();
    context.clock.arm(link, server.pool?.connectTimeout ?? 0);
    return link;
  }

  /** The one that the client of `x` has to a server of that pool; null when it has none (any more). */
  static bound(x: Exchange): ServerConnection | null {
    const link = x.connection.takeBound(x.pool, x.wanted, x.serverName);
    if (!(link instanceof ServerConnection)) return null;
    link.boundTo = null;
    link.server.leaveBound(link);
    return link.again(x);
  }

  get kind(): number {
    return this.x === null ? 0 : this.x.kind;
  }

  private again(x: Exchange): this {
    this.state = State.Head;
    this.reused = true;
    this.assign(x);
    return this;
  }

  private assign(x: Exchange): void {
    this.x = x;
    this.answering = false;
    this.server.acquire(this);
  }

  begin(b: Uint8Array, start: number, _bodyAt: number, end: number): boolean {
    return this.more(b, start, end);
  }

  more(b: Uint8Array, start: number, end: number): boolean {
    this.server.count(SERVER.BYTES_OUT, end - start);
    // The time for the response runs from when the server has been given the whole request.
    if (this.state === State.Head) {
      const x = this.x!;
      this.context.clock.arm(this, x.requestDone ? x.responseTimeout : 0);
    }
    return this.socket.write(b, start, end);
  }

  stateName(): string {
    if (this.state === State.Connecting) return 'connecting';
    if (this.state === State.Draining) return 'draining';
    return this.state === State.Idle ? 'idle' : this.state === State.Tunnel ? 'tunnel' : 'busy';
  }

  heldBytes(): number {
    return this.socket.queued + this.socket.stashed + (this.held?.data.length ?? 0);
  }

  // What the server does

  onOpen(): void {
    const { x } = this;
    if (x === null) {
      this.discard();
      return;
    }
    this.context.clock.disarm(this);
    this.state = State.Head;
    this.ready = true;
    x.linkOpened(this.context.transport.now() - this.begunAt, this);
    x.linkReady(this);
  }

  onData(data: Uint8Array, start: number, end: number): void {
    const { x } = this;
    if (x === null) {
      if (this.state === State.Draining) this.drainMore(data, start, end);
      else this.discard(); // nothing was asked
      return;
    }
    this.server.count(SERVER.BYTES_IN, end - start);
    if (!this.answering) {
      this.answering = true;
      x.linkAnswers();
      x.atFirstByte = true;
      if (this.server.rttDue) x.sampled(this.server.sample(this.socket));
    }
    if (this.state === State.Head) {
      this.head(x, data, start, end);
      x.atFirstByte = false;
    } else this.take(x, data, start, end);
  }

  onDrain(): void {
    this.x?.serverTakes();
  }

  onEnd(): void {
    this.ended = true;
    const { x } = this;
    if (x === null) {
      if (this.state === State.Draining) this.stopDraining();
      else this.discard(true);
      return;
    }
    if (this.state === State.Body && this.body.framing === Framing.UntilEnd) this.complete(x);
    else if (this.state === State.Tunnel) x.serverEnded();
    else this.fail(FAILED.closed);
  }

  onClose(reason: CloseReason): void {
    this.context.clock.forget(this);
    this.server.closed();
    const { x } = this;
    if (this.state === State.Tunnel && x !== null) {
      this.detach();
      x.tunnelClosed(reason === 'end');
    } else if (x !== null) {
      if (reason === 'refused') this.fail(FAILED.refused);
      else if (reason === 'unreachable') this.fail(FAILED.unreachable);
      else if (reason === 'tls' && !this.ready) this.fail(FAILED.tls);
      else this.fail(FAILED.reset);
    }
    if (this.state === State.Idle) this.leaveIdle();
    if (this.state === State.Draining) this.server.release(this);
    this.state = State.Dead;
  }

  override onTimeout(): void {
    if (this.state === State.Idle) this.closeIdle();
    else if (this.state === State.Draining) this.stopDraining();
    else if (this.state === State.Connecting) this.fail(FAILED.connectTimeout);
    else if (this.state === State.Head && this.x !== null) this.fail(FAILED.timeout);
  }

  // Responses

  private head(x: Exchange, data: Uint8Array, from: number, to: number): void {
    let b = data;
    let start = from;
    let end = to;
    let own: Held | null = null;
    if (this.held !== null) {
      own = this.held;
      own.append(data, from, to);
      this.held = null;
      ({ data: b, start, end } = own);
    }
    for (;;) {
      const { profile } = x;
      const bodyAt = scanResponse(
        b,
        start,
        end,
        profile.max_response_header_size ?? MOST_RESPONSE_HEAD,
        profile.max_response_header_count ?? MOST_RESPONSE_FIELDS,
      );
      if (bodyAt < 0) {
        if (bodyAt === INCOMPLETE) this.hold(b, start, end, own);
        else this.fail(FAILED.malformed);
        return;
      }
      const { status } = response;
      if (status >= 200) {
        this.respond(x, response, b, bodyAt, end);
        return;
      }
      if (status === 101) {
        this.switchProtocols(x, b, start, bodyAt, end);
        return;
      }
      if (!x.interim(response, b, start, bodyAt)) this.pause();
      start = bodyAt;
      if (start === end) return;
    }
  }

  private hold(b: Uint8Array, start: number, end: number, own: Held | null): void {
    if (own === null) this.held = new Held(b, start, end);
    else {
      own.start = start;
      own.end = end;
      this.held = own;
    }
  }

  private switchProtocols(x: Exchange, b: Uint8Array, start: number, bodyAt: number, end: number): void {
    if (!x.upgrade) {
      this.fail(FAILED.malformed);
      return;
    }
    if (!x.responseCame(this, response)) return;
    this.state = State.Tunnel;
    this.body.begin(Framing.UntilEnd, 0, 0);
    this.context.clock.disarm(this);
    this.socket.keepAlive(KEEP_ALIVE_PROBES_MS);
    if (!x.switchProtocols(response, b, start, bodyAt, end)) this.pause();
  }

  private respond(x: Exchange, head: Head, b: Uint8Array, bodyAt: number, end: number): void {
    if (!x.responseCame(this, head)) {
      this.drain(x, head, b, bodyAt, end);
      return;
    }
    this.persistent =
      head.persistent && (head.status < 400 || x.profile.close_server_connection_on_error !== true);
    const { body } = this;
    const framing = framingOf(x, head);
    if (framing === Framing.UntilEnd) this.persistent = false;
    body.begin(framing, head.contentLength, 0);
    x.prepareResponse(head, b, framing);
    const stop = body.take(b, bodyAt, end, x.plain);
    if (stop < 0) {
      this.fail(FAILED.malformed);
      return;
    }
    this.extra = body.done && stop < end;
    x.atOnce = body.done;
    const start = x.responseHead(head, b, bodyAt, framing);
    this.context.clock.disarm(this);
    if (!body.done) this.state = State.Body;
    this.asItIs = framing === Framing.Length && !body.done && x.takesAsItIs;
    this.pass(x, b, start);
  }
  /** The server has sent more than its response. */
  private extra = false;

  private take(x: Exchange, b: Uint8Array, start: number, end: number): void {
    const stop = this.body.take(b, start, end, x.plain);
    if (stop < 0) {
      this.fail(FAILED.malformed);
      return;
    }
    this.extra = this.body.done && stop < end;
    this.pass(x, b, start);
  }

  private pass(x: Exchange, b: Uint8Array, start: number): void {
    const { body } = this;
    const taken = x.send(b, start, body.end);
    if (body.done) this.complete(x);
    else if (!taken) this.pause();
  }

  /** The response is out; the connection is kept when it may serve another request. */
  private complete(x: Exchange): void {
    const { server } = this;
    if (x.plain) {
      const lines = this.body.takeTrailers();
      if (lines !== null) x.trailers(lines, 0, lines.length);
    }
    const whole = x.requestDone && !this.extra;
    const reusable =
      whole &&
      this.persistent &&
      (x.binds ? !x.last && x.connection.mayBind : server.mayKeep) &&
      this.mayServeAgain();
    this.detach();
    if (reusable) {
      this.state = State.Idle;
      this.resume();
      if (x.binds) this.bindTo(x.connection);
      else server.putIdle(this);
      this.context.clock.arm(this, x.idleTimeout);
    } else this.discard(whole);
    x.responseDone();
  }

  /** Within what the pool allows one connection. */
  private mayServeAgain(): boolean {
    const spec = this.server.pool?.spec;
    if (spec === undefined) return false;
    const { connection_life_time: life = 0, connection_max_reuse: reuse = 0 } = spec;
    if (reuse > 0 && ++this.served > reuse) return false;
    return life === 0 || this.context.clock.coarse - this.openedAt < life;
  }

  // A response that nobody gets: its request has gone to another server

  /** Its rest is read, as long as that is little, so that the connection can be kept. */
  private drain(x: Exchange, head: Head, b: Uint8Array, bodyAt: number, end: number): void {
    const { body } = this;
    const framing = framingOf(x, head);
    const little = framing === Framing.Chunked || head.contentLength <= MOST_DRAINED;
    const keeps = head.persistent && x.profile.close_server_connection_on_error !== true;
    const worth = x.requestDone && keeps && little && framing !== Framing.UntilEnd;
    this.keptFor = x.idleTimeout;
    this.x = null;
    this.asItIs = false;
    this.state = State.Draining;
    if (!worth) {
      this.stopDraining();
      return;
    }
    body.begin(framing, head.contentLength, MOST_DRAINED);
    this.context.clock.arm(this, MOST_DRAINING_MS);
    this.drainMore(b, bodyAt, end);
  }
  /** Milliseconds for which it may wait for the next request, once it is drained. */
  private keptFor = 0;

  private drainMore(b: Uint8Array, start: number, end: number): void {
    const { body, server } = this;
    const stop = body.take(b, start, end, false);
    if (stop < 0 || (body.done && stop < end)) {
      this.stopDraining();
      return;
    }
    if (!body.done) return;
    if (!server.mayKeep || !this.mayServeAgain()) {
      this.stopDraining(true);
      return;
    }
    server.release(this);
    this.state = State.Idle;
    this.resume();
    server.putIdle(this);
    this.context.clock.arm(this, this.keptFor);
  }

  private stopDraining(inOrder = false): void {
    this.server.release(this);
    this.discard(inOrder);
  }

  private bindTo(client: ClientConnection): void {
    this.boundTo = client;
    this.server.keepBound(this);
    client.bind(this);
  }

  /** It waits for a request no more. */
  private leaveIdle(): void {
    if (this.boundTo === null) this.server.removeIdle(this);
    else {
      this.boundTo.unbind(this);
      this.boundTo = null;
      this.server.leaveBound(this);
    }
  }

  // What the client does

  /** The client has taken what was queued for it. */
  clientTakes(): void {
    this.resume();
  }

  tunnel(data: Uint8Array, start: number, end: number): boolean {
    this.server.count(SERVER.BYTES_OUT, end - start);
    return this.socket.write(data, start, end);
  }

  clientEnded(): void {
    this.socket.shutdown();
  }

  /** The client is no longer there; `inOrder` when both sides of a tunnel had ended. */
  clientGone(inOrder: boolean): void {
    if (this.x === null) return;
    const wasTunnel = this.state === State.Tunnel;
    this.detach();
    if (wasTunnel && inOrder) {
      this.state = State.Dead;
      this.socket.close();
    } else this.discard();
  }

  // Ends

  serverGone(): void {
    const { x } = this;
    if (x === null) {
      if (this.state === State.Draining) this.stopDraining();
      return;
    }
    if (this.state === State.Tunnel) {
      this.detach();
      this.discard();
      x.tunnelClosed(false);
    } else this.fail(FAILED.gone);
  }

  closeIdle(): void {
    if (this.state !== State.Idle) return;
    this.leaveIdle();
    this.state = State.Dead;
    this.context.clock.forget(this);
    this.server.hangUp(this.socket, this.ended);
  }

  private fail(failure: Failure): void {
    const x = this.x!;
    this.detach();
    this.discard();
    x.linkFailed(this, failure);
  }

  /** The request is over for this connection. */
  private detach(): void {
    this.asItIs = false;
    this.x = null;
    this.held = null;
    if (!this.ready) this.server.count(SERVER.UNSENT, 1);
    this.server.release(this);
  }

  /** Gives the connection up: in order after a whole exchange, else with a reset, so that the server notices. */
  private discard(inOrder = false): void {
    if (this.state === State.Dead) return;
    if (this.state === State.Idle) this.leaveIdle();
    this.state = State.Dead;
    this.context.clock.forget(this);
    if (inOrder) this.server.hangUp(this.socket, this.ended);
    else this.socket.reset();
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

/** How the body of a response ends (RFC 9112 section 6.3). */
function framingOf(x: Exchange, head: Head): Framing {
  const { status } = head;
  if (status === 204) {
    head.drop(head.lengthField);
    head.drop(head.codingField);
  }
  if (x.method === METHOD.HEAD || status === 204 || status === 304) return Framing.None;
  if (head.chunked) return Framing.Chunked;
  if (head.contentLength < 0) return Framing.UntilEnd;
  return head.contentLength === 0 ? Framing.None : Framing.Length;
}

/** Idle connections that are looked at for one to the right port under the right name. */
const MOST_LOOKED_AT = 32;

/** The idle connection that was used last of those to this port that TLS made under this name. */
function idleUnder(server: ServerRuntime, port: number, serverName: string): ServerConnection | null {
  let link = server.newestIdle;
  for (let n = 0; link !== null && n < MOST_LOOKED_AT; n++, link = link.older)
    if (link instanceof ServerConnection && link.port === port && link.serverName === serverName) return link;
  return null;
}

/** One request at a time on connections that are kept. */
export const http1Servers: ServerProtocol = {
  take: (context, server, x, mayReuse) => ServerConnection.take(context, server, x, mayReuse),
  bound: (x) => ServerConnection.bound(x),
  hasRoom: (server, x, mayReuse) =>
    mayReuse && !x.binds && idleUnder(server, portOf(server, x), x.serverName) !== null,
};
