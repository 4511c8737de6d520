import { SERVER } from '@spillway/telemetry';
import { Timed } from '../core/clock.js';
import { connectTo } from '../core/connect.js';
import type { PlaneContext } from '../core/context.js';
import type { IdleLink, ServerRuntime } from '../core/server.js';
import type { Exchange } from '../http/exchange.js';
import { FAILED, type Failure, portOf, type ServerProtocol } from '../http/server-link.js';
import { KEEP_ALIVE_PROBES_MS } from '../http1/limits.js';
import type { CloseReason, Socket, SocketHandler } from '../transport/seam.js';
import { settings } from './frame-writer.js';
import { ERROR, FRAME_SIZE, PREFACE, SETTING } from './protocol.js';
import { MOST_RESPONSE_HEAD, ServerStream } from './server-stream.js';
import { Session, type SessionLimits, type SessionOwner } from './session.js';
import type { Stream } from './stream.js';
import { trailerText } from './response-text.js';

/** Streams on one connection, whatever the server allows: more go to a further connection. */
const MOST_STREAMS = 256;
/** Streams that are given to a connection before its server has said how many it takes. */
const STREAMS_AT_FIRST = 100;
/** After this many streams a connection is left to end, so that its ids do not run out. */
const LAST_ID = 2 ** 30;

const LIMITS: SessionLimits = {
  window: 256 * 1024,
  mostHead: MOST_RESPONSE_HEAD,
  controlFrames: 10_000,
  emptyData: 10_000,
  queuedFrames: 10_000,
};

/** The connections of each server that take streams. */
const connections = new WeakMap<ServerRuntime, ServerSession[]>();

/** A connection of HTTP/2 to a server, which carries many requests at a time. */
export class ServerSession extends Timed implements SocketHandler, SessionOwner, IdleLink {
  newer: IdleLink | null = null;
  older: IdleLink | null = null;
  readonly session: Session;
  socket!: Socket;
  /** TLS is below. */
  readonly secure: boolean;
  private nextId = 1;
  private up = false;
  private dead = false;
  private idle = false;
  /** It takes no more streams. */
  private leaving = false;
  /** The server has ended its side. */
  private ended = false;
  private paused = false;
  private streams = 0;
  private served = 0;
  /** Requests that wait until the connection is up. */
  private waiting: ServerStream[] = [];
  private why: Failure = FAILED.reset;
  private idleTimeout = 0;
  private readonly openedAt: number;
  private readonly begunAt: number;

  constructor(
    readonly context: PlaneContext,
    readonly server: ServerRuntime,
    /** Of the server; requests for another one go another way. */
    private readonly port: number,
    /** What TLS calls the server; requests under another name go another way. */
    private readonly serverName: string,
  ) {
    super();
    this.secure = (server.pool?.tls ?? null) !== null;
    this.openedAt = context.clock.coarse;
    this.begunAt = context.transport.now();
    this.session = new Session(context.transport, this, LIMITS);
  }

  /** A link on a connection that has room, or on a new one. */
  static take(context: PlaneContext, server: ServerRuntime, x: Exchange): ServerStream {
    const port = portOf(server, x);
    let list = connections.get(server);
    if (list === undefined) connections.set(server, (list = []));
    for (let i = 0; i < list.length; i++) {
      const connection = list[i]!;
      if (connection.port === port && connection.serverName === x.serverName && connection.hasRoom)
        return connection.add(x);
      if (list[i] !== connection) i--; // it has just left
    }
    const connection = new ServerSession(context, server, port, x.serverName);
    list.push(connection);
    connection.socket = connectTo(context, server, port, x.serverName, connection);
    server.opening();
    context.clock.arm(connection, server.pool?.connectTimeout ?? 0);
    return connection.add(x);
  }

