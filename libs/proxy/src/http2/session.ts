import type { Deferred, Socket, Transport } from '../transport/seam.js';
import { copyInto } from '../bytes.js';
import { FrameReader, STOP, type FrameSink } from './frame-reader.js';
import { frameRule } from './frame-rules.js';
import {
  endHeaders,
  goAway,
  header,
  headerAt,
  ping,
  rstStream,
  settingsAck,
  windowUpdate,
} from './frame-writer.js';
import { HpackDecoder } from './hpack/decoder.js';
import { HpackEncoder } from './hpack/encoder.js';
import {
  BLOCK_SLACK,
  CONNECTION_WINDOW,
  CONTROL_PER_USE,
  MOST_CONTINUATIONS,
  MOST_SETTINGS,
  MOST_SPARE_STREAMS,
  MOST_WAITING,
  RESET_BURST,
  RESET_MEMORY,
  RESETS_PER_SECOND,
} from './limits.js';
import { Output, OUTPUT_SIZE } from './output.js';
import {
  DEFAULT_WINDOW,
  ERROR,
  FLAG,
  FRAME,
  FRAME_HEADER,
  FRAME_SIZE,
  MOST_FRAME_SIZE,
  MOST_WINDOW,
  SETTING,
} from './protocol.js';
import { StreamTable } from './stream-table.js';
import { Stream, type StreamUser } from './stream.js';

/** What a session bounds of its peer; 0 is no bound. */
export interface SessionLimits {
  /** Window of each stream, bytes. */
  readonly window: number;
  /** Bytes of a head as text. */
  readonly mostHead: number;
  /** Control frames beyond those that go with use. */
  readonly controlFrames: number;
  /** Empty DATA frames that end nothing. */
  readonly emptyData: number;
  /** Control frames that wait for a socket that takes nothing. */
  readonly queuedFrames: number;
}

/** The connection that a session belongs to. Returns of numbers are as those of FrameSink. */
export interface SessionOwner {
  readonly socket: Socket;
  /** Writes to the socket and counts. */
  write(b: Uint8Array, start: number, end: number): boolean;
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
  pause(): void;
  resume(): void;
}

let waiting = 0;
/** Bytes that all sessions keep back because of flow control. */
export const bytesWaiting = (): number => waiting;

const EMPTY = new Uint8Array(0);
const PING_DATA = new Uint8Array(8);

/**
 * What both ends of an HTTP/2 connection do: frames, flow control both ways, streams, header compression, bounds.
 * Frames of one turn of the event loop leave in one write; DATA of several streams takes turns by frame. Priorities
 * are read past (RFC 9113 section 5.3 has deprecated them).
 */
export class Session implements FrameSink, Deferred {
  readonly out = new Output();
  readonly streams = new StreamTable();
  readonly decoder = new HpackDecoder();
  readonly encoder = new HpackEncoder();
  private readonly reader = new FrameReader(this);
  private spare: Stream[] = [];

  /** Of the peer's SETTINGS. */
  peerFrameSize = FRAME_SIZE;
  peerWindow = DEFAULT_WINDOW;
  peerStreams = Infinity;
  peerConnects = false;
  /** The peer's first SETTINGS have come. */
  settled = false;
  /** Nothing is read or written any more. */
  over = false;

  private sendWindow = DEFAULT_WINDOW;
  private receiveWindow = DEFAULT_WINDOW;
  /** Received and passed on, to be given back as credit of the connection. */
  private owed = 0;
  /** The socket has not taken everything. */
  private stuck = false;
  private paused = false;
  /** Number of the present fill of the output. */
  private fill = 0;
  private scheduled = false;
  /** Streams that may send DATA, each after the other: the last one, whose next is the first. */
  private ring: Stream | null = null;

  private frameType = 0;
  private frameFlags = 0;
  private frameStream: Stream | null = null;
  /** Bytes of the DATA frame under way that nobody has been given. */
  private frameUnpaid = 0;
  /** A header block whose end has not come: its stream, 0 for none. */
  private blockOf = 0;
  private blockEnds = false;
  private block: Uint8Array = EMPTY;
  private blockLength = 0;
  private continuations = 0;

  private controlLeft: number;
  private emptyLeft: number;
  private queuedFrames = 0;
  private resetsLeft = RESET_BURST;
  private resetsAt = 0;
  private reset: Int32Array | null = null;
  private resetAt = 0;

  constructor(
    private readonly transport: Transport,
    private readonly owner: SessionOwner,
    private readonly limits: SessionLimits,
  ) {
    this.controlLeft = limits.controlFrames;
    this.emptyLeft = limits.emptyData;
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
    return this.blockOf !== 0 || (this.reader.midFrame && this.frameType !== FRAME.DATA);
  }

