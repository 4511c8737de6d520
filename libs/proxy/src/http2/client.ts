import type { Service } from '@spillway/snapshot';
import { VS } from '@spillway/telemetry';
import { Timed } from '../core/clock.js';
import { ClientConnection } from '../core/connection.js';
import type { OwnFacts } from '../core/describe.js';
import type { PlaneContext } from '../core/context.js';
import type { PlacementRuntime } from '../core/placement.js';
import { profileOf } from '../http/profile.js';
import { METHOD } from '../http1/head.js';
import { KEEP_ALIVE_PROBES_MS, LINGER_MS, STALLED_MS } from '../http1/limits.js';
import { INCOMPLETE, REFUSE } from '../http1/refusal.js';
import { request, scanRequest } from '../http1/scan-request.js';
import { HEAD_ROOM, type CloseReason, type Socket } from '../transport/seam.js';
import { Http2Exchange } from './exchange.js';
import { STOP } from './frame-reader.js';
import { settings } from './frame-writer.js';
import { GRACE_MS } from './limits.js';
import { clientLimits, type ClientLimits } from './profile.js';
import { ERROR, FRAME, FRAME_SIZE, MOST_STREAM, PREFACE, SETTING } from './protocol.js';
import { Session, type SessionOwner } from './session.js';
import { LOOK_MS, type Stream } from './stream.js';
import { requestText } from './request-text.js';
import { trailerText } from './response-text.js';
import { BLOCK } from './text.js';
import { newKey } from './websocket.js';

const enum Mode {
  /** Nothing is timed. */
  None,
  /** The preface, SETTINGS or a head is awaited. */
  Head,
  /** No stream is open. */
  Idle,
  /** Streams are open: they are looked at from time to time. */
  Look,
  /** Everything is said; what still comes is dropped. */
  Linger,
}

/** A client's HTTP/2 connection: each stream is an exchange with a server of its choice. */
export class Http2Client extends ClientConnection implements SessionOwner {
  readonly session: Session;
  private readonly limits: ClientLimits;
  private prefaceAt = 0;
  private lastStream = 0;
  private requests = 0;
  private mode = Mode.None;
  /** The client has ended its direction. */
  ended = false;
  private paused = false;
  /** The last stream that is served, once the final GOAWAY has gone; until then every one. */
  private finalStream = MOST_STREAM;
  private grace: Grace | null = null;
  private headLooks = 0;
  private stuckLooks = 0;
  private stuckAt = 0;
  private probed = false;

  constructor(
    context: PlaneContext,
    socket: Socket,
    placement: PlacementRuntime,
    service: Service,
    before: ClientConnection | null,
  ) {
    super(context, socket, placement, service, before);
    const profile = profileOf(placement.service.config);
    this.limits = clientLimits(profile);
    this.session = new Session(context.transport, this, this.limits);
    settings(this.session.out, [
      [SETTING.MAX_CONCURRENT_STREAMS, this.limits.streams],
      [SETTING.INITIAL_WINDOW_SIZE, this.limits.window],
      [SETTING.MAX_FRAME_SIZE, FRAME_SIZE],
      [SETTING.MAX_HEADER_LIST_SIZE, this.limits.mostHead],
      ...(this.limits.connects ? [[SETTING.ENABLE_CONNECT_PROTOCOL, 1] as const] : []),
    ]);
    this.session.widen();
    this.rearm();
  }

  protected override doing(): OwnFacts {
    return {
      protocol: 'http2',
      state: this.mode === Mode.Linger ? 'linger' : this.mode === Mode.Head ? 'head' : 'open',
      requests: this.session.streams.count,
    };
  }

  override heldBytes(): number {
    let sum = super.heldBytes();
    for (const { queued, user } of this.session.streams.all())
      sum += queued + (user instanceof Http2Exchange ? user.heldBytes() : 0);
    return sum;
  }

  // What the client does

  onData(data: Uint8Array, start: number, end: number): void {
    this.count(VS.BYTES_IN, end - start);
    if (this.mode === Mode.Linger) return;
    let at = start;
    while (this.prefaceAt < PREFACE.length && at < end)
      if (data[at++] !== PREFACE[this.prefaceAt++]) {
        this.onFatal(ERROR.PROTOCOL_ERROR);
        return;
      }
    if (at < end) this.session.receive(data, at, end);
    this.rearm();
  }

  onDrain(): void {
    this.session.drained();
    if (this.mode !== Mode.Linger) this.rearm();
  }