  static hasRoom(server: ServerRuntime, x: Exchange): boolean {
    const list = connections.get(server);
    if (list === undefined) return false;
    const port = portOf(server, x);
    for (let i = 0; i < list.length; i++) {
      const connection = list[i]!;
      if (connection.port === port && connection.serverName === x.serverName && connection.hasRoom)
        return true;
      if (list[i] !== connection) i--; // it has just left
    }
    return false;
  }

  get isDead(): boolean {
    return this.dead;
  }

  private get hasRoom(): boolean {
    if (this.leaving || this.dead) return false;
    const spec = this.server.pool?.spec;
    const life = spec?.connection_life_time ?? 0;
    const reuse = spec?.connection_max_reuse ?? 0;
    if (
      this.nextId > LAST_ID ||
      (life > 0 && this.context.clock.coarse - this.openedAt >= life) ||
      (reuse > 0 && this.served > reuse)
    ) {
      this.leave();
      this.endIfUnused();
      return false;
    }
    return this.streams < (this.up ? Math.min(this.session.peerStreams, MOST_STREAMS) : STREAMS_AT_FIRST);
  }

  private add(x: Exchange): ServerStream {
    if (this.idle) {
      this.idle = false;
      this.server.removeIdle(this);
      this.context.clock.disarm(this);
    }
    this.idleTimeout = x.idleTimeout;
    this.streams++;
    const link = new ServerStream(this, x);
    if (this.up) link.opened(this.served > 0);
    else this.waiting.push(link);
    this.served++;
    return link;
  }

  openStream(user: ServerStream): Stream {
    const stream = this.session.open(this.nextId, user);
    this.nextId += 2;
    return stream;
  }

  /** A WebSocket for a server that takes none: told after the call that has brought it. */
  later(link: ServerStream): void {
    this.context.transport.defer({
      run: () => {
        this.withdraw(link);
        link.cannotUpgrade();
      },
    });
  }

  /** A link that has no stream is let go of. */
  withdraw(link: ServerStream): void {
    const at = this.waiting.indexOf(link);
    if (at >= 0) this.waiting.splice(at, 1);
    this.onStreamGone();
  }

  // What the server does

  onOpen(): void {
    this.socket.keepAlive(KEEP_ALIVE_PROBES_MS);
    const { out } = this.session;
    out.append(PREFACE, 0, PREFACE.length);
    settings(out, [
      [SETTING.ENABLE_PUSH, 0],
      [SETTING.INITIAL_WINDOW_SIZE, LIMITS.window],
      [SETTING.MAX_FRAME_SIZE, FRAME_SIZE],
      [SETTING.MAX_HEADER_LIST_SIZE, MOST_RESPONSE_HEAD],
    ]);
    this.session.widen();
  }

  onData(data: Uint8Array, start: number, end: number): void {
    this.server.count(SERVER.BYTES_IN, end - start);
    this.session.receive(data, start, end);
  }

  /** The server's first SETTINGS: now requests can go. */
  onSettings(): void {
    if (this.up) return;
    this.up = true;
    this.context.clock.disarm(this);
    const { waiting } = this;
    this.waiting = [];
    const most = Math.min(this.session.peerStreams, MOST_STREAMS);
    let first = true;
    let sent = 0;
    for (const link of waiting) {
      const x = link.waitsFor;
      if (x === null) continue;
      if (sent++ >= most) {
        // More than it takes: they look for another connection.
        this.streams--;
        link.fail(FAILED.gone);
        continue;
      }
      link.opened(!first);
      if (first) x.linkOpened(this.context.transport.now() - this.begunAt, link);
      first = false;
      x.linkReady(link);
    }
  }

  onDrain(): void {
    this.session.drained();
  }

  onEnd(): void {
    this.ended = true;
    this.socket.close();
    this.gone(this.up ? FAILED.closed : FAILED.malformed);
  }

  onClose(reason: CloseReason): void {
    this.server.closed();
    this.context.clock.forget(this);
    if (reason === 'refused') this.gone(FAILED.refused);
    else if (reason === 'unreachable') this.gone(FAILED.unreachable);
    else if (reason === 'tls' && !this.up) this.gone(FAILED.tls);
    else this.gone(FAILED.reset);
  }

