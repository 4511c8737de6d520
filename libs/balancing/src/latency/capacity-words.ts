import { LATENCY_WORD, type AlgorithmContext } from '../contract.js';

/** Requests at a time that a server gets per ratio while nothing is known of it. */
const FIRST = 8;
/** A server that fails gets one pick in so many at last. */
const LEAST = 1 / 32;
const MOST = 1 << 20;
const SCALE = 64;

/** What the workers share of the capacity of each server of a pool, where it lies. */
export class CapacityWords {
  private readonly words: Int32Array;
  private readonly first: Int32Array;
  private readonly ratios: Uint8Array;

  constructor({ latency, table }: AlgorithmContext) {
    this.words = latency.words;
    this.first = latency.first;
    this.ratios = table.ratios;
  }

  /** Requests at a time that the server takes, all workers together. */
  capacity(place: number): number {
    return capacityIn(this.words, this.first[place]!) * this.ratios[place]!;
  }

  /** Its limit has been met. */
  found(place: number): boolean {
    return capacityFound(this.words, this.first[place]!);
  }

  setCapacity(place: number, requests: number, found: boolean): void {
    const each = Math.min(MOST, Math.max(LEAST, requests / this.ratios[place]!));
    const scaled = Math.max(1, Math.round(each * SCALE));
    this.words[this.first[place]! + LATENCY_WORD.CAPACITY] = (scaled << 1) | (found ? 1 : 0);
  }

  /** Microseconds to the first byte without load; 0 while unknown. */
  baseline(place: number): number {
    return this.words[this.first[place]! + LATENCY_WORD.BASELINE]!;
  }

  setBaseline(place: number, microseconds: number): void {
    this.words[this.first[place]! + LATENCY_WORD.BASELINE] = Math.max(1, Math.round(microseconds));
  }

  /** Nothing has been said of when it was measured without load. */
  isNew(place: number): boolean {
    return this.words[this.first[place]! + LATENCY_WORD.BASELINE_AT] === 0;
  }

  /** Milliseconds since it was measured without load; 0 for a new one. */
  age(place: number, now: number): number {
    const measured = this.words[this.first[place]! + LATENCY_WORD.BASELINE_AT]!;
    return measured === 0 ? 0 : ((now | 0) - measured) | 0;
  }

  setMeasured(place: number, now: number): void {
    this.words[this.first[place]! + LATENCY_WORD.BASELINE_AT] = now | 0 || 1;
  }

  /** The last judgement is not so long ago. */
  isJudged(place: number, now: number, within: number): boolean {
    const judged = this.words[this.first[place]! + LATENCY_WORD.JUDGED_AT]!;
    return judged !== 0 && (((now | 0) - judged) | 0) < within;
  }

  /** Only one of the workers may judge at a time: true for that one. */
  claim(place: number, now: number): boolean {
    const at = this.first[place]! + LATENCY_WORD.JUDGED_AT;
    const before = this.words[at]!;
    return Atomics.compareExchange(this.words, at, before, now | 0 || 1) === before;
  }
}

/** Capacity per ratio in the words of a server, of which the first is `words[at]`. */
export function capacityIn(words: Int32Array, at: number): number {
  const stored = words[at + LATENCY_WORD.CAPACITY]!;
  return stored <= 0 ? FIRST : (stored >> 1) / SCALE;
}

/** The limit of the server has been met, so that its capacity is more than a lower bound. */
export const capacityFound = (words: Int32Array, at: number): boolean =>
  (words[at + LATENCY_WORD.CAPACITY]! & 1) === 1;

/** Something has been found out about the capacity of the server. */
export const isEstimated = (words: Int32Array, at: number): boolean =>
  words[at + LATENCY_WORD.CAPACITY]! > 0 || words[at + LATENCY_WORD.BASELINE]! > 0;