  onEnd(): void {
    this.ended = true;
    if (this.mode === Mode.Linger) {
      this.socket.close();
      return;
    }
    for (const stream of this.session.streams.all())
      if (!stream.remoteEnded && stream.user !== null) this.session.cancel(stream, ERROR.CANCEL);
    if (this.session.streams.count === 0) this.finish();
  }

  override onClose(reason: CloseReason): void {
    super.onClose(reason);
    if (this.grace !== null) this.context.clock.forget(this.grace);
    this.mode = Mode.Linger;
    this.session.close(ERROR.CANCEL);
  }

  override onTimeout(): void {
    const { mode } = this;
    this.mode = Mode.None;
    switch (mode) {
      case Mode.Head:
        this.onFatal(ERROR.ENHANCE_YOUR_CALM);
        return;
      case Mode.Idle:
        this.finish();
        return;
      case Mode.Look:
        this.look();
        return;
      case Mode.Linger:
        this.kill();
        return;
      case Mode.None:
    }
  }

  kill(): void {
    this.socket.reset();
  }

  // What the session does

  onBlock(
    id: number,
    stream: Stream | null,
    endStream: boolean,
    b: Uint8Array,
    start: number,
    end: number,
  ): number {
    if (stream !== null) return this.trailers(stream, endStream, b, start, end);
    if ((id & 1) === 0) return ERROR.PROTOCOL_ERROR;
    if (id <= this.lastStream) {
      trailerText.begin(this.limits.mostHead);
      if (!this.session.decoder.decode(b, start, end, trailerText)) return ERROR.COMPRESSION_ERROR;
      return this.session.wasReset(id) ? 0 : ERROR.STREAM_CLOSED;
    }
    requestText.begin(this.limits.mostHead, this.limits.mostField, this.limits.connects);
    if (!this.session.decoder.decode(b, start, end, requestText)) return ERROR.COMPRESSION_ERROR;
    if (id > this.finalStream) return this.session.refuseStream(id, ERROR.REFUSED_STREAM);
    this.lastStream = id;
    if (this.session.streams.count >= this.limits.streams)
      return this.session.refuseStream(id, ERROR.REFUSED_STREAM);
    const webSocket = requestText.webSocket;
    const key = webSocket ? newKey() : '';
    requestText.finish(!endStream && !webSocket, key);
    if (requestText.state === BLOCK.MALFORMED) return this.session.refuseStream(id, ERROR.PROTOCOL_ERROR);
    this.request(id, endStream, key);
    return this.session.over ? STOP : 0;
  }

  private request(id: number, endStream: boolean, key: string): void {
    const { config } = this.placement.service;
    const http = profileOf(config);
    const exchange = Http2Exchange.of(this);
    const stream = this.session.open(id, exchange);
    exchange.on(stream);
    stream.remoteEnded = endStream;
    const most = this.limits.requests;
    if (most > 0 && ++this.requests >= most) this.drainBegins();
    const { bytes, end, state } = requestText;
    let code: number = state === BLOCK.OK ? 0 : state === BLOCK.CONNECT ? REFUSE.CONNECT : REFUSE.TOO_LARGE;
    let bodyAt = 0;
    if (code === 0) {
      bodyAt = scanRequest(bytes, HEAD_ROOM, end, http.max_header_size, http.max_header_count);
      if (bodyAt < 0) code = bodyAt === INCOMPLETE ? REFUSE.REQUEST_LINE : bodyAt;
    }
    if (code !== 0) {
      exchange.begin2(config, METHOD.OTHER);
      exchange.requestDone = endStream;
      exchange.refuse(code);
      return;
    }
    exchange.begin2(config, request.method);
    if (key !== '') exchange.startWebSocket(request, bytes, bodyAt, key);
    else if (endStream && request.contentLength > 0) this.session.resetStream(stream, ERROR.PROTOCOL_ERROR);
    else exchange.start(request, bytes, bodyAt, !endStream);
  }

  private trailers(stream: Stream, endStream: boolean, b: Uint8Array, start: number, end: number): number {
    trailerText.begin(this.limits.mostHead);
    if (!this.session.decoder.decode(b, start, end, trailerText)) return ERROR.COMPRESSION_ERROR;
    if (stream.remoteEnded) return this.session.resetStream(stream, ERROR.STREAM_CLOSED);
    if (!endStream || trailerText.state !== BLOCK.OK || stream.expected > 0)
      return this.session.resetStream(stream, ERROR.PROTOCOL_ERROR);
    this.session.bodyEnds(stream, trailerText.bytes, HEAD_ROOM, trailerText.end);
    return 0;
  }

