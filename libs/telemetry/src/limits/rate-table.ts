import type { RateKey } from './rate-key.js';
import type { RateLimit } from './rate-limit.js';

/**
 * A set holds 15 keys and its lock: words 0..14 and 16..30 are the halves of the keys, 32..46 when the bucket will be
 * full (`RateLimit`), 48..62 the second from which the key counts as forgotten; word 15 is the lock.
 */
const SET_WORDS = 64;
export const RATE_SET_BYTES = SET_WORDS * 4;
export const WAYS = 15;
const LOCK = 15;
const HI = 16;
const FULL = 32;
const EXPIRY = 48;

/** Instead of a time: the place is being given to another key. */
const LOCKED = 1;
/** A lock that is not free after so many looks belongs to a worker that was stopped: it is passed by. */
const SPINS = 200;
/** A key may move while it is looked at; more often than this it cannot. */
const MOVES = 8;

const enum Outcome {
  Taken,
  Refused,
  /** The place belongs to another key by now. */
  Moved,
}

/** Where the workers of an SE keep the table. */
export interface RateTableMemory {
  /** `sets * RATE_SET_BYTES / 4` words, zero at first. */
  readonly words: Int32Array;
  /** A power of two. */
  readonly sets: number;
  /** 0..127; who holds a lock is told by it. */
  readonly owner: number;
  /** One word of this owner alone: the set (plus one) that it may hold locked. Looked at when it has died. */
  readonly intents: Int32Array;
  readonly intentAt: number;
  /** Counts keys that gave way (`Uint32` as Int32). */
  readonly evictions: Int32Array;
  readonly evictionsAt: number;
}

/**
 * The rates of clients, requests and virtual services, over all workers of one SE: a hash table of fixed size in shared
 * memory. A key that is in the table is counted exactly, without locks. A key is forgotten once its bucket is full
 * again. When all 15 places of a set are taken by live keys, the one that would be forgotten first gives way (its bucket
 * starts full when it comes back) and `evictions` rises.
 */
export class RateTable {
  private readonly w: Int32Array;
  private readonly mask: number;

  constructor(private readonly memory: RateTableMemory) {
    this.w = memory.words;
    this.mask = memory.sets - 1;
  }

  /**
   * Takes a token from the key's bucket.
   * @param now milliseconds of a clock that all workers share and that never goes back
   * @returns false when the rate is exceeded; nothing is taken then
   */
  take(key: RateKey, limit: RateLimit, now: number): boolean {
    const lo = key.lo === 0 ? 1 : key.lo;
    const hi = key.hi ^ Math.imul(limit.exponent + 1, 0x9e3779b1);
    const set = (lo ^ (lo >>> 15)) & this.mask;
    const base = set * SET_WORDS;
    const units = (now * limit.unitsPerMs) | 0;
    const second = (now / 1000) | 0;
    for (let i = 0; i < MOVES; i++) {
      const at = this.find(base, lo, hi);
      const outcome =
        at >= 0
          ? this.charge(at, lo, hi, limit, units, second)
          : this.insert(set, lo, hi, limit, units, second);
      if (outcome !== Outcome.Moved) return outcome === Outcome.Taken;
    }
    return true;
  }

  private find(base: number, lo: number, hi: number): number {
    const { w } = this;
    for (let at = base; at < base + WAYS; at++) if (w[at] === lo && w[at + HI] === hi) return at;
    return -1;
  }

  private charge(
    at: number,
    lo: number,
    hi: number,
    limit: RateLimit,
    units: number,
    second: number,
  ): Outcome {
    const { w } = this;
    for (;;) {
      const full = Atomics.load(w, at + FULL);
      // Looked at after the time and before the swap: a place that changes its key changes its time first.
      if (Atomics.load(w, at) !== lo || Atomics.load(w, at + HI) !== hi || full === LOCKED)
        return Outcome.Moved;
      const expiry = Atomics.load(w, at + EXPIRY);
      let behind = expiry >= second ? (full - units) | 0 : 0;
      // Full already, or a number that this rate cannot have left there.
      if (behind < 0 || behind > limit.tolerance + limit.interval) behind = 0;
      if (behind > limit.tolerance) return Outcome.Refused;
      // Told before the swap: whoever loses the swap must not take the place for a forgotten one.
      if (expiry !== second + limit.life) Atomics.store(w, at + EXPIRY, second + limit.life);
      if (Atomics.compareExchange(w, at + FULL, full, timeOf(units + behind + limit.interval)) === full)
        return Outcome.Taken;
    }
  }

  private insert(
    set: number,
    lo: number,
    hi: number,
    limit: RateLimit,
    units: number,
    second: number,
  ): Outcome {
    const { w } = this;
    const base = set * SET_WORDS;
    const locked = this.lock(set);
    let outcome: Outcome = Outcome.Moved;
    // Another worker may have put it there meanwhile.
    if (this.find(base, lo, hi) < 0) {
      const at = this.choose(base, second, locked);
      const before = Atomics.load(w, at + FULL);
      if (Atomics.compareExchange(w, at + FULL, before, LOCKED) === before) {
        Atomics.store(w, at, lo);
        Atomics.store(w, at + HI, hi);
        Atomics.store(w, at + EXPIRY, second + limit.life);
        Atomics.store(w, at + FULL, timeOf(units + limit.interval));
        outcome = Outcome.Taken;
      }
    }
    if (locked) this.unlock(set);
    return outcome;
  }

  /** An empty or forgotten place, else the one that would be forgotten first. */
  private choose(base: number, second: number, locked: boolean): number {
    const { w } = this;
    let best = base;
    let soonest = Infinity;
    for (let at = base; at < base + WAYS; at++) {
      if (w[at + FULL] === LOCKED) {
        // Under the lock nobody is at work on it: its worker died there.
        if (locked) return at;
        continue;
      }
      const expiry = w[at + EXPIRY]!;
      if (expiry < second || (w[at] === 0 && w[at + HI] === 0)) return at;
      if (expiry < soonest) {
        soonest = expiry;
        best = at;
      }
    }
    const { evictions, evictionsAt } = this.memory;
    Atomics.add(evictions, evictionsAt, 1);
    return best;
  }

  private lock(set: number): boolean {
    const { owner, intents, intentAt } = this.memory;
    Atomics.store(intents, intentAt, set + 1);
    for (let i = 0; i < SPINS; i++)
      if (Atomics.compareExchange(this.w, set * SET_WORDS + LOCK, 0, owner + 1) === 0) return true;
    Atomics.store(intents, intentAt, 0);
    return false;
  }

  private unlock(set: number): void {
    Atomics.store(this.w, set * SET_WORDS + LOCK, 0);
    Atomics.store(this.memory.intents, this.memory.intentAt, 0);
  }
}

/** 0 and LOCKED are no times. */
const timeOf = (units: number): number => {
  const time = units | 0;
  return time === 0 || time === LOCKED ? 2 : time;
};

/** Gives up the lock that a dead owner may have held; `intent` is the word that it left. */
export function releaseRateLock(words: Int32Array, owner: number, intent: number): void {
  if (intent <= 0) return;
  const at = (intent - 1) * SET_WORDS + LOCK;
  if (at < words.length) Atomics.compareExchange(words, at, owner + 1, 0);
}
