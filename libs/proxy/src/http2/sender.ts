import { copyInto } from '../bytes.js';
import type { Deferred, Socket, Transport } from '../transport/seam.js';
import type { Allowance } from './allowance.js';
import { endHeaders, goAway, header, headerAt, ping } from './frame-writer.js';
import { HpackEncoder } from './hpack/encoder.js';
import { MOST_WAITING } from './limits.js';
import { Output, OUTPUT_SIZE } from './output.js';
import { DEFAULT_WINDOW, FLAG, FRAME, FRAME_HEADER, FRAME_SIZE } from './protocol.js';
import type { Stream } from './stream.js';

/** The connection as far as sending goes. */
export interface SenderOwner {
  readonly socket: Socket;
  /** Writes to the socket and counts. */
  write(b: Uint8Array, start: number, end: number): boolean;
  /** Reads no more, since too much waits to be taken by the peer. */
  pause(): void;
  resume(): void;
}

let waiting = 0;
/** Bytes that all connections keep back because of flow control. */
export const bytesWaiting = (): number => waiting;

const PING_DATA = new Uint8Array(8);

/**
 * The sending half of an HTTP/2 connection. Frames of one turn of the event loop leave in one write; DATA goes as far
 * as windows and socket allow, the rest waits in its stream; streams that wait take turns by frame.
 */
export abstract class Sender implements Deferred {
  readonly out = new Output();
  readonly encoder = new HpackEncoder();
  /** Of the peer's SETTINGS, at most what we care to send. */
  protected peerFrameSize = FRAME_SIZE;
  /** What the peer lets us send on all streams together. */
  protected sendWindow = DEFAULT_WINDOW;
  /** Nothing is read or written any more. */
  over = false;
  /** The socket has not taken everything. */
  protected stuck = false;
  private paused = false;
  /** Number of the present fill of the output. */
  private fill = 0;
  private scheduled = false;
  /** Streams that may send DATA, each after the other: the last one, whose next is the first. */
  protected ring: Stream | null = null;

  constructor(
    protected readonly transport: Transport,
    protected readonly owner: SenderOwner,
    protected readonly allowance: Allowance,
  ) {}

  /** Lets go of a stream that both sides have ended. */
  abstract closeIfDone(stream: Stream): void;

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
    this.allowance.used();
    if (out.end >= OUTPUT_SIZE - FRAME_SIZE - 256) this.flush();
    else this.touch();
  }

  /** Sends what streams keep back, a frame of each in turn. */
  protected pump(): void {
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

  protected enter(stream: Stream): void {
    if (stream.inRing) return;
    stream.inRing = true;
    if (this.ring === null) stream.nextInRing = stream;
    else {
      stream.nextInRing = this.ring.nextInRing;
      this.ring.nextInRing = stream;
    }
    this.ring = stream;
  }

  protected leave(stream: Stream): void {
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
    this.allowance.drained();
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

  /** Asks for an answer (`onPong`). */
  ping(): void {
    ping(this.out, 0, PING_DATA, 0);
    this.touch();
  }

  goAway(lastStream: number, error: number): void {
    goAway(this.out, lastStream, error);
    this.touch();
  }

  /** What the stream keeps back is not needed any more. */
  protected discard(stream: Stream): void {
    this.leave(stream);
    if (stream.queued === 0) return;
    waiting -= stream.queued;
    stream.dropAll();
  }
}

const COLON = 58;
const LF = 10;
