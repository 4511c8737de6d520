import { MOST_VERSION, outranks, SINCE_UNITS, type Entry } from '@spillway/persistence';

/**
 * A set holds 7 entries and its lock. Of the words 0..62, the nine of one kind lie together: word `field * 7 + place`;
 * word 63 is the lock.
 */
const SET_WORDS = 64;
export const PERSISTENCE_SET_BYTES = SET_WORDS * 4;
export const PERSISTENCE_WAYS = 7;
const LOCK = 63;
const LO = 0;
const HI = 7;
const SERVER_LO = 14;
const SERVER_HI = 21;
const SINCE = 28;
const ORIGIN = 35;
const POOL = 42;
const EXPIRY = 49;
/** The version, parts of the second of `since`, and whether other SEs still have to be told. */
const META = 56;
const NEWS = 1 << 30;
const PART = 22;

/** A lock that is not free after so many looks belongs to a worker that was stopped: it is passed by. */
const SPINS = 2000;

/** Where the processes of an SE keep the table. */
export interface PersistenceMemory {
  /** `sets * PERSISTENCE_SET_BYTES / 4` words, zero at first. */
  readonly words: Int32Array;
  /** A power of two. */
  readonly sets: number;
  /** A bit per set: somebody has put something there that others have to be told. */
  readonly marks: Int32Array;
  /** A bit per set: something was ever put there. */
  readonly used: Int32Array;
  /** 0..254; who holds a lock is told by it. */
  readonly owner: number;
  /** One word of this owner alone: the set (plus one) that it may hold locked. Looked at when it has died. */
  readonly intents: Int32Array;
  readonly intentAt: number;
  /** Counts live entries that gave way (`Uint32` as Int32). */
  readonly evictions: Int32Array;
  readonly evictionsAt: number;
}

/** Which client of which pool, as 64 bits of hash in two words. Neither half is 0. */
export interface ClientKey {
  readonly lo: number;
  readonly hi: number;
}

/** What the table tells of a client. One record is used again and again: copy what is to be kept. */
export interface Found {
  serverLo: number;
  serverHi: number;
  /** Second until which it counts. */
  expiry: number;
}

/** What is learned of a client. */
export interface Lesson {
  readonly serverLo: number;
  readonly serverHi: number;
  readonly pool: number;
  /** Seconds that it counts unless the client is seen again. */
  readonly life: number;
  /** The server that the table had told of could not be used: what is learned takes its place, unless another has. */
  readonly instead: Pick<Found, 'serverLo' | 'serverHi'> | null;
}

/**
 * Which client belongs to which server, for all pools and workers of one SE: a hash table of fixed size in shared
 * memory. Readers take no lock; a writer takes that of one set, and tells beforehand which, so that a worker killed at
 * any instant leaves nothing locked. When all places of a set are taken by live entries, the one that would be
 * forgotten first gives way and `evictions` rises. Seconds are those of a clock that all processes share and that
 * never goes back.
 */
export class PersistenceTable {
  private readonly w: Int32Array;
  private readonly mask: number;
  private readonly found: Found = { serverLo: 0, serverHi: 0, expiry: 0 };

  constructor(private readonly memory: PersistenceMemory) {
    this.w = memory.words;
    this.mask = memory.sets - 1;
  }

  /** Places for entries. */
  get limit(): number {
    return this.memory.sets * PERSISTENCE_WAYS;
  }

  /**
   * The server of a client, and says that the client was seen: its entry lives for `life` seconds from now on.
   * @returns null when it has none; the record is valid until the next call
   */
  find({ lo, hi }: ClientKey, now: number, life: number): Found | null {
    const { w, found } = this;
    const set = this.setOf(lo, hi);
    const at = this.placeOf(set * SET_WORDS, lo, hi);
    if (at < 0) return null;
    const expiry = Atomics.load(w, at + EXPIRY);
    found.serverLo = w[at + SERVER_LO]! >>> 0;
    found.serverHi = w[at + SERVER_HI]! >>> 0;
    // A place that is given to another client loses its first word before anything else.
    if (expiry <= now || Atomics.load(w, at + LO) !== (lo | 0) || w[at + HI] !== (hi | 0)) return null;
    if (expiry !== now + life) this.touch(set, at, expiry, now, life);
    found.expiry = now + life;
    return found;
  }

