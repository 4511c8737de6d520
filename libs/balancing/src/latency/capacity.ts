import type { AlgorithmContext } from '../contract.js';
import { mix } from '../hash.js';
import { CapacityWords } from './capacity-words.js';
import { Windows } from './window.js';

/** Milliseconds between changes of a capacity, at least, and by how many responses they take it is judged. */
const INTERVAL = 250;
const INTERVAL_RESPONSES = 2;
/** Samples of a worker that are enough to judge, and those that will do once the time is up for long. */
const ENOUGH = 12;
/** All that follows is measured against the first window. */
const FIRST_ENOUGH = 32;
const FEW = 6;
const PATIENCE = 8;

/** Samples that move the latency without load all the way; it moves by half of it at most. */
const STEADY = 48;

/** At capacity: latency over that without load times this, and so much (microseconds) on top, is more than noise. */
const TOLERANCE = 1.5;
const SLACK = 1000;
/** The least and the most that a capacity shrinks to at once. */
const SHRINK_LEAST = 0.95;
const SHRINK_MOST = 0.5;
const SHRINK_UNSURE = 0.8;
/** How a capacity grows that is used up: while no limit is known, near it, and far from it. */
const GROWTH_FIRST = 1.5;
const GROWTH = 1 / 32;
const GROWTH_EASY = 1 / 8;
/**
 * A capacity grows when so much of it is used on average, or less and a request was turned away; with little of it in
 * use a server tells its latency without load.
 */
const USED = 0.75;
const USED_AT_TIMES = 0.4;
const LITTLE = 1 / 3;

/** Milliseconds that a measurement without load holds; then the server gets little for a while, to measure again. */
const HOLDS = 30_000;
const HOLDS_SPREAD = 15_000;
/** Part of the capacity that it gets meanwhile. */
const DIP = 1 / 4;
/** How long: so many responses, within these bounds in milliseconds; and how many samples of a worker are enough. */
const DIP_RESPONSES = 20;
const DIP_LEAST = 2000;
const DIP_MOST = 10_000;
const DIP_ENOUGH = 24;
/** A dip that told nothing is made again after so long; a server that was never seen without load begins with one. */
const DIP_AGAIN = 5000;
const DIP_FIRST = 1000;

/**
 * How many requests at a time each server of a pool takes before its responses get slower: found by changing its load
 * and watching its latency, and shared by all workers of the SE. An additive-increase, multiplicative-decrease
 * control of concurrency against the latency without load, like TCP Vegas and the concurrency limits of services; the
 * latency without load is measured whenever there is little, and when that has not been for HOLDS, the load is
 * lowered for a moment to do so.
 *
 * One worker at a time changes a server (who wins its word JUDGED_AT); all see the result.
 */
export class Capacities {
  private readonly shared: CapacityWords;
  private readonly windows: Windows;
  /** 1: a pick was turned away from the server since the last change. */
  readonly wanted: Uint8Array;
  /** Samples to leave out, since their requests waited behind more load than there is now. */
  private readonly stale: Uint16Array;
  /** 1: was in a dip at the last look. */
  private readonly dipped: Uint8Array;

  /** @param lowers the load of a server can be lowered to measure its latency without load */
  constructor(
    private readonly context: AlgorithmContext,
    private readonly lowers: boolean,
  ) {
    const { count } = context.table;
    this.shared = new CapacityWords(context);
    this.windows = new Windows(count);
    this.wanted = new Uint8Array(count);
    this.stale = new Uint16Array(count);
    this.dipped = new Uint8Array(count);
  }

  /** Requests at a time that the server takes, all workers together. */
  of(place: number): number {
    return this.shared.capacity(place);
  }

  /**
   * Call once a tick. True while it gets less than it could take, so that its latency without load can be measured.
   */
  dips(place: number, now: number): boolean {
    const dip = this.isDue(place, now) ? 1 : 0;
    if (dip !== this.dipped[place]) {
      this.dipped[place] = dip;
      this.windows.clear(place);
      this.stale[place] = dip === 1 ? Math.ceil(this.inDip(place)) : 0;
    }
    return dip === 1;
  }

  private isDue(place: number, now: number): boolean {
    if (!this.lowers || this.context.capacityThreshold > 0) return false;
    const age = this.shared.age(place, now);
    const due = holds(place);
    if (age < due) return false;
    if (age < due + this.dipLength(place)) return true;
    this.shared.setMeasured(place, now - due + DIP_AGAIN);
    return false;
  }

  /** What it takes during a dip. */
  inDip(place: number): number {
    return Math.max(2, this.of(place) * DIP);
  }

  /** A response came. `load`: requests under way at the server over all workers, this one among them. */
  sample(place: number, microseconds: number, load: number, now: number): void {
    if (this.shared.isNew(place))
      this.shared.setMeasured(place, now - holds(place) + DIP_FIRST * (1 + (mix(place) & 7)));
    if (this.of(place) < 1) this.recovers(place);
    if (this.dipped[place] === 1 && !this.fresh(place, load)) return;
    this.windows.add(place, microseconds, load, now);
    // The first answers to what came at once are the quick ones: a window has to last.
    if (now - this.windows.began[place]! >= INTERVAL) this.close(place, now);
  }

