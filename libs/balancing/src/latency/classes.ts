import { mix } from '../hash.js';

/** A power of two. */
const ENTRIES = 4096;
/** How often an entry withstands requests of another class that would have its place. */
const MOST_HOLD = 15;
/** Responses after which the cost of a class is known well. */
const SURE = 8;
/** How much a new response changes what is known of its class, at least. */
const WEIGHT = 1 / 8;
/** The same for what is typical, over all classes. */
const TYPICAL_WEIGHT = 1 / 64;
/** Microseconds that a request is thought to take as long as nothing is known: a power of two, so that sums are exact. */
export const UNKNOWN_COST = 1024;
/** A request counts as at most so many typical ones. */
const MOST_TYPICAL = 4;

/**
 * What requests of a class cost, by the responses so far: the class of a path, and the class of the folder it is in for
 * paths that have not been seen. A fixed table: a class that is asked for often keeps its entry.
 *
 * A class (`kind`) is 32 bits: the upper 16 tell the folder, the lower 16 the path in it.
 */
export class Classes {
  private readonly kinds = new Int32Array(ENTRIES);
  private readonly costs = new Float32Array(ENTRIES);
  private readonly holds = new Uint8Array(ENTRIES);
  /** log2 of the typical cost (its geometric mean), and of how many responses: workers soon agree on it. */
  private typicalLog = 0;
  private responses = 0;
  /** What a request counts as at most, microseconds. */
  most = Infinity;
  /** Cost of a request of which nothing is known, microseconds. */
  typical = UNKNOWN_COST;

  /** The cost of a request of this class, microseconds; the typical one where nothing is known. */
  costOf(kind: number): number {
    const cost = this.find(kind);
    if (cost > 0) return cost;
    const folder = this.find(folderOf(kind));
    return folder > 0 ? folder : this.typical;
  }

  /** The cost of this very class; 0 when it has not been seen often enough to judge servers by it. */
  known(kind: number): number {
    const at = placeOf(kind);
    return this.kinds[at] === kind && this.holds[at]! >= SURE ? this.costs[at]! : 0;
  }

  learn(kind: number, microseconds: number): void {
    this.update(kind, microseconds);
    this.update(folderOf(kind), microseconds);
    const log = Math.log2(Math.max(1, microseconds));
    this.typicalLog += (log - this.typicalLog) * Math.max(TYPICAL_WEIGHT, 1 / ++this.responses);
  }

  /** Takes in what is typical by now: once a tick is enough. */
  settle(): void {
    if (this.responses === 0) return;
    this.typical = 2 ** this.typicalLog;
    this.most = this.typical * MOST_TYPICAL;
  }

  private find(kind: number): number {
    const at = placeOf(kind);
    return this.kinds[at] === kind ? this.costs[at]! : 0;
  }

  private update(kind: number, cost: number): void {
    const { kinds, costs, holds } = this;
    const at = placeOf(kind);
    const hold = holds[at]!;
    if (kinds[at] === kind && costs[at]! > 0) {
      costs[at]! += (cost - costs[at]!) * Math.max(WEIGHT, 1 / (hold + 1));
      if (hold < MOST_HOLD) holds[at] = hold + 1;
    } else if (hold > 1) holds[at] = hold - 1;
    else {
      kinds[at] = kind;
      costs[at] = cost;
      holds[at] = 1;
    }
  }
}

/** Never the class of a path, which has its lowest bit set. */
const folderOf = (kind: number): number => kind & ~0xffff;

/** Where a class is kept. It is made of hashes: a few of its bits will do. */
const placeOf = (kind: number): number => (kind ^ (kind >>> 11) ^ (kind >>> 20)) & (ENTRIES - 1);

/** The class of a path, never 0, from the hashes of its folder and of all of it. */
export const classOf = (folder: number, path: number): number =>
  ((mix(folder) & 0xffff) << 16) | (mix(path) & 0xffff) | 1;
