/**
 * The passive monitor's judgement (pools document, Passive Health Monitor): from what servers answered to real
 * requests it makes the part of its share that each may have. It never takes a server out.
 *
 * A server is compared with its peers, never with a fixed number: what all of them answer alike (a client that asks for
 * pages that are not there) is no fault of one. It counts as worse only by what is sure: the lower confidence
 * bound of its error ratio less the upper bound of a good peer's. See docs/adr for the figures.
 */

/** Outcomes that a server is remembered by; newer ones push older ones out. */
const WINDOW = 128;
/** Half of what is remembered fades within so many milliseconds, so that a server without requests gets some again. */
const HALF_LIFE_MS = 20_000;
/** Fewer errors than this say nothing. */
const LEAST_ERRORS = 5;
/** Standard deviations of the bounds of a server's own error ratio, and of the peer's that it is compared with. */
const Z_SERVER = 3;
const Z_PEER = 2;
/** A server may be worse than its peers by so much (of 1) without any consequence. */
const TOLERATED = 0.05;
/** When it surely is worse by so much more, nothing is left to it but the floor. */
const FULL_AT = 0.25;
/** A server that is throttled has few outcomes: each counts for as many as it would have had, up to this. */
const MOST_WEIGHT = 8;
/** A share doubles at most within so many milliseconds on its way back. */
const DOUBLING_MS = 1000;

/** The smallest share that a server of a large pool is left. */
export const LEAST_SHARE = 0.05;
/** Of the weight of all available servers so much is left whatever their answers: no server more than doubles. */
export const LEAST_CAPACITY = 0.5;

/**
 * What a bad server keeps of its share when `available` servers are left, itself included: all of it alone, a quarter
 * of two, a ninth of three, a sixteenth of four, then LEAST_SHARE.
 */
export function leastShare(available: number): number {
  return available <= 1 ? 1 : Math.max(LEAST_SHARE, 1 / (available * available));
}

/** Wilson's bounds of a ratio of which `hits` of `trials` are known; 0 and 1 when there are none. */
export function lowerBound(hits: number, trials: number, z: number): number {
  return trials <= 0 ? 0 : Math.max(0, bound(hits, trials, z, -1));
}

export function upperBound(hits: number, trials: number, z: number): number {
  return trials <= 0 ? 1 : Math.min(1, bound(hits, trials, z, 1));
}

function bound(hits: number, trials: number, z: number, sign: 1 | -1): number {
  const p = hits / trials;
  const z2 = z * z;
  const spread = z * Math.sqrt((p * (1 - p)) / trials + z2 / (4 * trials * trials));
  return (p + z2 / (2 * trials) + sign * spread) / (1 + z2 / trials);
}

/** What the monitor has to know of the servers of a pool; index `i` is a server's place. */
export interface PassiveTable {
  readonly count: number;
  /** 1 where the server may get requests, else 0. */
  readonly available: Uint8Array;
  /** Ratio of each, 1 to 20. */
  readonly ratios: Uint8Array;
}

/** The passive monitor of one pool. It has no clock and no chance in it: the same rounds give the same shares. */
export class PassiveMonitor {
  /** Of each server's full share, 1 where nothing is taken; never below `leastShare`. */
  readonly shares: Float64Array;
  private readonly outcomes: Float64Array;
  private readonly errors: Float64Array;
  private readonly peers: Float64Array;
  private throttled = 0;
  /** Servers with anything to remember. */
  private known = 0;

  constructor(private readonly table: PassiveTable) {
    this.shares = new Float64Array(table.count).fill(1);
    this.outcomes = new Float64Array(table.count);
    this.errors = new Float64Array(table.count);
    this.peers = new Float64Array(table.count);
  }

  /** Some share is below 1. */
  get reduced(): boolean {
    return this.throttled > 0;
  }

  /** Nothing is remembered and nothing throttled: a round without news would change nothing. */
  get idle(): boolean {
    return this.throttled === 0 && this.known === 0;
  }

  /** Error ratio of a server as it is remembered, 0 to 1. */
  errorRatio(place: number): number {
    const outcomes = this.outcomes[place]!;
    return outcomes === 0 ? 0 : this.errors[place]! / outcomes;
  }

  /** What became of requests (or L4 connections) of the server since the last call. */
  observe(place: number, outcomes: number, errors: number): void {
    if (!(outcomes > 0) || this.table.available[place] !== 1) return;
    const weight = Math.min(MOST_WEIGHT, 1 / this.shares[place]!);
    const grown = Math.min(WINDOW, outcomes * weight);
    const kept = Math.min(this.outcomes[place]!, WINDOW - grown);
    const old = this.errorRatio(place);
    if (this.outcomes[place] === 0) this.known++;
    this.outcomes[place] = kept + grown;
    this.errors[place] = kept * old + grown * Math.min(1, Math.max(0, errors) / outcomes);
  }

