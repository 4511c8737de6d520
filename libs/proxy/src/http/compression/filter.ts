import { copyInto } from '../../bytes.js';
import { Timed } from '../../core/clock.js';
import type { Exchange } from '../exchange.js';
import type { BodyFilter } from '../filter.js';
import { coders, Push, type Coder } from './coder.js';
import { turnsOf, type CompressionTurns, type Waiting } from './turns.js';

/** Bytes that are compressed at once: a few tenths of a millisecond at most. */
const SLICE = 16 * 1024;
/** A body of known length that comes slowly is flushed after this long without more of it, milliseconds. */
const FLUSH_AFTER = 100;

/** One for all: it is used up before anybody else can write to it. */
const output = Buffer.allocUnsafeSlow(32 * 1024);

/**
 * Compresses the body of a response. What comes in is worked off in slices; what is left of it when time or the
 * client's buffers are used up waits here, at most one piece as the transport gives it, and the server waits with it.
 */
export class CompressionFilter extends Timed implements BodyFilter, Waiting {
  /** Input that waits. */
  private held: Uint8Array | null = null;
  /** Memory for the next input that has to wait. */
  private room: Uint8Array | null = null;
  private from = 0;
  private to = 0;
  private clientBusy = false;
  private finishing = false;
  /** Something was put in that has not come out. */
  private unflushed = false;
  /** It is in line for a later turn. */
  private inLine = false;
  /** Something has been compressed. */
  private begun = false;
  private readonly turns: CompressionTurns;
  private coder: Coder | null;

  /** @param streaming the body has no known length: each piece goes out as it comes */
  constructor(
    private readonly x: Exchange,
    coder: Coder,
    private readonly streaming: boolean,
  ) {
    super();
    this.coder = coder;
    this.turns = turnsOf(x.connection.context.transport);
  }

  push(data: Uint8Array, start: number, end: number): boolean {
    if (start === end) {
      // The head alone: it must not wait for the first byte of a body.
      if (!this.x.sendFiltered(output, 0, 0)) this.clientBusy = true;
      return true;
    }
    if (this.held !== null) {
      this.hold(data, start, end);
      return false;
    }
    const at = this.work(data, start, end);
    if (at < end) {
      this.hold(data, at, end);
      return false;
    }
    return this.afterPiece();
  }

  /** All that has come is in. */
  private afterPiece(): boolean {
    if (this.streaming && this.unflushed) this.emit(Push.Flush);
    else if (this.unflushed && !this.clientBusy) this.x.connection.context.clock.arm(this, FLUSH_AFTER);
    return !this.clientBusy;
  }

  finish(): void {
    this.finishing = true;
    if (this.held === null && !this.clientBusy && !this.coder!.failed) this.end();
  }

  clientTakes(): void {
    this.clientBusy = false;
    this.waitForTurn();
  }

  continue(): void {
    this.inLine = false;
    if (this.coder === null) return;
    if (this.coder.failed) {
      this.x.filterFailed();
      return;
    }
    if (this.clientBusy) return;
    if (this.held !== null) {
      this.from = this.work(this.held, this.from, this.to);
      if (this.from < this.to) return;
      this.room = this.held;
      this.held = null;
      if (!this.finishing && !this.afterPiece()) return;
    }
    if (this.finishing) this.end();
    else this.x.link?.clientTakes();
  }

  heldBytes(): number {
    return (this.coder?.memory ?? 0) + ((this.held ?? this.room)?.length ?? 0);
  }

  override onTimeout(): void {
    if (this.coder !== null && this.unflushed && this.held === null && !this.finishing) this.emit(Push.Flush);
  }

  abandon(): void {
    this.x.connection.context.clock.forget(this);
    this.held = null;
    this.room = null;
    const { coder } = this;
    this.coder = null;
    if (coder !== null) coders.release(coder);
  }

  /**
   * Compresses until the input, the time of this turn, or the client's room is used up.
   * @returns where the input that is left begins; then either `continue` is due or the client is waited for
   */
  private work(b: Uint8Array, start: number, end: number): number {
    const { turns } = this;
    const { transport } = this.x.connection.context;
    let at = start;
    this.unflushed = true;
    while (at < end) {
      // The first slice goes at once: for most responses it is all of it.
      if (this.begun && !turns.mayWork) {
        this.waitForTurn();
        break;
      }
      this.begun = true;
      const before = transport.now();
      const coder = this.coder!;
      coder.step(b, at, Math.min(end, at + SLICE), output, Push.Ready);
      at = coder.used;
      const going = this.out(coder.written, false);
      turns.worked(before);
      if (!going) break;
    }
    return at;
  }

  /** Brings out what is inside. */
  private emit(push: Push): void {
    const before = this.x.connection.context.transport.now();
    for (;;) {
      const coder = this.coder!;
      coder.step(output, 0, 0, output, push);
      const full = coder.written === output.length;
      this.out(coder.written, push === Push.Finish && !full);
      if (!full || coder.failed) break;
    }
    this.unflushed = false;
    this.turns.worked(before);
  }

  private end(): void {
    this.emit(Push.Finish);
    if (this.coder === null || this.coder.failed) return;
    this.abandon();
    this.x.filterDone();
  }

  /** @returns false when there is no going on for now: the client is busy, or the exchange is over */
  private out(length: number, last: boolean): boolean {
    if (this.coder!.failed) {
      this.waitForTurn(); // not from inside a call of the server's side
      return false;
    }
    if (length > 0 && !this.x.sendFiltered(output, 0, length, last)) this.clientBusy = true;
    return !this.clientBusy;
  }

  private waitForTurn(): void {
    if (this.inLine) return;
    this.inLine = true;
    this.turns.wait(this);
  }

  private hold(data: Uint8Array, start: number, end: number): void {
    const more = end - start;
    if (this.held === null) {
      const { room } = this;
      this.held = room !== null && room.length >= more ? room : Buffer.allocUnsafeSlow(more);
      this.room = null;
      this.from = 0;
      this.to = 0;
    } else if (this.to + more > this.held.length) {
      const room = Buffer.allocUnsafeSlow(this.to - this.from + more);
      copyInto(room, 0, this.held, this.from, this.to);
      this.to -= this.from;
      this.from = 0;
      this.held = room;
    }
    copyInto(this.held, this.to, data, start, end);
    this.to += more;
  }
}