  frameBegins(type: number, flags: number, id: number, length: number): number {
    this.frameType = type;
    this.frameFlags = flags;
    if (this.blockOf !== 0 && (type !== FRAME.CONTINUATION || id !== this.blockOf))
      return ERROR.PROTOCOL_ERROR;
    if (!this.settled && type !== FRAME.SETTINGS) return ERROR.PROTOCOL_ERROR;
    const rule = frameRule(type, flags, id, length);
    if (rule !== 0) return rule;
    if (type === FRAME.DATA) return this.dataBegins(id, length);
    if (type !== FRAME.HEADERS && type !== FRAME.CONTINUATION) {
      if (this.limits.controlFrames > 0 && --this.controlLeft < 0) return ERROR.ENHANCE_YOUR_CALM;
    }
    return 0;
  }

  private dataBegins(id: number, length: number): number {
    const stream = this.streams.find(id);
    this.frameStream = stream;
    this.frameUnpaid = length;
    this.receiveWindow -= length;
    if (this.receiveWindow < 0) return ERROR.FLOW_CONTROL_ERROR;
    if (length === 0 && (this.frameFlags & FLAG.END_STREAM) === 0) {
      if (this.limits.emptyData > 0 && --this.emptyLeft < 0) return ERROR.ENHANCE_YOUR_CALM;
    } else this.used();
    if (stream === null) return this.wasReset(id) ? 0 : this.owner.onStray(FRAME.DATA, id);
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
    if (length > 0) this.pass(stream, b, start, end);
    if (last) this.frameStream = null;
    // The stream may have come to its end by what it was given.
    if (stream.user !== null) {
      if (ends) this.bodyEnds(stream, EMPTY, 0, 0);
      else if (last && !stream.blocked) this.credit(stream);
    }
    return this.over ? STOP : 0;
  }

  private pass(stream: Stream, b: Uint8Array, start: number, end: number): void {
    const taken = stream.user!.onBody(b, start, end);
    if (taken || stream.user === null) this.repay(end - start);
    else {
      stream.blocked = true;
      stream.held += end - start;
    }
  }

