import type { Transport } from '../transport/seam.js';
import { Allowance, type AllowanceLimits } from './allowance.js';
import { FrameReader, STOP, type FrameSink } from './frame-reader.js';
import { frameRule } from './frame-rules.js';
import { ping, rstStream, settingsAck, windowUpdate } from './frame-writer.js';
import { fields, fieldsOf, HeaderBlock, uint31, uint32 } from './header-block.js';
import { HpackDecoder } from './hpack/decoder.js';
import { CONNECTION_WINDOW, MOST_SETTINGS, MOST_SPARE_STREAMS } from './limits.js';
import {
  DEFAULT_WINDOW,
  ERROR,
  FLAG,
  FRAME,
  FRAME_SIZE,
  MOST_FRAME_SIZE,
  MOST_WINDOW,
  SETTING,
} from './protocol.js';
import { Sender, type SenderOwner } from './sender.js';
import { StreamTable } from './stream-table.js';
import { Stream, type StreamUser } from './stream.js';

/** What a session bounds of its peer; 0 is no bound. */
export interface SessionLimits extends AllowanceLimits {
  /** Window of each stream, bytes. */
  readonly window: number;
  /** Bytes of a head as text. */
  readonly mostHead: number;
}

/** The connection that a session belongs to. Returns of numbers are as those of FrameSink. */
export interface SessionOwner extends SenderOwner {
  /** A header block is complete. `stream` is null when no such stream is open. */
  onBlock(
    id: number,
    stream: Stream | null,
    endStream: boolean,
    b: Uint8Array,
    start: number,
    end: number,
  ): number;
  /** A frame for a stream that is not open; 0 when it may be ignored. */
  onStray(type: number, id: number): number;
  onSettings(): void;
  onGoAway(lastStream: number, error: number): void;
  onPong(): void;
  /** A stream is closed and out of the table. */
  onStreamGone(): void;
  /** The session has ended itself with a GOAWAY of this error; the connection is to be closed. */
  onFatal(error: number): void;
}

const EMPTY = new Uint8Array(0);

/**
 * What both ends of an HTTP/2 connection do: frames, flow control both ways, streams, header compression, bounds.
 * Priorities are read past (RFC 9113 section 5.3 has deprecated them).
 */
export class Session extends Sender implements FrameSink {
  readonly streams = new StreamTable();
  readonly decoder = new HpackDecoder();
  private readonly reader = new FrameReader(this);
  private readonly block = new HeaderBlock();
  private readonly spare: Stream[] = [];

  /** Of the peer's SETTINGS. */
  private peerWindow = DEFAULT_WINDOW;
  peerStreams = Infinity;
  peerConnects = false;
  /** The peer's first SETTINGS have come. */
  settled = false;

  private receiveWindow = DEFAULT_WINDOW;
  /** Received and passed on, to be given back as credit of the connection. */
  private owed = 0;

  private frameType = 0;
  private frameFlags = 0;
  private frameStream: Stream | null = null;
  /** Bytes of the DATA frame under way that nobody has been given. */
  private frameUnpaid = 0;

  constructor(
    transport: Transport,
    protected override readonly owner: SessionOwner,
    private readonly limits: SessionLimits,
  ) {
    super(transport, owner, new Allowance(limits));
  }

  /** The window of the whole connection is more than the one of its start: call after the first SETTINGS. */
  widen(): void {
    const most = Math.max(CONNECTION_WINDOW, 2 * this.limits.window);
    windowUpdate(this.out, 0, most - this.receiveWindow);
    this.receiveWindow = most;
    this.touch();
  }

  // Received

  receive(b: Uint8Array, start: number, end: number): void {
    if (this.over) return;
    const error = this.reader.read(b, start, end);
    if (error > 0) this.fail(error);
  }

  /** Part of a header block, or of another frame that is not DATA, has come and not the rest. */
  get midHead(): boolean {
    return this.block.of !== 0 || (this.reader.midFrame && this.frameType !== FRAME.DATA);
  }

  frameBegins(type: number, flags: number, id: number, length: number): number {
    this.frameType = type;
    this.frameFlags = flags;
    if (this.block.of !== 0 && (type !== FRAME.CONTINUATION || id !== this.block.of))
      return ERROR.PROTOCOL_ERROR;
    if (!this.settled && type !== FRAME.SETTINGS) return ERROR.PROTOCOL_ERROR;
    const rule = frameRule(type, flags, id, length);
    if (rule !== 0) return rule;
    if (type === FRAME.DATA) return this.dataBegins(id, length);
    if (type === FRAME.HEADERS || type === FRAME.CONTINUATION) return 0;
    return this.allowance.control() ? 0 : ERROR.ENHANCE_YOUR_CALM;
  }