  /**
   * Notes the server of a client, unless another worker (or SE) was first.
   * @param since of now, see `sinceOf`
   * @param origin this SE, see `originOf`
   * @returns what the table tells from now on; null when the set could not be locked, so that nothing was noted
   */
  learn({ lo, hi }: ClientKey, lesson: Lesson, now: number, since: number, origin: number): Found | null {
    const { w, found } = this;
    const set = this.setOf(lo, hi);
    const base = set * SET_WORDS;
    if (!this.lock(set)) return null;
    const known = this.placeOf(base, lo, hi);
    const live = known >= 0 && w[known + EXPIRY]! > now;
    if (live && !this.isAt(known, lesson.instead)) {
      found.serverLo = w[known + SERVER_LO]! >>> 0;
      found.serverHi = w[known + SERVER_HI]! >>> 0;
      found.expiry = w[known + EXPIRY]!;
    } else {
      const version = live ? Math.min((w[known + META]! & MOST_VERSION) + 1, MOST_VERSION) : 0;
      const at = known >= 0 ? known : this.choose(base, now);
      const { serverLo, serverHi, pool, life } = lesson;
      this.put(at, { lo, hi, serverLo, serverHi, since, origin, pool, version, life }, now, NEWS);
      this.mark(set);
      found.serverLo = serverLo;
      found.serverHi = serverHi;
      found.expiry = now + life;
    }
    this.unlock(set);
    return found;
  }

  /** The client is no longer known. */
  forget({ lo, hi }: ClientKey): void {
    const set = this.setOf(lo, hi);
    if (!this.lock(set)) return;
    const at = this.placeOf(set * SET_WORDS, lo, hi);
    if (at >= 0) this.clear(at);
    this.unlock(set);
  }

  /** Takes over what another SE says, unless what is known outranks it. */
  merge(entry: Entry, now: number): void {
    const { w } = this;
    const set = this.setOf(entry.lo, entry.hi);
    if (entry.life <= 0 || !this.lock(set)) return;
    const base = set * SET_WORDS;
    const at = this.placeOf(base, entry.lo, entry.hi);
    if (at < 0 || w[at + EXPIRY]! <= now) this.put(at < 0 ? this.choose(base, now) : at, entry, now, 0);
    else {
      const mine = this.entryAt(at, now);
      if (outranks(entry, mine)) this.put(at, { ...entry, life: Math.max(entry.life, mine.life) }, now, 0);
      else if (outranks(mine, entry)) {
        // The other SE goes by something that does not count: it has to hear of this.
        Atomics.or(w, at + META, NEWS);
        this.mark(set);
      } else if (entry.life > mine.life) Atomics.store(w, at + EXPIRY, now + entry.life);
    }
    this.unlock(set);
  }

