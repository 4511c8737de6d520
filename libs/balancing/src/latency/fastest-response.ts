import { LATENCY_WORD, type AlgorithmContext, type Feed } from '../contract.js';
import { openAt } from '../load.js';
import { Learning } from './learning.js';

/** Milliseconds in which a sample now and then outweighs the older ones; how much one counts at least and at most. */
const MEMORY = 4000;
const LEAST_WEIGHT = 1 / 8;
const MOST_WEIGHT = 1 / 2;
/** Milliseconds without a sample after which the distance to the fastest server is halved, so that it is tried again. */
const HALF_LIFE = 5000;
/** For so long nothing is forgotten. */
const RECENT = 100;
/** A failure counts as a response that took so long: microseconds (log2), and times of what it takes else (log2). */
const FAILURE = Math.log2(100_000);
const FAILURE_FACTOR = 2;
/** Servers that take at most so much longer than the fastest (log2) are as good, and have their turns. */
const EQUAL = 1 / 4;
/** No server is thought to be slower than a minute. */
const MOST = Math.log2(60_000_000);
const SCALE = 65_536;

/**
 * A server that takes four times as long counts as one with twice the requests: most of what a server takes longer comes
 * from what it is doing just now, and all of it would send the crowd from one server to the next.
 */
const EXPONENT = 1 / 2;

/**
 * The server that is expected to send the first byte of its response first (pools document, Fastest Response): the
 * average time to the first byte of its latest responses (its root, see EXPONENT), times the requests that it has under
 * way with this one, per ratio and share. The average is shared by all workers of the SE; requests under way keep a crowd away from the
 * fastest server, and show at once that one has stopped to answer. It is a geometric mean, so that one long response
 * among short ones does not pass for a slow server.
 *
 * A server without a sample counts as the fastest one. Without news the average falls toward the fastest one, so that
 * no server is left alone for ever: one request finds out, and a bad answer puts it back.
 */
export class FastestResponse extends Learning implements Feed {
  readonly feed = this;
  readonly classes = false;
  /** How many requests of the fastest server one of each counts as, as of the last tick or sample. */
  private readonly factors: Float64Array;
  /** Expected time of the fastest server, log2 of microseconds. */
  private fastest = 0;

  constructor(context: AlgorithmContext) {
    super(context);
    this.factors = new Float64Array(context.table.count).fill(1);
    this.refresh();
  }

  /** In requests of the fastest server. */
  loadOf(place: number): number {
    return (openAt(this.context, place) + 1) * this.factors[place]! - 1;
  }

  protected learnt(now: number): void {
    const { table } = this.context;
    let fastest = Infinity;
    for (let place = 0; place < table.count; place++) {
      const stored = this.stored(place);
      if (stored > 0 && stored < fastest && table.eligible[place] === 1) fastest = stored;
    }
    this.fastest = fastest === Infinity ? 0 : fastest;
    for (let place = 0; place < table.count; place++) this.expect(place, this.expected(place, now));
  }

  // Feed

  workOf(): number {
    return 0;
  }

  workLeft(): number {
    return 0;
  }

  firstByte(place: number, microseconds: number, now: number): void {
    const sample = Math.log2(Math.max(2, microseconds));
    if (this.stored(place) === 0) {
      this.store(place, sample, now);
      return;
    }
    const before = this.expected(place, now);
    const weight = Math.min(MOST_WEIGHT, Math.max(LEAST_WEIGHT, this.idle(place, now) / MEMORY));
    this.store(place, before + (sample - before) * weight, now);
  }

  whole(): void {}

  failed(place: number, now: number): void {
    this.store(place, Math.max(this.expected(place, now) + FAILURE_FACTOR, FAILURE), now);
  }

  /** log2 of microseconds; 0 while unknown. */
  private stored(place: number): number {
    const { words, first } = this.context.latency;
    const learnt = words[first[place]! + LATENCY_WORD.LEARNT]!;
    return (learnt & 1) === 0 && learnt > 0 ? learnt / SCALE : 0;
  }

  private store(place: number, log: number, now: number): void {
    const { words, first } = this.context.latency;
    const at = first[place]!;
    const kept = Math.min(MOST, log);
    words[at + LATENCY_WORD.LEARNT] = Math.round(kept * SCALE) & ~1;
    words[at + LATENCY_WORD.LEARNT_AT] = now;
    this.expect(place, kept);
  }

  /** Milliseconds since its last sample. */
  private idle(place: number, now: number): number {
    const { words, first } = this.context.latency;
    return Math.max(0, ((now | 0) - words[first[place]! + LATENCY_WORD.LEARNT_AT]!) | 0);
  }

  private expect(place: number, log: number): void {
    const slower = log - this.fastest;
    this.factors[place] = slower < EQUAL ? 1 : 2 ** (slower * EXPONENT);
  }

  private expected(place: number, now: number): number {
    const stored = this.stored(place);
    if (stored === 0) return this.fastest;
    if (stored <= this.fastest) return stored;
    const idle = this.idle(place, now);
    return idle < RECENT ? stored : this.fastest + (stored - this.fastest) * 2 ** (-idle / HALF_LIFE);
  }
}