  override onTimeout(): void {
    if (this.idle) this.closeIdle();
    else if (!this.up) {
      this.socket.reset();
      this.gone(FAILED.connectTimeout);
    }
  }

  /** Whatever is under way here is over. */
  private gone(failure: Failure): void {
    if (this.dead) return;
    this.why = failure;
    this.dead = true;
    this.leave();
    const { waiting } = this;
    this.waiting = [];
    this.session.close(ERROR.CANCEL);
    for (const link of waiting) link.fail(failure);
  }

  /** What the end of a stream means to its request. */
  whyReset(error: number, byPeer: boolean): Failure {
    if (this.dead) return this.why;
    return !byPeer && error === ERROR.PROTOCOL_ERROR ? FAILED.malformed : FAILED.reset;
  }

  // What the session does

  write(b: Uint8Array, start: number, end: number): boolean {
    return this.socket.write(b, start, end);
  }

  onBlock(
    _id: number,
    stream: Stream | null,
    endStream: boolean,
    b: Uint8Array,
    start: number,
    end: number,
  ): number {
    const user = stream?.user;
    if (stream === null || !(user instanceof ServerStream)) {
      trailerText.begin(MOST_RESPONSE_HEAD);
      return this.session.decoder.decode(b, start, end, trailerText) ? 0 : ERROR.COMPRESSION_ERROR;
    }
    const error = user.block(endStream, b, start, end);
    if (error < 0) return -error;
    return error === 0 || stream.user !== user ? 0 : this.session.resetStream(stream, error);
  }

  onStray(_type: number, id: number): number {
    return (id & 1) === 1 && id < this.nextId ? 0 : ERROR.PROTOCOL_ERROR;
  }

  /** RFC 9113 section 6.8: streams above the last one have not been looked at and may go elsewhere. */
  onGoAway(lastStream: number): void {
    this.leave();
    for (const stream of this.session.streams.all()) {
      if (stream.id <= lastStream || !(stream.user instanceof ServerStream)) continue;
      const link = stream.user;
      this.session.drop(stream, ERROR.CANCEL);
      link.unprocessed = true;
      link.fail(FAILED.reset);
    }
    this.endIfUnused();
  }

  onPong(): void {}

  onStreamGone(): void {
    this.streams--;
    this.endIfUnused();
    if (this.dead || this.streams > 0) return;
    if (this.leaving || !this.server.mayKeep) {
      this.leave();
      this.endIfUnused();
      return;
    }
    if (this.idle) return;
    this.idle = true;
    this.server.putIdle(this);
    this.context.clock.arm(this, this.idleTimeout);
  }

  onFatal(error: number): void {
    this.session.goAway(0, error);
    this.session.flush();
    this.gone(FAILED.malformed);
    this.socket.close();
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }

  // Ends

  closeIdle(): void {
    if (!this.idle) return;
    this.leave();
    this.endIfUnused();
  }

  /** Takes no more streams. */
  private leave(): void {
    if (this.idle) {
      this.idle = false;
      this.server.removeIdle(this);
    }
    if (this.leaving) return;
    this.leaving = true;
    const list = connections.get(this.server);
    const at = list?.indexOf(this) ?? -1;
    if (at >= 0) list!.splice(at, 1);
  }

  private endIfUnused(): void {
    if (this.dead || !this.leaving || this.streams > 0) return;
    this.session.goAway(0, ERROR.NO_ERROR);
    this.session.flush();
    this.dead = true;
    this.session.close(ERROR.NO_ERROR);
    this.context.clock.forget(this);
    this.server.hangUp(this.socket, this.ended);
  }
}

/** Many requests at a time on few connections, with prior knowledge. */
export const http2Servers: ServerProtocol = {
  take: (context, server, x) => ServerSession.take(context, server, x),
  hasRoom: (server, x) => ServerSession.hasRoom(server, x),
};
