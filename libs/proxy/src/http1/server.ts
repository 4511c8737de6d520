import { SERVER } from '@spillway/telemetry';
import { Timed } from '../core/clock.js';
import type { ServerLink } from '../core/connection.js';
import type { PlaneContext } from '../core/context.js';
import type { IdleLink, ServerRuntime } from '../core/server.js';
import type { CloseReason, Socket, SocketHandler } from '../transport/seam.js';
import { ChunkScanner } from './chunked.js';
import type { HttpClient } from './client.js';
import { editor } from './edit.js';
import { METHOD, type Head } from './head.js';
import { Held, Replay } from './held.js';
import { KEEP_ALIVE_PROBES_MS, MOST_ATTEMPTS, MOST_REPLAY, SMALL_REPLAY, STALE_WITHIN } from './limits.js';
import { INCOMPLETE } from './refusal.js';
import { CONNECTION_CLOSE, CONNECTION_KEEP_ALIVE } from './reply.js';
import { response, scanResponse } from './scan-response.js';

const enum State {
  Connecting,
  /** Waits for a response head, or has a part of one. */
  Head,
  Body,
  Chunks,
  /** A body that the end of the connection ends. */
  UntilEnd,
  Tunnel,
  Idle,
  Dead,
}

/** What became of a request on this connection. */
interface Failure {
  readonly status: number;
  readonly reason: string;
  /** The server was never reached. */
  readonly unreached: boolean;
}

const FAILED = {
  refused: { status: 502, reason: 'the server refused the connection', unreached: true },
  unreachable: { status: 502, reason: 'the server cannot be reached', unreached: true },
  connectTimeout: { status: 504, reason: 'the connection to the server took too long', unreached: true },
  closed: { status: 502, reason: 'the server closed the connection without a response', unreached: false },
  reset: { status: 502, reason: 'the server reset the connection', unreached: false },
  malformed: { status: 502, reason: 'the response of the server is malformed', unreached: false },
  timeout: { status: 504, reason: 'the server took too long to respond', unreached: false },
  gone: { status: 503, reason: 'the server was taken out of service', unreached: false },
} satisfies Record<string, Failure>;

/** An HTTP/1.1 connection to a server; serves one request at a time and is kept for the next. */
export class ServerConnection extends Timed implements SocketHandler, ServerLink, IdleLink {
  busyPlace = -1;
  newer: IdleLink | null = null;
  older: IdleLink | null = null;

  private socket!: Socket;
  private state = State.Connecting;
  private client: HttpClient | null = null;
  /** It had served a request before this one. */
  private reused = false;
  private anyByte = false;
  private persistent = true;
  /** When the last bytes of a request that is not idempotent went out on a kept connection. */
  private sentAt = 0;
  private remaining = 0;
  private chunks: ChunkScanner | null = null;
  /** The client gets the chunk data alone, because it speaks HTTP/1.0. */
  private plain = false;
  private held: Held | null = null;
  private paused = false;
  private replay: Replay | null = null;
  /** `replay` has the whole request as far as it has been sent. */
  private replayable = false;

  private constructor(
    private readonly context: PlaneContext,
    readonly server: ServerRuntime,
  ) {
    super();
  }

  /** An idle connection of the server when `mayReuse`, else a new one that is opening. */
  static take(context: PlaneContext, server: ServerRuntime, mayReuse: boolean): ServerConnection {
    const idle = mayReuse ? server.newestIdle : null;
    if (idle instanceof ServerConnection) {
      server.removeIdle(idle);
      idle.state = State.Head;
      idle.reused = true;
      return idle;
    }
    const link = new ServerConnection(context, server);
    link.socket = context.transport.connect(server.address, server.port, link);
    server.count(SERVER.CONNECTIONS, 1);
    context.clock.arm(link, server.pool?.spec.connect_timeout ?? 0);
    return link;
  }

