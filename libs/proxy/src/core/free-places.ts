/** Up to so many servers the algorithm of the pool is told of every full one at once; of larger pools once a tick. */
const TELL_AT_ONCE = 64;

/**
 * Which servers of a pool cannot take another connection from this worker, as far as it knows. A server becomes full
 * when a place was asked for in vain, and free again when somebody says so.
 */
export class FreePlaces {
  /** The algorithm's idea of who is eligible is out of date, and is to be renewed before the next pick. */
  stale = false;
  private readonly full: Uint8Array;
  /** Up and enabled, full or not. */
  private readonly may: Uint8Array;
  /** Those that are up and not full, in no order: the first `count` entries; `at` says where each is, -1 nowhere. */
  private readonly free: Uint16Array;
  private readonly at: Int32Array;
  private count = 0;
  private changed = false;
  private readonly tellsAtOnce: boolean;

  constructor(servers: number) {
    this.full = new Uint8Array(servers);
    this.may = new Uint8Array(servers);
    this.free = new Uint16Array(servers);
    this.at = new Int32Array(servers).fill(-1);
    this.tellsAtOnce = servers <= TELL_AT_ONCE;
  }

  /** Picks of the algorithm that are worth a try before `any` is asked. */
  get tries(): number {
    return this.tellsAtOnce ? this.full.length + 1 : 4;
  }

  isFull(place: number): boolean {
    return this.full[place] === 1;
  }

  mayBeUsed(place: number): boolean {
    return this.may[place] === 1;
  }

  /** Whether the algorithm may choose the server. `@param may` it is up and enabled */
  eligible(place: number, may: number): number {
    this.may[place] = may;
    this.sort(place);
    return may === 1 && this.full[place] === 0 ? 1 : 0;
  }

  setFull(place: number, full: boolean): void {
    if (this.full[place] === (full ? 1 : 0)) return;
    this.full[place] = full ? 1 : 0;
    this.sort(place);
    this.changed = true;
    if (this.tellsAtOnce) this.stale = true;
  }

  /** On every tick. */
  tick(): void {
    this.stale ||= this.changed;
    this.changed = false;
  }

  /** One that is free as far as is known, another one for each number; -1 when none is. */
  any(n: number): number {
    return this.count === 0 ? -1 : this.free[n % this.count]!;
  }

  /** Puts a server into `free`, or takes it out. */
  private sort(place: number): void {
    const { at, free } = this;
    const belongs = this.may[place] === 1 && this.full[place] === 0;
    if (belongs === at[place]! >= 0) return;
    if (belongs) {
      at[place] = this.count;
      free[this.count++] = place;
      return;
    }
    const last = free[--this.count]!;
    free[at[place]!] = last;
    at[last] = at[place]!;
    at[place] = -1;
  }
}