  /** Judges what the window has, if it is enough. */
  private close(place: number, now: number): void {
    const { counts, began } = this.windows;
    const interval = this.interval(place);
    const lasted = now - began[place]!;
    if (lasted < interval || this.shared.isJudged(place, now, interval)) return;
    const count = counts[place]!;
    const enough =
      this.shared.baseline(place) === 0 ? FIRST_ENOUGH : this.dipped[place] === 1 ? DIP_ENOUGH : ENOUGH;
    if (count < enough && (count < FEW || lasted < interval * PATIENCE)) return;
    if (this.shared.claim(place, now)) this.judge(place, now);
    this.windows.clear(place);
    this.wanted[place] = 0;
  }

  /** No response came, or no connection: half of what it had. */
  failed(place: number): void {
    this.shared.setCapacity(place, this.of(place) / 2, true);
  }

  /** A response, while it was thought to be out of order. */
  private recovers(place: number): void {
    this.shared.setCapacity(place, Math.min(1, this.of(place) * 2), true);
  }

  /** In a dip: false while a sample tells of an earlier load. */
  private fresh(place: number, load: number): boolean {
    if (load > this.inDip(place) + 1) return false;
    if (this.stale[place] === 0) return true;
    this.stale[place]!--;
    return false;
  }

  private judge(place: number, now: number): void {
    const { windows } = this;
    const mean = windows.mean(place);
    const load = windows.load(place);
    const capacity = this.of(place);
    const little = load <= Math.max(1, capacity * LITTLE, this.dipped[place] === 1 ? this.inDip(place) : 0);
    const limit = this.limit(place);
    // Of few samples or scattered ones only a clear sign is believed.
    if (limit > 0 && mean - windows.error(place) > Math.log2(limit)) {
      // With little under way it is no load that makes it slow.
      if (!little || this.context.capacityThreshold > 0) this.shrink(place, load, limit / 2 ** mean);
    } else if (load >= capacity * (this.wanted[place] === 1 ? USED_AT_TIMES : USED))
      this.grow(place, load, mean);
    this.measure(place, mean, little, now);
  }

  /** Microseconds to the first byte from which it is at capacity; 0 while unknown. */
  private limit(place: number): number {
    const { capacityThreshold } = this.context;
    if (capacityThreshold > 0) return capacityThreshold * 1000;
    const baseline = this.shared.baseline(place);
    return baseline > 0 ? baseline * TOLERANCE + SLACK : 0;
  }

  private shrink(place: number, load: number, by: number): void {
    const capacity = this.of(place);
    const takes = load * Math.min(SHRINK_LEAST, Math.max(SHRINK_MOST, by));
    // Well below its capacity it is less sure that it is load that makes it slow.
    const least = load < capacity * USED ? capacity * SHRINK_UNSURE : 1;
    this.shared.setCapacity(place, Math.max(1, least, Math.min(capacity, takes)), true);
  }

  private grow(place: number, load: number, mean: number): void {
    const capacity = this.of(place);
    const found = this.shared.found(place);
    const easy = 2 ** mean < this.limit(place) / TOLERANCE;
    const step = found
      ? Math.max(0.5, capacity * (easy ? GROWTH_EASY : GROWTH))
      : capacity * (GROWTH_FIRST - 1);
    // With all servers full it may have more than it was thought to take: then it has just shown that it takes that.
    this.shared.setCapacity(place, Math.max(capacity + step, load), found);
  }

  /** Latency without load, by what was seen with little; what was seen with more can only show that it is lower. */
  private measure(place: number, mean: number, little: boolean, now: number): void {
    const known = this.shared.baseline(place);
    const before = known > 0 ? Math.log2(known) : mean;
    const error = this.windows.error(place);
    if (!little && known > 0 && mean + 2 * error >= before) return;
    const change = mean - before;
    const count = this.windows.counts[place]!;
    const clear = little && count >= ENOUGH && Math.abs(change) > Math.max(1, 3 * error);
    const weight = clear ? 1 : Math.min(1 / 2, count / STEADY);
    this.shared.setBaseline(place, 2 ** (before + change * weight));
    if (little) this.shared.setMeasured(place, now);
  }

  private interval(place: number): number {
    return Math.max(INTERVAL, (this.shared.baseline(place) / 1000) * INTERVAL_RESPONSES);
  }

  private dipLength(place: number): number {
    const responses = (this.shared.baseline(place) / 1000) * DIP_RESPONSES;
    return Math.min(DIP_MOST, Math.max(DIP_LEAST, responses));
  }
}

/** Not all servers measure at once. */
const holds = (place: number): number => HOLDS + (mix(place) % HOLDS_SPREAD);
