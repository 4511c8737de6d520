import { copyOf } from '../bytes.js';

/** What a stream tells the request or response that it carries. */
export interface StreamUser {
  /** Bytes of the peer's body. False: no more credit is given for this stream before `Session.taken`. */
  onBody(b: Uint8Array, start: number, end: number): boolean;
  /** The peer's side has ended; trailer lines (with CRLFs) are b[start..end), nothing when there are none. */
  onBodyEnd(b: Uint8Array, start: number, end: number): void;
  /** All that had been kept back by flow control is on its way. */
  onTaken(): void;
  /** Nothing has moved for so many looks, `LOOK_MS` apart. */
  onStill(looks: number): void;
  /**
   * The stream is over before both sides had ended: reset by the peer, by a rule of the protocol, or with its
   * connection. It must not be used any more.
   */
  onReset(error: number, byPeer: boolean): void;
  /** Both sides have ended in order. It must not be used any more. */
  onClosed(): void;
}

/** Streams are looked at for progress so often, in milliseconds. */
export const LOOK_MS = 1000;

/** Numbers and queue of one stream. The record is used again for later streams of its connection. */
export class Stream {
  id = 0;
  user: StreamUser | null = null;
  /** The peer has ended its side. */
  remoteEnded = false;
  /** We have ended ours; with a queue it ends with it. */
  localEnded = false;
  /** DATA that we may send. */
  sendWindow = 0;
  /** DATA that the peer may send. */
  receiveWindow = 0;
  /** Received, and not yet given back to the peer as credit of the stream. */
  owed = 0;
  /** Received and not taken: the connection gets no credit for it either. */
  held = 0;
  /** Its bytes are not being taken: no credit. */
  blocked = false;
  /** Bytes of DATA that are still to come by its content-length; -1 when it has none. */
  expected = -1;
  /** Bytes that wait for a window, or for the socket; the first `queueAt` bytes of the first are gone. */
  readonly queue: Uint8Array[] = [];
  queueAt = 0;
  queued = 0;
  /** Trailer lines that end it. */
  trailers: Uint8Array | null = null;
  /** Reset it with this code once our side has ended; -1: no. */
  resetWith = -1;
  /** In the ring of streams that may send. */
  inRing = false;
  nextInRing: Stream | null = null;
  /** Where its last frame begins in the output, and in which fill of it. */
  lastFrame = 0;
  lastFill = -1;
  /** Looks since something moved. */
  still = 0;

  begin(id: number, user: StreamUser, sendWindow: number, receiveWindow: number): void {
    this.id = id;
    this.user = user;
    this.remoteEnded = false;
    this.localEnded = false;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.owed = 0;
    this.held = 0;
    this.blocked = false;
    this.expected = -1;
    this.queueAt = 0;
    this.trailers = null;
    this.resetWith = -1;
    this.lastFill = -1;
    this.still = 0;
  }

  /** It is open and still the stream of that id: what it tells its user may end it, and its record begin another. */
  is(id: number): boolean {
    return this.user !== null && this.id === id;
  }

  keep(b: Uint8Array, start: number, end: number): void {
    this.queue.push(copyOf(b, start, end));
    this.queued += end - start;
  }

  /** The next `length` queued bytes have gone. */
  drop(length: number): void {
    this.queued -= length;
    this.queueAt += length;
    if (this.queueAt < this.queue[0]!.length) return;
    this.queue.shift();
    this.queueAt = 0;
  }

  dropAll(): void {
    this.queue.length = 0;
    this.queueAt = 0;
    this.queued = 0;
    this.trailers = null;
  }
}