  onStray(type: number, id: number): number {
    // A stream that has never been (RFC 9113 section 5.1, idle).
    if (id > this.lastStream || (id & 1) === 0) return ERROR.PROTOCOL_ERROR;
    return type === FRAME.DATA ? ERROR.STREAM_CLOSED : 0;
  }

  onSettings(): void {}

  onGoAway(): void {
    // The client opens no more streams: those that are open end, then the connection does.
    this.finalStream = Math.min(this.finalStream, this.lastStream);
    if (this.session.streams.count === 0) this.finish();
  }

  onPong(): void {
    if (this.grace !== null && this.finalStream === MOST_STREAM) this.sayFinal();
  }

  onStreamGone(): void {
    if (this.session.over || this.session.streams.count > 0) return;
    if (this.ended || this.finalStream !== MOST_STREAM) this.finish();
    else this.rearm();
  }

  onFatal(error: number): void {
    if (this.mode === Mode.Linger) return;
    this.session.goAway(this.lastStream, error);
    this.session.flush();
    this.linger(error);
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

  // What exchanges do

  /** The head of a final response is about to be written. */
  responseBegins(last: boolean): void {
    if (last || this.placement.draining) this.drainBegins();
  }

  // Ends

  /**
   * RFC 9113 section 6.8: a first GOAWAY that shuts nobody out, and when the client has seen it the final one.
   */
  drainBegins(): void {
    if (this.grace !== null || this.mode === Mode.Linger) return;
    this.grace = new Grace(this);
    this.session.goAway(MOST_STREAM, ERROR.NO_ERROR);
    this.session.ping();
    this.context.clock.arm(this.grace, GRACE_MS);
  }

  /** The final GOAWAY. */
  sayFinal(): void {
    if (this.mode === Mode.Linger || this.finalStream !== MOST_STREAM) return;
    this.finalStream = this.lastStream;
    this.session.goAway(this.lastStream, ERROR.NO_ERROR);
    if (this.session.streams.count === 0) this.finish();
  }

  /** Nothing is open any more: the connection ends in order. */
  private finish(): void {
    if (this.mode === Mode.Linger) return;
    if (this.finalStream === MOST_STREAM) this.session.goAway(this.lastStream, ERROR.NO_ERROR);
    this.session.flush();
    this.linger(ERROR.NO_ERROR);
  }

  /** The client gets time to take the last frames and to end its side. */
  private linger(error: number): void {
    this.mode = Mode.Linger;
    this.session.close(error);
    this.resume();
    if (this.ended) this.socket.close();
    else this.socket.shutdown();
    this.context.clock.arm(this, this.socket.queued > 0 ? STALLED_MS : LINGER_MS);
  }

  // Time

  private rearm(): void {
    if (this.mode === Mode.Linger) return;
    const { session } = this;
    const mode =
      session.streams.count > 0 || session.waits
        ? Mode.Look
        : !session.settled || session.midHead
          ? Mode.Head
          : Mode.Idle;
    if (mode === this.mode) return;
    this.mode = mode;
    const profile = profileOf(this.placement.service.config);
    const { clock } = this.context;
    if (mode === Mode.Look) clock.arm(this, LOOK_MS);
    else if (mode === Mode.Head) clock.arm(this, profile.client_header_timeout);
    else clock.arm(this, profile.keepalive_timeout);
  }

  private look(): void {
    const { session, socket } = this;
    if (!this.probed) {
      // Streams may be silent for long: a peer that is lost has to be noticed.
      this.probed = true;
      socket.keepAlive(KEEP_ALIVE_PROBES_MS);
    }
    session.look();
    if (session.over) return;
    this.headLooks = session.midHead ? this.headLooks + 1 : 0;
    const mostHead = profileOf(this.placement.service.config).client_header_timeout;
    if (mostHead > 0 && this.headLooks * LOOK_MS > mostHead) {
      this.onFatal(ERROR.ENHANCE_YOUR_CALM);
      return;
    }
    this.stuckLooks = session.waits && socket.queued === this.stuckAt ? this.stuckLooks + 1 : 0;
    this.stuckAt = socket.queued;
    if (this.stuckLooks * LOOK_MS >= STALLED_MS) {
      this.kill();
      return;
    }
    this.rearm();
  }
}

/** Between the two GOAWAYs. */
class Grace extends Timed {
  constructor(private readonly client: Http2Client) {
    super();
  }

  override onTimeout(): void {
    this.client.sayFinal();
  }
}
