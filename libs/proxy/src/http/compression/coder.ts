import zlib from 'node:zlib';
import { Coding } from './accept-encoding.js';

/**
 * What is below the streams of `node:zlib`, on Node and on Bun: compression in the calling thread, piece by piece.
 * The streams themselves hand every piece to another thread, which costs more than most pieces take, and a copy. That
 * it is there and does what is expected is tried at start (`available`).
 */
interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    from: number,
    length: number,
    output: Uint8Array,
    at: number,
    room: number,
  ): void;
}

interface Stream {
  readonly _handle?: Handle;
  /** Room left in the output, input not used. */
  readonly _writeState?: Uint32Array;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): void;
}

const { constants } = zlib;

/** Sliding window, 64 KiB: what a larger one gains on a page is not worth its memory per response. */
const BROTLI_WINDOW = 16;
/** Higher qualities need megabytes each and have no place between a server and a client. */
const BEST_BROTLI = 5;

const FLUSH = {
  [Coding.None]: [0, 0, 0],
  [Coding.Gzip]: [constants.Z_NO_FLUSH, constants.Z_SYNC_FLUSH, constants.Z_FINISH],
  [Coding.Brotli]: [
    constants.BROTLI_OPERATION_PROCESS,
    constants.BROTLI_OPERATION_FLUSH,
    constants.BROTLI_OPERATION_FINISH,
  ],
} as const satisfies Record<Coding, readonly [number, number, number]>;

/** What is to come out of a step: what is ready, all that was put in, or the end. */
export const enum Push {
  Ready,
  Flush,
  Finish,
}

/** One running compression. */
export class Coder {
  /** After `step`: bytes written to the output, and where the input that was not used begins. */
  written = 0;
  used = 0;
  failed = false;
  private readonly stream: Stream;
  private readonly handle: Handle;
  private readonly state: Uint32Array;

  constructor(
    readonly coding: Coding,
    readonly level: number,
  ) {
    this.stream = streamOf(coding, level);
    this.handle = this.stream._handle!;
    this.state = this.stream._writeState!;
    this.stream.on('error', () => (this.failed = true));
  }

  /** Memory of the runtime that it holds, bytes. */
  get memory(): number {
    return weightOf(this.coding, this.level);
  }

  /** Takes input and fills the output from its start. Call again while it is full or input is left. */
  step(input: Uint8Array, from: number, to: number, output: Uint8Array, push: Push): void {
    this.handle.writeSync(FLUSH[this.coding][push], input, from, to - from, output, 0, output.length);
    this.written = output.length - this.state[0]!;
    this.used = to - this.state[1]!;
  }

  close(): void {
    this.stream.close();
  }
}

function streamOf(coding: Coding, level: number): Stream {
  const stream =
    coding === Coding.Gzip
      ? zlib.createGzip({ level })
      : zlib.createBrotliCompress({
          params: {
            [constants.BROTLI_PARAM_QUALITY]: Math.min(level, BEST_BROTLI),
            [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW,
          },
        });
  return stream;
}

/** Bytes that one coder holds, as measured on Bun. */
const weightOf = (coding: Coding, level: number): number =>
  (coding === Coding.Gzip ? 320 : level < 4 ? 180 : 820) * 1024;

/** Memory for running compressions of one worker. Who comes when it is used up gets bodies as they are. */
const MOST_MEMORY = 64 * 1024 * 1024;

/**
 * Coders of one worker, bounded. Each is made for one response: on Bun a reset one forgets its quality (Brotli), or
 * goes on with what an abandoned response has left in it (gzip), and making one takes 20 us.
 */
export class Coders {
  private memory = 0;
  private state: 'untried' | 'good' | 'bad' = 'untried';

  constructor(private readonly most = MOST_MEMORY) {}

  /** A fresh one; null when there is no room for another. Give it back with `release`. */
  take(coding: Coding, level: number): Coder | null {
    const weight = weightOf(coding, level);
    if (this.memory + weight > this.most || !this.available) return null;
    this.memory += weight;
    return new Coder(coding, level);
  }

  release(coder: Coder): void {
    this.memory -= coder.memory;
    coder.close();
  }

  /** The runtime compresses as expected. */
  get available(): boolean {
    if (this.state === 'untried') this.state = tried() ? 'good' : 'bad';
    return this.state === 'good';
  }
}

/** Both codings against the runtime's own decoders. */
function tried(): boolean {
  const input = Buffer.from('to be or not to be, '.repeat(50));
  const output = Buffer.alloc(4096);
  const decoders = { [Coding.Gzip]: zlib.gunzipSync, [Coding.Brotli]: zlib.brotliDecompressSync };
  try {
    for (const coding of [Coding.Gzip, Coding.Brotli] as const) {
      const coder = new Coder(coding, 1);
      coder.step(input, 0, input.length, output, Push.Finish);
      const back = decoders[coding](output.subarray(0, coder.written));
      if (coder.failed || coder.used !== input.length || !back.equals(input)) return false;
      coder.close();
    }
    return true;
  } catch {
    return false;
  }
}

/** Of this worker. */
export const coders = new Coders();