  /** Sends the head of a client's request, and as much of its body as is there. False: wait before sending more. */
  begin(client: HttpClient, data: Uint8Array, start: number, end: number): boolean {
    this.assign(client);
    if (this.replay !== null) this.replay.length = 0;
    this.replayable = true;
    return this.more(data, start, end);
  }

  private assign(client: HttpClient): void {
    this.client = client;
    this.anyByte = false;
    this.server.acquire(this);
  }

  /** Sends more of the request. False: wait for `serverTakes` before sending more. */
  more(data: Uint8Array, start: number, end: number): boolean {
    if (this.state === State.Connecting) {
      this.keep(data, start, end);
      return false;
    }
    if (this.replayable) {
      if ((this.replay?.length ?? 0) + end - start <= MOST_REPLAY) this.keep(data, start, end);
      else this.forgetReplay();
    }
    this.server.count(SERVER.BYTES_OUT, end - start);
    if (this.reused && !this.client!.idempotent) this.sentAt = this.context.transport.now();
    this.awaitResponse();
    return this.socket.write(data, start, end);
  }

  /** The time for the response runs from when the server has been given the whole request. */
  private awaitResponse(): void {
    if (this.state !== State.Head) return;
    this.context.clock.arm(this, this.client!.requestDone ? this.client!.responseTimeout : 0);
  }

  private keep(data: Uint8Array, start: number, end: number): void {
    this.replay ??= new Replay(Math.max(SMALL_REPLAY, end - start));
    this.replay.append(data, start, end);
  }

  private forgetReplay(): void {
    this.replayable = false;
    if (this.replay !== null && this.replay.capacity > SMALL_REPLAY) this.replay = null;
  }

  // What the server does

  onOpen(): void {
    if (this.client === null) {
      this.discard();
      return;
    }
    this.state = State.Head;
    const replay = this.replay!;
    this.server.count(SERVER.BYTES_OUT, replay.length);
    this.awaitResponse();
    const taken = this.socket.write(replay.bytes(), 0, replay.length);
    if (replay.length > MOST_REPLAY) this.forgetReplay();
    if (taken) this.client.serverTakes();
  }

  onData(data: Uint8Array, start: number, end: number): void {
    const { client } = this;
    if (client === null) {
      this.discard(); // nothing was asked
      return;
    }
    this.server.count(SERVER.BYTES_IN, end - start);
    if (!this.anyByte) {
      this.anyByte = true;
      this.forgetReplay();
    }
    if (this.state === State.Head) this.head(client, data, start, end);
    else this.body(client, data, start, end);
  }

  onDrain(): void {
    this.client?.serverTakes();
  }

  onEnd(): void {
    const { client } = this;
    if (client === null) {
      this.discard(true);
      return;
    }
    if (this.state === State.UntilEnd) this.complete(client);
    else if (this.state === State.Tunnel) client.serverEnded();
    else this.fail(FAILED.closed);
  }

  onClose(reason: CloseReason): void {
    this.context.clock.forget(this);
    const { client } = this;
    if (this.state === State.Tunnel && client !== null) {
      this.detach();
      client.tunnelClosed(reason === 'end');
    } else if (client !== null) {
      if (reason === 'refused') this.fail(FAILED.refused);
      else if (reason === 'unreachable') this.fail(FAILED.unreachable);
      else this.fail(FAILED.reset);
    }
    if (this.state === State.Idle) this.server.removeIdle(this);
    this.state = State.Dead;
  }

  override onTimeout(): void {
    if (this.state === State.Idle) this.closeIdle();
    else if (this.state === State.Connecting) this.fail(FAILED.connectTimeout);
    else if (this.state === State.Head && this.client !== null) this.fail(FAILED.timeout);
  }

  // Responses