  /** A server has been throttled before this monitor began: it stays so until its answers say otherwise. */
  inherit(place: number, share: number): void {
    if (!(share > 0 && share < 1)) return;
    this.shares[place] = share;
    this.outcomes[place] = WINDOW;
    this.errors[place] = WINDOW;
    this.throttled++;
    this.known++;
  }

  /** Takes over all that another monitor knows of a server. */
  adopt(place: number, from: PassiveMonitor, theirs: number): void {
    this.outcomes[place] = from.outcomes[theirs]!;
    this.errors[place] = from.errors[theirs]!;
    this.shares[place] = from.shares[theirs]!;
    if (this.shares[place] < 1) this.throttled++;
    if (this.outcomes[place] > 0) this.known++;
  }

  /**
   * Works the shares out anew.
   * @param elapsed milliseconds since the last round
   * @returns whether any share has changed
   */
  judge(elapsed: number): boolean {
    const { table, shares } = this;
    const suspects = this.age(elapsed);
    if (suspects === 0 && this.throttled === 0) return false;
    const left = this.available();
    const peer = suspects === 0 ? 1 : this.goodPeer();
    const floor = leastShare(left);
    const rise = 2 ** (elapsed / DOUBLING_MS);
    const before = this.throttled;
    let changed = false;
    const wanted = this.peers; // its numbers are used up
    for (let i = 0; i < table.count; i++) {
      const aim = table.available[i] === 1 ? 1 - this.severity(i, peer) * (1 - floor) : 1;
      wanted[i] = table.available[i] === 1 ? Math.max(floor, Math.min(aim, shares[i]! * rise)) : 1;
    }
    this.keepCapacity(wanted);
    this.throttled = 0;
    for (let i = 0; i < table.count; i++) {
      if (wanted[i]! < 1) this.throttled++;
      if (wanted[i] === shares[i]) continue;
      shares[i] = wanted[i]!;
      changed = true;
    }
    return changed || before !== this.throttled;
  }

  /** Lets what is remembered fade, and forgets servers that are out. Returns how many might be throttled. */
  private age(elapsed: number): number {
    const { table, outcomes, errors } = this;
    const kept = 0.5 ** (elapsed / HALF_LIFE_MS);
    let suspects = 0;
    this.known = 0;
    for (let i = 0; i < table.count; i++) {
      if (outcomes[i] === 0) continue;
      const fades = outcomes[i]! * kept;
      const forgets = table.available[i] !== 1 || fades < 0.5;
      outcomes[i] = forgets ? 0 : fades;
      errors[i] = forgets ? 0 : errors[i]! * kept;
      if (forgets) continue;
      this.known++;
      if (errors[i]! >= LEAST_ERRORS) suspects++;
    }
    return suspects;
  }

  private available(): number {
    let n = 0;
    for (let i = 0; i < this.table.count; i++) n += this.table.available[i]!;
    return n;
  }

  /**
   * What the error ratio of a good peer is at most: the lower quartile over the servers that have answered. The worst
   * ones do not move it even if they are three of four, and one lucky server of many does not set it.
   */
  private goodPeer(): number {
    const { table, outcomes, errors, peers } = this;
    let n = 0;
    for (let i = 0; i < table.count; i++)
      if (outcomes[i]! > 0) peers[n++] = upperBound(errors[i]!, outcomes[i]!, Z_PEER);
    return n === 0 ? 1 : peers.subarray(0, n).sort()[(n - 1) >> 2]!;
  }

  /** 0: no worse than its peers; 1: as bad as matters. */
  private severity(place: number, peer: number): number {
    const errors = this.errors[place]!;
    if (errors < LEAST_ERRORS) return 0;
    const worse = lowerBound(errors, this.outcomes[place]!, Z_SERVER) - peer - TOLERATED;
    return Math.min(1, Math.max(0, worse / FULL_AT));
  }

  private keepCapacity(wanted: Float64Array): void {
    const { count, available, ratios } = this.table;
    let whole = 0;
    let lost = 0;
    for (let i = 0; i < count; i++) {
      if (available[i] !== 1) continue;
      whole += ratios[i]!;
      lost += ratios[i]! * (1 - wanted[i]!);
    }
    const most = whole * (1 - LEAST_CAPACITY);
    if (lost <= most) return;
    for (let i = 0; i < count; i++) if (available[i] === 1) wanted[i] = 1 - (1 - wanted[i]!) * (most / lost);
  }
}