  private dataBegins(id: number, length: number): number {
    const stream = this.streams.find(id);
    this.frameStream = stream;
    this.frameUnpaid = length;
    this.receiveWindow -= length;
    if (this.receiveWindow < 0) return ERROR.FLOW_CONTROL_ERROR;
    if (length === 0 && (this.frameFlags & FLAG.END_STREAM) === 0) {
      if (!this.allowance.empty()) return ERROR.ENHANCE_YOUR_CALM;
    } else this.allowance.used();
    if (stream === null) return this.allowance.wasReset(id) ? 0 : this.owner.onStray(FRAME.DATA, id);
    if (stream.remoteEnded) return this.resetStream(stream, ERROR.STREAM_CLOSED);
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) return this.resetStream(stream, ERROR.FLOW_CONTROL_ERROR);
    return 0;
  }

  data(b: Uint8Array, start: number, end: number, last: boolean): number {
    const stream = this.frameStream;
    const length = end - start;
    this.frameUnpaid -= length;
    if (last) {
      // The padding.
      if (stream !== null) stream.owed += this.frameUnpaid;
      this.repay(this.frameUnpaid);
      this.frameUnpaid = 0;
    }
    if (stream === null) {
      this.repay(length);
      return 0;
    }
    const ends = last && (this.frameFlags & FLAG.END_STREAM) !== 0;
    stream.still = 0;
    stream.owed += length;
    if (stream.expected >= 0) {
      stream.expected -= length;
      if (stream.expected < 0 || (ends && stream.expected > 0)) {
        this.repay(length);
        return this.resetStream(stream, ERROR.PROTOCOL_ERROR);
      }
    }
    if (ends) stream.remoteEnded = true;
    const { id } = stream;
    if (length > 0) this.pass(stream, b, start, end);
    if (last) this.frameStream = null;
    if (stream.is(id)) {
      if (ends) this.bodyEnds(stream, EMPTY, 0, 0);
      else if (last && !stream.blocked) this.credit(stream);
    }
    return this.over ? STOP : 0;
  }

  private pass(stream: Stream, b: Uint8Array, start: number, end: number): void {
    const { id } = stream;
    const taken = stream.user!.onBody(b, start, end);
    if (taken || !stream.is(id)) this.repay(end - start);
    else {
      stream.blocked = true;
      stream.held += end - start;
    }
  }

  /** The peer's side of the stream has ended; b[start..end) are lines of trailers. */
  bodyEnds(stream: Stream, b: Uint8Array, start: number, end: number): void {
    const { id } = stream;
    stream.remoteEnded = true;
    stream.user!.onBodyEnd(b, start, end);
    if (stream.is(id)) this.closeIfDone(stream);
  }

  payload(type: number, flags: number, id: number, b: Uint8Array, start: number, end: number): number {
    switch (type) {
      case FRAME.HEADERS:
        return this.headers(flags, id, b, start, end);
      case FRAME.CONTINUATION:
        return this.continuation(flags, id, b, start, end);
      case FRAME.SETTINGS:
        return (flags & FLAG.ACK) !== 0 ? 0 : this.settings(b, start, end);
      case FRAME.PING:
        if ((flags & FLAG.ACK) !== 0) this.owner.onPong();
        else {
          ping(this.out, FLAG.ACK, b, start);
          return this.control();
        }
        return 0;
      case FRAME.GOAWAY:
        this.owner.onGoAway(uint31(b, start), uint32(b, start + 4));
        return this.over ? STOP : 0;
      case FRAME.WINDOW_UPDATE:
        return this.windowUpdated(id, uint31(b, start));
      case FRAME.RST_STREAM:
        return this.resetByPeer(id, uint32(b, start));
      case FRAME.PRIORITY:
        return this.priority(id, b, start, end);
      default:
        return ERROR.PROTOCOL_ERROR; // PUSH_PROMISE: nobody may push to us
    }
  }

  private headers(flags: number, id: number, b: Uint8Array, from: number, to: number): number {
    const refused = fieldsOf(flags, id, b, from, to);
    if (refused !== 0) return refused;
    const ends = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) return this.blockDone(id, ends, b, fields.start, fields.end);
    this.block.begin(id, ends);
    return this.block.add(b, fields.start, fields.end, this.limits.mostHead);
  }

  private continuation(flags: number, id: number, b: Uint8Array, start: number, end: number): number {
    const { block } = this;
    if (block.of === 0) return ERROR.PROTOCOL_ERROR;
    const refused = block.continued() || block.add(b, start, end, this.limits.mostHead);
    if (refused !== 0 || (flags & FLAG.END_HEADERS) === 0) return refused;
    return this.blockDone(id, block.endsStream, block.take(), 0, block.length);
  }

  private blockDone(id: number, ends: boolean, b: Uint8Array, start: number, end: number): number {
    const stream = this.streams.find(id);
    const refused = this.owner.onBlock(id, stream, ends, b, start, end);
    if (refused !== 0) return refused;
    return this.over ? STOP : 0;
  }

  private settings(b: Uint8Array, start: number, end: number): number {
    if (end - start > 6 * MOST_SETTINGS) return ERROR.ENHANCE_YOUR_CALM;
    for (let i = start; i < end; i += 6) {
      const refused = this.setting((b[i]! << 8) | b[i + 1]!, uint32(b, i + 2));
      if (refused !== 0) return refused;
    }
    settingsAck(this.out);
    this.settled = true;
    this.owner.onSettings();
    if (this.ring !== null) this.pump();
    return this.control();
  }

  /** RFC 9113 section 6.5.2. */
  private setting(id: number, value: number): number {
    switch (id) {
      case SETTING.HEADER_TABLE_SIZE:
        this.encoder.allow(value);
        return 0;
      case SETTING.ENABLE_PUSH:
        return value > 1 ? ERROR.PROTOCOL_ERROR : 0;
      case SETTING.MAX_CONCURRENT_STREAMS:
        this.peerStreams = value;
        return 0;
      case SETTING.INITIAL_WINDOW_SIZE: {
        if (value > MOST_WINDOW) return ERROR.FLOW_CONTROL_ERROR;
        const by = value - this.peerWindow;
        this.peerWindow = value;
        if (by === 0) return 0;
        for (const stream of this.streams.all()) {
          stream.sendWindow += by;
          if (stream.sendWindow > MOST_WINDOW) return ERROR.FLOW_CONTROL_ERROR;
          if (stream.queued > 0 && stream.sendWindow > 0) this.enter(stream);
        }
        return 0;
      }
      case SETTING.MAX_FRAME_SIZE:
        if (value < FRAME_SIZE || value > MOST_FRAME_SIZE) return ERROR.PROTOCOL_ERROR;
        this.peerFrameSize = Math.min(value, FRAME_SIZE);
        return 0;
      case SETTING.ENABLE_CONNECT_PROTOCOL:
        if (value > 1) return ERROR.PROTOCOL_ERROR;
        this.peerConnects = value === 1;
        return 0;
      default:
        return 0;
    }
  }

  private windowUpdated(id: number, by: number): number {
    if (id === 0) {
      if (by === 0) return ERROR.PROTOCOL_ERROR;
      this.sendWindow += by;
      if (this.sendWindow > MOST_WINDOW) return ERROR.FLOW_CONTROL_ERROR;
      if (this.ring !== null) this.pump();
      return 0;
    }
    const stream = this.streams.find(id);
    if (stream === null) return this.allowance.wasReset(id) ? 0 : this.owner.onStray(FRAME.WINDOW_UPDATE, id);
    if (by === 0) return this.resetStream(stream, ERROR.PROTOCOL_ERROR);
    stream.sendWindow += by;
    if (stream.sendWindow > MOST_WINDOW) return this.resetStream(stream, ERROR.FLOW_CONTROL_ERROR);
    if (stream.queued > 0 && stream.sendWindow > 0) {
      this.enter(stream);
      this.pump();
    }
    return 0;
  }

  private resetByPeer(id: number, error: number): number {
    const stream = this.streams.find(id);
    if (stream === null) return this.allowance.wasReset(id) ? 0 : this.owner.onStray(FRAME.RST_STREAM, id);
    if (!this.allowance.reset(this.transport.now())) return ERROR.ENHANCE_YOUR_CALM;
    this.forget(stream, error, true);
    return this.over ? STOP : 0;
  }

  private priority(id: number, b: Uint8Array, start: number, end: number): number {
    const wrong =
      end - start !== 5 ? ERROR.FRAME_SIZE_ERROR : uint31(b, start) === id ? ERROR.PROTOCOL_ERROR : 0;
    if (wrong === 0) return 0;
    const stream = this.streams.find(id);
    if (stream !== null) return this.resetStream(stream, wrong);
    return wrong;
  }

  /** A control frame has been written in answer to one. */
  private control(): number {
    if (this.stuck && !this.allowance.waits()) return ERROR.ENHANCE_YOUR_CALM;
    this.touch();
    return 0;
  }

  // Streams

  /** We have reset that stream lately: frames for it may still be on their way. */
  wasReset(id: number): boolean {
    return this.allowance.wasReset(id);
  }

  open(id: number, user: StreamUser): Stream {
    const stream = this.spare.pop() ?? new Stream();
    stream.begin(id, user, this.peerWindow, this.limits.window);
    this.streams.add(stream);
    return stream;
  }

  /** Resets a stream, counted against who may have provoked it; 0, or the error that ends the connection. */
  resetStream(stream: Stream, error: number): number {
    if (!this.allowance.reset(this.transport.now())) return ERROR.ENHANCE_YOUR_CALM;
    this.cancel(stream, error);
    return this.over ? STOP : 0;
  }

  /** Resets a stream for a reason of our own; its user is told. */
  cancel(stream: Stream, error: number): void {
    rstStream(this.out, stream.id, error);
    this.allowance.remember(stream.id);
    this.touch();
    this.forget(stream, error, false);
  }

  /** Like `resetStream`, for a stream that was not opened. */
  refuseStream(id: number, error: number): number {
    if (!this.allowance.reset(this.transport.now())) return ERROR.ENHANCE_YOUR_CALM;
    rstStream(this.out, id, error);
    this.allowance.remember(id);
    return this.control();
  }

  /** The user has no more to do with it: it is reset without telling. */
  drop(stream: Stream, error: number): void {
    if (stream.user === null) return;
    stream.user = SILENT;
    this.cancel(stream, error);
  }

  private forget(stream: Stream, error: number, byPeer: boolean): void {
    const user = stream.user!;
    this.remove(stream);
    user.onReset(error, byPeer);
    this.owner.onStreamGone();
  }

  /** Lets go of a stream that both sides have ended. */
  closeIfDone(stream: Stream): void {
    const { user } = stream;
    if (user === null || !stream.localEnded || stream.queued > 0 || stream.trailers !== null) return;
    if (!stream.remoteEnded) {
      if (stream.resetWith < 0) return;
      // RFC 9113 section 8.1: the response is complete, the rest of the request is not needed.
      rstStream(this.out, stream.id, stream.resetWith);
      this.allowance.remember(stream.id);
      this.touch();
    }
    this.allowance.used();
    this.remove(stream);
    user.onClosed();
    this.owner.onStreamGone();
  }

  private remove(stream: Stream): void {
    this.streams.remove(stream);
    this.discard(stream);
    stream.trailers = null;
    this.repay(stream.held);
    if (this.frameStream === stream) this.frameStream = null;
    stream.user = null;
    if (this.spare.length < MOST_SPARE_STREAMS) this.spare.push(stream);
  }

  /** Looks whether streams move; call it every LOOK_MS. */
  look(): void {
    for (const stream of this.streams.all()) stream.user?.onStill(++stream.still);
  }

  // Credit

  /** The user takes again what comes on a stream that it had not taken. */
  taken(stream: Stream): void {
    if (!stream.blocked) return;
    stream.blocked = false;
    this.repay(stream.held);
    stream.held = 0;
    if (!stream.remoteEnded) this.credit(stream);
  }

  /** Gives the peer credit for the stream, when it is worth a frame. */
  private credit(stream: Stream): void {
    const { owed } = stream;
    if (owed * 2 < this.limits.window) return;
    stream.owed = 0;
    windowUpdate(this.out, stream.id, owed);
    stream.receiveWindow += owed;
    this.touch();
  }

  private repay(bytes: number): void {
    this.owed += bytes;
    if (this.owed < CONNECTION_WINDOW / 4) return;
    windowUpdate(this.out, 0, this.owed);
    this.receiveWindow += this.owed;
    this.owed = 0;
    this.touch();
  }

  // Ends

  /** Ends the session because of an error of the peer's (RFC 9113 section 5.4.1). */
  fail(error: number): void {
    if (this.over) return;
    this.owner.onFatal(error);
  }

  /** Nothing more will be read or written; what streams are open are told. */
  close(error: number): void {
    if (this.over) return;
    this.over = true;
    for (const stream of this.streams.all()) if (stream.user !== null) this.forget(stream, error, false);
    this.out.clear();
  }
}

/** Of a stream whose user has gone. */
const SILENT: StreamUser = {
  onBody: () => true,
  onBodyEnd() {},
  onTaken() {},
  onStill() {},
  onReset() {},
  onClosed() {},
};
