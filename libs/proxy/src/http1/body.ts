import { Framing } from '../http/server-link.js';
import { ChunkScanner } from './chunked.js';
import { INCOMPLETE } from './refusal.js';

/** Follows the body of one message after the other, in whatever pieces it comes, to its end (RFC 9112 section 6). */
export class MessageBody {
  framing = Framing.None;
  /** In the last call of `take`: where the part of the body that goes on ends. */
  end = 0;
  /** The end of the body has been taken. */
  done = false;
  /** Bytes of a body by length that are still to come. */
  remaining = 0;
  private chunks: ChunkScanner | null = null;

  /**
   * @param length of `Framing.Length`
   * @param mostBytes that a chunked body may have; 0 is unlimited
   */
  begin(framing: Framing, length: number, mostBytes: number): void {
    this.framing = framing;
    this.done = false;
    if (framing === Framing.Length) this.remaining = length;
    else if (framing === Framing.Chunked) (this.chunks ??= new ChunkScanner()).begin(mostBytes);
  }

  /**
   * The next bytes; sets `end` and `done`.
   * @param plain chunked data is moved together in place, without its framing
   * @returns where the body ends in what came (`end` if it goes on), or a code of REFUSE
   */
  take(b: Uint8Array, start: number, end: number, plain: boolean): number {
    if (this.framing === Framing.Length) {
      const n = end - start;
      if (n < this.remaining) {
        this.remaining -= n;
        return (this.end = end);
      }
      this.done = true;
      this.end = start + this.remaining;
      this.remaining = 0;
      return this.end;
    }
    if (this.framing === Framing.Chunked) return this.takeChunks(this.chunks!, b, start, end, plain);
    this.done = this.framing === Framing.None;
    return (this.end = this.done ? start : end);
  }

  private takeChunks(
    chunks: ChunkScanner,
    b: Uint8Array,
    start: number,
    end: number,
    plain: boolean,
  ): number {
    const at = plain ? chunks.compact(b, start, end) : chunks.scan(b, start, end);
    if (at < INCOMPLETE) return at;
    this.done = at >= 0;
    const stop = this.done ? at : end;
    this.end = plain ? chunks.dataEnd : stop;
    return stop;
  }

  /** Trailer lines of a chunked body that was taken `plain`, with their CRLFs; null when there are none. */
  takeTrailers(): Uint8Array | null {
    return this.framing === Framing.Chunked ? this.chunks!.takeTrailers() : null;
  }
}
