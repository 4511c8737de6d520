import { LATENCY_WORD, type AlgorithmContext, type Feed } from '../contract.js';
import { mix } from '../hash.js';
import { Classes, UNKNOWN_COST } from './classes.js';
import { Learning } from './learning.js';

/** How much a response changes the slowness of its server, and a failure. */
const WEIGHT = 1 / 8;
const FAILURE_WEIGHT = 1 / 4;
/**
 * Bounds of slowness, log2: a server counts as up to four times as slow. As faster it counts little: what is under way
 * there would seem to be less than it is.
 */
const LEAST_LOG = -0.5;
const MOST_LOG = 2;
const MOST_CHANGE = 1 / 2;
const SCALE = 65_536;
/** Milliseconds after which half of a server's slowness is forgotten when nobody answers there. */
const HALF_LIFE = 10_000;
/** Of classes that are known well, one of so many responses by chance tells enough: a power of two. */
const ONE_OF = 4;
/** For so long nothing is forgotten. */
const RECENT = 100;

/**
 * The server with the least work under way per ratio and share (pools document, Least Load). The work of a request is
 * the time that earlier responses of its class took (`Classes`), counted down as it goes on; what runs longer than it
 * should is thought to go on for half as long as it did. Work is summed over all workers of the SE. Of servers that
 * are slower than others at the same, the same work counts more.
 *
 * Without classes (L4) every connection is the same work, and this is least connections.
 */
export class LeastLoad extends Learning implements Feed {
  readonly feed = this;
  readonly classes = true;
  private readonly costs: Classes;
  /** As of the last tick: what a microsecond of work under way counts at each server, in typical requests. */
  private readonly units: Float64Array;
  /** Responses of classes that are known well. */
  private told = 0;
  /** Work that is counted for the next request. */
  private own = UNKNOWN_COST;
  private readonly work: Float64Array;
  private readonly slots: Int32Array;
  private readonly stride: number;
  private readonly workers: number;

  constructor(context: AlgorithmContext) {
    super(context);
    this.costs = context.previous instanceof LeastLoad ? context.previous.costs : new Classes();
    this.units = new Float64Array(context.table.count).fill(1 / UNKNOWN_COST);
    this.work = context.latency.work;
    this.slots = context.table.slots;
    this.stride = context.counts.stride;
    this.workers = context.counts.workers;
    this.refresh();
  }

  /** In typical requests. */
  loadOf(place: number): number {
    const { work } = this;
    const from = this.slots[place]! * this.stride;
    const to = from + this.workers;
    let sum = this.own;
    for (let cell = from; cell < to; cell++) sum += work[cell]!;
    return sum * this.units[place]! - 1;
  }

  protected learnt(now: number): void {
    this.costs.settle();
    const { typical } = this.costs;
    this.own = typical;
    for (let place = 0; place < this.units.length; place++)
      this.units[place] = 2 ** this.slowness(place, now) / typical;
  }

  // Feed

  workOf(kind: number): number {
    return kind === 0 ? UNKNOWN_COST : Math.min(this.costs.costOf(kind), this.costs.most);
  }

  workLeft(kind: number, age: number): number {
    if (kind === 0) return UNKNOWN_COST;
    const cost = this.costs.costOf(kind);
    return Math.min(Math.max(cost - age, age / 2), this.costs.most);
  }

  firstByte(): void {}

  whole(place: number, kind: number, microseconds: number, now: number): void {
    if (kind === 0) return;
    const expected = this.costs.known(kind);
    if (expected !== 0 && (mix(++this.told) & (ONE_OF - 1)) !== 0) return;
    this.costs.learn(kind, microseconds);
    if (expected === 0) return;
    this.answersBy(place, Math.log2(Math.max(1, microseconds) / expected), now);
  }

  failed(place: number, now: number): void {
    const before = this.slowness(place, now);
    this.store(place, before + (MOST_LOG - before) * FAILURE_WEIGHT, now);
  }

  /** A server took so many times (log2) what was expected. */
  private answersBy(place: number, log: number, now: number): void {
    const before = this.slowness(place, now);
    // A response that waited behind others says little of the server: no single one counts for much.
    const change = Math.min(Math.max(log - before, -MOST_CHANGE), MOST_CHANGE) * WEIGHT;
    this.store(place, Math.min(Math.max(before + change, LEAST_LOG), MOST_LOG), now);
  }

  private store(place: number, log: number, now: number): void {
    const { words, first } = this.context.latency;
    const at = first[place]!;
    words[at + LATENCY_WORD.LEARNT] = Math.round(log * SCALE) | 1;
    words[at + LATENCY_WORD.LEARNT_AT] = now;
  }

  /** log2; what is old is forgotten. */
  private slowness(place: number, now: number): number {
    const { words, first } = this.context.latency;
    const at = first[place]!;
    const stored = words[at + LATENCY_WORD.LEARNT]!;
    if ((stored & 1) === 0) return 0;
    const idle = ((now | 0) - words[at + LATENCY_WORD.LEARNT_AT]!) | 0;
    const log = Math.min(Math.max(stored / SCALE, LEAST_LOG), MOST_LOG);
    return idle < RECENT ? log : log * 2 ** (-idle / HALF_LIFE);
  }
}