  /** Agent only: what others have to be told, once. */
  drain(now: number, tell: (entry: Entry) => void): void {
    const { marks } = this.memory;
    for (let i = 0; i < marks.length; i++) {
      if (marks[i] === 0) continue;
      let bits = Atomics.exchange(marks, i, 0);
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits);
        bits &= ~(1 << bit);
        this.drainSet(i * 32 + bit, now, tell);
      }
    }
  }

  private drainSet(set: number, now: number, tell: (entry: Entry) => void): void {
    const { w } = this;
    const base = set * SET_WORDS;
    for (let at = base; at < base + PERSISTENCE_WAYS; at++) {
      if ((w[at + META]! & NEWS) === 0) continue;
      Atomics.and(w, at + META, ~NEWS);
      const entry = this.entryAt(at, now);
      if (entry.lo !== 0 && entry.life > 0) tell(entry);
    }
  }

  /** All live entries. Takes some milliseconds: not for workers. */
  *entries(now: number): IterableIterator<Entry> {
    const { w } = this;
    const { used } = this.memory;
    for (const [i, word] of used.entries())
      for (let bits = word; bits !== 0; bits &= bits - 1) {
        const base = (i * 32 + 31 - Math.clz32(bits & -bits)) * SET_WORDS;
        for (let at = base; at < base + PERSISTENCE_WAYS; at++)
          if (w[at] !== 0 && w[at + EXPIRY]! > now) yield this.entryAt(at, now);
      }
  }

  /**
   * Forgets entries: of a pool that is gone, or of a server that has left.
   * @returns how many
   */
  sweep(gone: (entry: Entry) => boolean, now: number): number {
    let count = 0;
    for (const entry of this.entries(now))
      if (gone(entry)) {
        this.forget(entry);
        count++;
      }
    return count;
  }

  private setOf(lo: number, hi: number): number {
    const h = Math.imul(lo ^ (hi >>> 7), 0x9e3779b1);
    return (h ^ (h >>> 15)) & this.mask;
  }

  private placeOf(base: number, lo: number, hi: number): number {
    const { w } = this;
    for (let at = base; at < base + PERSISTENCE_WAYS; at++)
      if (w[at] === (lo | 0) && w[at + HI] === (hi | 0)) return at;
    return -1;
  }

  /** Others are told when a quarter of its life has passed since they were told last. */
  private touch(set: number, at: number, expiry: number, now: number, life: number): void {
    // Whoever loses the swap has been overtaken by another touch, or by another client.
    if (Atomics.compareExchange(this.w, at + EXPIRY, expiry, now + life) !== expiry) return;
    const quarter = Math.max(1, life >> 2);
    if (Math.floor(expiry / quarter) === Math.floor((now + life) / quarter)) return;
    Atomics.or(this.w, at + META, NEWS);
    this.mark(set);
  }

  private isAt(at: number, server: Lesson['instead']): boolean {
    const { w } = this;
    return (
      server !== null &&
      w[at + SERVER_LO] === (server.serverLo | 0) &&
      w[at + SERVER_HI] === (server.serverHi | 0)
    );
  }

  private entryAt(at: number, now: number): Entry {
    const { w } = this;
    const word = (field: number): number => w[at + field]! >>> 0;
    return {
      lo: word(LO),
      hi: word(HI),
      serverLo: word(SERVER_LO),
      serverHi: word(SERVER_HI),
      since: word(SINCE) * SINCE_UNITS + ((w[at + META]! >>> PART) & (SINCE_UNITS - 1)),
      origin: word(ORIGIN),
      pool: word(POOL),
      version: w[at + META]! & MOST_VERSION,
      life: w[at + EXPIRY]! - now,
    };
  }

  /** Under the lock: the first word goes first and comes last, so that a reader never sees half an entry. */
  private put(at: number, entry: Entry, now: number, news: number): void {
    const { w } = this;
    this.clear(at);
    w[at + SERVER_LO] = entry.serverLo;
    w[at + SERVER_HI] = entry.serverHi;
    w[at + SINCE] = Math.floor(entry.since / SINCE_UNITS);
    w[at + ORIGIN] = entry.origin;
    w[at + POOL] = entry.pool;
    w[at + META] = Math.min(entry.version, MOST_VERSION) | ((entry.since % SINCE_UNITS) << PART) | news;
    Atomics.store(w, at + EXPIRY, now + entry.life);
    w[at + HI] = entry.hi;
    Atomics.store(w, at + LO, entry.lo);
    setBit(this.memory.used, (at / SET_WORDS) | 0);
  }

  private clear(at: number): void {
    Atomics.store(this.w, at + LO, 0);
    Atomics.store(this.w, at + EXPIRY, 0);
  }

  /** An empty or forgotten place, else the one that would be forgotten first. */
  private choose(base: number, now: number): number {
    const { w } = this;
    let best = base;
    let soonest = Infinity;
    for (let at = base; at < base + PERSISTENCE_WAYS; at++) {
      const expiry = w[at + EXPIRY]!;
      if (w[at] === 0 || expiry <= now) return at;
      if (expiry < soonest) {
        soonest = expiry;
        best = at;
      }
    }
    Atomics.add(this.memory.evictions, this.memory.evictionsAt, 1);
    return best;
  }

  private mark(set: number): void {
    setBit(this.memory.marks, set);
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

function setBit(bits: Int32Array, set: number): void {
  const bit = 1 << (set & 31);
  if ((bits[set >>> 5]! & bit) === 0) Atomics.or(bits, set >>> 5, bit);
}

/** Gives up the lock that a dead owner may have held; `intent` is the word that it left. */
export function releasePersistenceLock(words: Int32Array, owner: number, intent: number): void {
  if (intent <= 0) return;
  const at = (intent - 1) * SET_WORDS + LOCK;
  if (at < words.length) Atomics.compareExchange(words, at, owner + 1, 0);
}