  /** The peer's side of the stream has ended; b[start..end) are lines of trailers. */
  bodyEnds(stream: Stream, b: Uint8Array, start: number, end: number): void {
    stream.remoteEnded = true;
    stream.user!.onBodyEnd(b, start, end);
    this.closeIfDone(stream);
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
    let start = from;
    let end = to;
    if ((flags & FLAG.PADDED) !== 0) {
      if (start >= end) return ERROR.FRAME_SIZE_ERROR;
      end -= b[start++]!;
    }
    if ((flags & FLAG.PRIORITY) !== 0) {
      if (end - start < 5) return end < start ? ERROR.PROTOCOL_ERROR : ERROR.FRAME_SIZE_ERROR;
      if (uint31(b, start) === id) return ERROR.PROTOCOL_ERROR;
      start += 5;
    }
    if (end < start) return ERROR.PROTOCOL_ERROR;
    const ends = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) return this.blockDone(id, ends, b, start, end);
    this.blockOf = id;
    this.blockEnds = ends;
    this.blockLength = 0;
    this.continuations = 0;
    return this.gather(b, start, end);
  }

  private continuation(flags: number, id: number, b: Uint8Array, start: number, end: number): number {
    if (this.blockOf === 0) return ERROR.PROTOCOL_ERROR;
    if (++this.continuations > MOST_CONTINUATIONS) return ERROR.ENHANCE_YOUR_CALM;
    const refused = this.gather(b, start, end);
    if (refused !== 0 || (flags & FLAG.END_HEADERS) === 0) return refused;
    this.blockOf = 0;
    const { block } = this;
    this.block = EMPTY;
    return this.blockDone(id, this.blockEnds, block, 0, this.blockLength);
  }

  private gather(b: Uint8Array, start: number, end: number): number {
    const length = this.blockLength + end - start;
    if (length > this.limits.mostHead + BLOCK_SLACK) return ERROR.ENHANCE_YOUR_CALM;
    if (length > this.block.length) {
      const larger = Buffer.allocUnsafeSlow(2 * length);
      copyInto(larger, 0, this.block, 0, this.blockLength);
      this.block = larger;
    }
    copyInto(this.block, this.blockLength, b, start, end);
    this.blockLength = length;
    return 0;
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
    if (stream === null) return this.wasReset(id) ? 0 : this.owner.onStray(FRAME.WINDOW_UPDATE, id);
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
    if (stream === null) return this.wasReset(id) ? 0 : this.owner.onStray(FRAME.RST_STREAM, id);
    if (!this.mayReset()) return ERROR.ENHANCE_YOUR_CALM;
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

  /** A frame of use has come or gone: more control frames are in order. */
  private used(): void {
    const { controlFrames } = this.limits;
    if (this.controlLeft < controlFrames)
      this.controlLeft = Math.min(controlFrames, this.controlLeft + CONTROL_PER_USE);
  }

  /** A control frame has been written in answer to one. */
  private control(): number {
    if (this.stuck && this.limits.queuedFrames > 0 && ++this.queuedFrames > this.limits.queuedFrames)
      return ERROR.ENHANCE_YOUR_CALM;
    this.touch();
    return 0;
  }

  // Streams

  open(id: number, user: StreamUser): Stream {
    const stream = this.spare.pop() ?? new Stream();
    stream.begin(id, user, this.peerWindow, this.limits.window);
    this.streams.add(stream);
    return stream;
  }

  /** Resets a stream, counted against who may have provoked it; 0, or the error that ends the connection. */
  resetStream(stream: Stream, error: number): number {
    if (!this.mayReset()) return ERROR.ENHANCE_YOUR_CALM;
    this.cancel(stream, error);
    return this.over ? STOP : 0;
  }

  /** Resets a stream for a reason of our own; its user is told. */
  cancel(stream: Stream, error: number): void {
    rstStream(this.out, stream.id, error);
    this.remember(stream.id);
    this.touch();
    this.forget(stream, error, false);
  }

  /** Like `resetStream`, for a stream that was not opened. */
  refuseStream(id: number, error: number): number {
    if (!this.mayReset()) return ERROR.ENHANCE_YOUR_CALM;
    rstStream(this.out, id, error);
    this.remember(id);
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
      this.remember(stream.id);
      this.touch();
    }
    this.used();
    this.remove(stream);
    user.onClosed();
    this.owner.onStreamGone();
  }

  private remove(stream: Stream): void {
    this.streams.remove(stream);
    this.leave(stream);
    waiting -= stream.queued;
    stream.dropAll();
    this.repay(stream.held);
    if (this.frameStream === stream) this.frameStream = null;
    stream.user = null;
    if (this.spare.length < MOST_SPARE_STREAMS) this.spare.push(stream);
  }

  /** Tokens for resets: a burst, and some each second. */
  private mayReset(): boolean {
    const now = this.transport.now();
    const earned = ((now - this.resetsAt) * RESETS_PER_SECOND) / 1000;
    this.resetsLeft = Math.min(RESET_BURST, this.resetsLeft + earned) - 1;
    this.resetsAt = now;
    return this.resetsLeft >= 0;
  }

  private remember(id: number): void {
    this.reset ??= new Int32Array(RESET_MEMORY);
    this.reset[this.resetAt++ % RESET_MEMORY] = id;
  }

  /** We have reset that stream lately: frames for it may still be on their way. */
  wasReset(id: number): boolean {
    return this.reset !== null && this.reset.includes(id);
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

  // Sent

  /** Begins a block of fields: write them with `encoder` into `out`, then `endBlock` with what this returns. */
  beginBlock(): number {
    const { out } = this;
    out.reserve(FRAME_HEADER);
    const from = out.end;
    out.end += FRAME_HEADER;
    this.encoder.begin(out);
    return from;
  }

  endBlock(stream: Stream, from: number, endStream: boolean): void {
    stream.lastFrame = from;
    stream.lastFill = this.fill;
    endHeaders(this.out, from, stream.id, endStream ? FLAG.END_STREAM : 0, this.peerFrameSize);
    this.touch();
  }

  /** Sends DATA as far as windows and socket allow and keeps the rest. False when some is kept. */
  send(stream: Stream, b: Uint8Array, start: number, end: number): boolean {
    if (stream.user === null) return true;
    let at = start;
    if (stream.queued === 0) {
      while (at < end && !this.stuck) {
        const n = Math.min(end - at, this.peerFrameSize, stream.sendWindow, this.sendWindow);
        if (n <= 0) break;
        this.frame(stream, b, at, n);
        at += n;
      }
    }
    if (at === end) return true;
    if (stream.queued === 0) stream.still = 0;
    stream.keep(b, at, end);
    waiting += end - at;
    if (stream.sendWindow > 0) this.enter(stream);
    return false;
  }

  /** Ends our side of the stream, with trailer lines if there are some, when all that is kept has gone. */
  finish(stream: Stream, trailers: Uint8Array | null): void {
    if (stream.user === null || stream.localEnded) return;
    stream.localEnded = true;
    if (stream.queued > 0) {
      stream.trailers = trailers;
      return;
    }
    this.writeEnd(stream, trailers);
    this.closeIfDone(stream);
  }

  private writeEnd(stream: Stream, trailers: Uint8Array | null): void {
    stream.trailers = null;
    const { out } = this;
    if (trailers !== null) {
      const from = this.beginBlock();
      this.encodeLines(trailers, 0, trailers.length);
      this.endBlock(stream, from, true);
      return;
    }
    if (stream.lastFill === this.fill && out.end > 0) {
      out.bytes[stream.lastFrame + 4]! |= FLAG.END_STREAM;
      return;
    }
    header(out, 0, FRAME.DATA, FLAG.END_STREAM, stream.id);
    this.touch();
  }

  /** Encodes lines `name: value` with CRLFs. */
  encodeLines(b: Uint8Array, start: number, end: number): void {
    for (let line = start; line < end;) {
      let colon = line;
      while (colon < end && b[colon] !== COLON) colon++;
      let valueAt = colon + 1;
      while (valueAt < end && (b[valueAt] === 32 || b[valueAt] === 9)) valueAt++;
      let next = valueAt;
      while (next < end && b[next] !== LF) next++;
      let valueEnd = next;
      while (valueEnd > valueAt && b[valueEnd - 1]! <= 32) valueEnd--;
      this.encoder.field(this.out, b, line, colon, b, valueAt, valueEnd);
      line = next + 1;
    }
  }

  private frame(stream: Stream, b: Uint8Array, at: number, length: number): void {
    const { out } = this;
    out.reserve(FRAME_HEADER + length);
    stream.lastFrame = out.end;
    stream.lastFill = this.fill;
    headerAt(out.bytes, out.end, length, FRAME.DATA, 0, stream.id);
    copyInto(out.bytes, out.end + FRAME_HEADER, b, at, at + length);
    out.end += FRAME_HEADER + length;
    stream.sendWindow -= length;
    this.sendWindow -= length;
    this.used();
    if (out.end >= OUTPUT_SIZE - FRAME_SIZE - 256) this.flush();
    else this.touch();
  }

  /** Sends what streams keep back, a frame of each in turn. */
  private pump(): void {
    while (this.ring !== null && !this.stuck && this.sendWindow > 0 && !this.over) {
      const stream = this.ring.nextInRing!;
      const piece = stream.queue[0]!;
      const n = Math.min(
        piece.length - stream.queueAt,
        this.peerFrameSize,
        stream.sendWindow,
        this.sendWindow,
      );
      this.frame(stream, piece, stream.queueAt, n);
      stream.drop(n);
      waiting -= n;
      stream.still = 0;
      if (stream.queued === 0) {
        this.leave(stream);
        if (stream.localEnded) {
          this.writeEnd(stream, stream.trailers);
          this.closeIfDone(stream);
        } else stream.user!.onTaken();
      } else if (stream.sendWindow <= 0) this.leave(stream);
      else this.ring = stream;
    }
  }

  private enter(stream: Stream): void {
    if (stream.inRing) return;
    stream.inRing = true;
    if (this.ring === null) stream.nextInRing = stream;
    else {
      stream.nextInRing = this.ring.nextInRing;
      this.ring.nextInRing = stream;
    }
    this.ring = stream;
  }

  private leave(stream: Stream): void {
    if (!stream.inRing) return;
    stream.inRing = false;
    let before = this.ring!;
    while (before.nextInRing !== stream) before = before.nextInRing!;
    if (before === stream) this.ring = null;
    else {
      before.nextInRing = stream.nextInRing;
      if (this.ring === stream) this.ring = before;
    }
    stream.nextInRing = null;
  }

  /** Something has been written: it leaves at the end of this turn. */
  touch(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.transport.afterTurn(this);
  }

  run(): void {
    this.scheduled = false;
    this.flush();
  }

  /** Gives the output to the socket. */
  flush(): void {
    const { out, owner } = this;
    if (out.end === 0) return;
    this.fill++;
    if (!owner.write(out.bytes, 0, out.end)) {
      this.stuck = true;
      if (!this.paused && owner.socket.queued > MOST_WAITING) {
        this.paused = true;
        owner.pause();
      }
    }
    out.clear();
  }

  /** The socket has taken everything. */
  drained(): void {
    this.stuck = false;
    this.queuedFrames = 0;
    if (this.paused) {
      this.paused = false;
      this.owner.resume();
    }
    this.pump();
  }

  /** Something waits for the socket. */
  get waits(): boolean {
    return this.stuck;
  }

  // Ends

  /** Asks for an answer (`onPong`). */
  ping(): void {
    ping(this.out, 0, PING_DATA, 0);
    this.touch();
  }

  goAway(lastStream: number, error: number): void {
    goAway(this.out, lastStream, error);
    this.touch();
  }

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

const COLON = 58;
const LF = 10;

const uint32 = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
const uint31 = (b: Uint8Array, at: number): number => uint32(b, at) & 0x7fff_ffff;

/** Of a stream whose user has gone. */
const SILENT: StreamUser = {
  onBody: () => true,
  onBodyEnd() {},
  onTaken() {},
  onStill() {},
  onReset() {},
  onClosed() {},
};