  private head(client: HttpClient, data: Uint8Array, from: number, to: number): void {
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
      const bodyAt = scanResponse(b, start, end);
      if (bodyAt < 0) {
        if (bodyAt === INCOMPLETE) this.hold(b, start, end, own);
        else this.fail(FAILED.malformed);
        return;
      }
      const { status } = response;
      if (status >= 200) {
        this.respond(client, response, b, bodyAt, end);
        return;
      }
      if (status === 101) {
        this.switchProtocols(client, b, start, end);
        return;
      }
      // Interim responses go on as they are, but not to a client of HTTP/1.0 (RFC 9110 section 15.2).
      if (client.minor === 1 && !client.send(b, start, bodyAt)) this.pause();
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

  private switchProtocols(client: HttpClient, b: Uint8Array, start: number, end: number): void {
    if (!client.upgrade) {
      this.fail(FAILED.malformed);
      return;
    }
    this.state = State.Tunnel;
    this.context.clock.disarm(this);
    this.socket.keepAlive(KEEP_ALIVE_PROBES_MS);
    client.becomeTunnel();
    if (!client.send(b, start, end)) this.pause();
  }

  private respond(client: HttpClient, head: Head, b: Uint8Array, bodyAt: number, end: number): void {
    const { status } = head;
    this.persistent = head.persistent;
    const state = this.frame(client, head, status);
    let bodyEnd = end;
    let done = state === State.Head;
    if (done) bodyEnd = bodyAt;
    else if (state === State.Body) {
      this.remaining = head.contentLength - (end - bodyAt);
      if (this.remaining <= 0) {
        bodyEnd = bodyAt + head.contentLength;
        done = true;
      }
    } else if (state === State.Chunks) {
      const at = this.follow(b, bodyAt, end);
      if (at < INCOMPLETE) {
        this.fail(FAILED.malformed);
        return;
      }
      done = at >= 0;
      if (done) this.extra = at < end;
      bodyEnd = this.plain ? this.chunks!.dataEnd : done ? at : end;
    }
    if (state !== State.Chunks) this.extra = bodyEnd < end;
    // A client that was not told to go on with its body, or has not finished it, cannot be read from again.
    if (client.placement.draining || (client.expects && !client.requestDone)) client.keep = false;
    const start = this.edit(client, head, b);
    client.responseBegins(status);
    if (status >= 500) this.server.count(SERVER.RESPONSES_5XX, 1);
    else if (status >= 400) this.server.count(SERVER.RESPONSES_4XX, 1);
    this.context.clock.disarm(this);
    this.state = state;
    this.pass(client, b, start, bodyEnd, done);
  }
  /** The server has sent more than its response. */
  private extra = false;

  /** How the body ends; Head when there is none (RFC 9112 section 6.3). */
  private frame(client: HttpClient, head: Head, status: number): State {
    this.plain = false;
    if (status === 204) {
      head.drop(head.lengthField);
      head.drop(head.codingField);
    }
    if (client.method === METHOD.HEAD || status === 204 || status === 304) return State.Head;
    if (head.chunked) {
      (this.chunks ??= new ChunkScanner()).begin(0);
      if (client.minor === 0) {
        this.plain = true;
        client.keep = false;
        head.drop(head.codingField);
      }
      return State.Chunks;
    }
    if (head.contentLength >= 0) return head.contentLength === 0 ? State.Head : State.Body;
    client.keep = false;
    this.persistent = false;
    return State.UntilEnd;
  }

  private edit(client: HttpClient, head: Head, b: Uint8Array): number {
    const connection = client.keep ? (client.minor === 0 ? CONNECTION_KEEP_ALIVE : null) : CONNECTION_CLOSE;
    b[head.minorAt] = 49;
    if (head.droppedCount === 0 && connection === null) return head.start;
    editor.begin(b, head);
    if (connection !== null) editor.insertLine(connection);
    return editor.end();
  }

  private follow(b: Uint8Array, start: number, end: number): number {
    return this.plain ? this.chunks!.compact(b, start, end) : this.chunks!.scan(b, start, end);
  }

  private body(client: HttpClient, b: Uint8Array, start: number, end: number): void {
    let bodyEnd = end;
    let done = false;
    if (this.state === State.Body) {
      const n = end - start;
      if (n >= this.remaining) {
        bodyEnd = start + this.remaining;
        done = true;
        this.extra = bodyEnd < end;
      } else this.remaining -= n;
    } else if (this.state === State.Chunks) {
      const at = this.follow(b, start, end);
      if (at < INCOMPLETE) {
        this.fail(FAILED.malformed);
        return;
      }
      done = at >= 0;
      if (done) this.extra = at < end;
      bodyEnd = this.plain ? this.chunks!.dataEnd : done ? at : end;
    }
    this.pass(client, b, start, bodyEnd, done);
  }

  private pass(client: HttpClient, b: Uint8Array, start: number, end: number, done: boolean): void {
    const taken = client.send(b, start, end);
    if (done) this.complete(client);
    else if (!taken) this.pause();
  }

  /** The response is out; the connection is kept when it may serve another request. */
  private complete(client: HttpClient): void {
    const { server } = this;
    const whole = client.requestDone && !this.extra;
    const reusable = whole && this.persistent && server.mayKeep;
    this.detach();
    if (reusable) {
      this.state = State.Idle;
      this.resume();
      server.putIdle(this);
      this.context.clock.arm(this, client.idleTimeout);
    } else this.discard(whole);
    client.responseDone();
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
    if (this.client === null) return;
    const wasTunnel = this.state === State.Tunnel;
    this.detach();
    if (wasTunnel && inOrder) {
      this.state = State.Dead;
      this.socket.close();
    } else this.discard();
  }

  // Ends

  serverGone(): void {
    const { client } = this;
    if (client === null) return;
    if (this.state === State.Tunnel) {
      this.detach();
      this.discard();
      client.tunnelClosed(false);
    } else this.fail(FAILED.gone);
  }

  closeIdle(): void {
    if (this.state !== State.Idle) return;
    this.server.removeIdle(this);
    this.state = State.Dead;
    this.context.clock.forget(this);
    this.socket.close();
  }

  private fail(failure: Failure): void {
    const client = this.client!;
    const again = this.mayRepeat(client, failure);
    this.detach();
    this.discard();
    this.server.count(SERVER.FAILURES, 1);
    const other = again ? client.another(this.server) : null;
    if (other !== null) this.repeat(client, other);
    else client.serverFailed(failure.status, failure.reason);
  }

  /**
   * Nothing of a response has come and all that was sent is at hand. Then the request goes to another connection
   * when the server was never reached, when it may be repeated by its method (RFC 9110 section 9.2.2), or when a
   * kept connection turns out to have been closed before the request could reach the server.
   */
  private mayRepeat(client: HttpClient, failure: Failure): boolean {
    if (this.anyByte || client.attempts >= MOST_ATTEMPTS || failure === FAILED.timeout) return false;
    if (this.state === State.Connecting)
      return failure.unreached || failure === FAILED.gone || failure === FAILED.reset;
    if (!this.replayable) return false;
    if (client.idempotent) return true;
    return this.reused && this.context.transport.now() - this.sentAt < STALE_WITHIN;
  }

  private repeat(client: HttpClient, server: ServerRuntime): void {
    server.count(SERVER.RETRIES, 1);
    const link = ServerConnection.take(this.context, server, false);
    link.replay = this.replay;
    link.replayable = true;
    this.replay = null;
    link.assign(client);
    client.movedTo(link);
  }

  /** The request is over for this connection. */
  private detach(): void {
    this.client = null;
    this.held = null;
    this.server.release(this);
  }

  /** Gives the connection up: in order after a whole exchange, else with a reset, so that the server notices. */
  private discard(inOrder = false): void {
    if (this.state === State.Dead) return;
    if (this.state === State.Idle) this.server.removeIdle(this);
    this.state = State.Dead;
    this.context.clock.forget(this);
    if (inOrder) this.socket.close();
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
