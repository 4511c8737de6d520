import type { Algorithm, AlgorithmContext, Feed } from '../contract.js';
import { openAt } from '../load.js';
import { Xorshift } from '../xorshift.js';
import { Capacities } from './capacity.js';
import { Rooms } from './rooms.js';

/** Full servers that each pick looks at again: another worker may have made room there. */
const PROBES = 2;
/** Servers among which one is chosen when all are full. */
const CHOICES = 8;

/**
 * The first server in the order of the pool that is not at capacity (pools document, Fewest Servers); `Capacities`
 * finds out what that is, times ratio and share. When all are at capacity, the one that is least so: nobody is turned
 * away, and a load that comes at once is spread until it is known what each server takes.
 *
 * Open requests are counted over all workers, and capacities are the same for all: they fill the same servers.
 */
export class FewestServers implements Algorithm, Feed {
  readonly feed = this;
  readonly classes = false;
  readonly capacities: Capacities;
  /** Eligible places in their order, and the position of each place; -1 for the others. */
  private readonly places: Uint16Array;
  private readonly positions: Int32Array;
  private count = 0;
  /** By place, as of the last tick: requests at a time, and the part of picks that it may have. */
  private readonly limits: Float64Array;
  private readonly parts: Float64Array;
  private readonly credits: Float64Array;
  private readonly dips: Uint8Array;
  private readonly rooms: Rooms;
  private readonly chance: Xorshift;
  private ticked = -1;
  private probe = 0;

  constructor(private readonly context: AlgorithmContext) {
    const { count } = context.table;
    this.capacities = new Capacities(context, true);
    this.places = new Uint16Array(count);
    this.positions = new Int32Array(count).fill(-1);
    this.limits = new Float64Array(count);
    this.parts = new Float64Array(count);
    this.credits = new Float64Array(count);
    this.dips = new Uint8Array(count);
    this.rooms = new Rooms(count);
    this.chance = new Xorshift(context.start * 64 + context.worker + 1);
    this.refresh();
  }

  pick(avoid: number, _key: number): number {
    const { coarse } = this.context.latency.clock;
    if (coarse !== this.ticked) this.tick(coarse);
    if (this.count === 0) return -1;
    let at = this.rooms.next(0);
    this.look(at < 0 ? this.count : at);
    while (at >= 0) {
      const place = this.places[at]!;
      if (place !== avoid) {
        if (this.active(place) >= this.limits[place]!) {
          this.rooms.set(at, false);
          this.capacities.wanted[place] = 1;
        } else if (this.admits(place)) return place;
      }
      at = this.rooms.next(at + 1);
    }
    return this.leastFull(avoid);
  }

  changed(place: number): void {
    const at = this.positions[place]!;
    if (at >= 0 && this.active(place) < this.limits[place]!) this.rooms.set(at, true);
  }

  refresh(): void {
    const { table } = this.context;
    this.positions.fill(-1);
    this.rooms.clear();
    let n = 0;
    for (let i = 0; i < table.count; i++) {
      if (table.eligible[i] !== 1) continue;
      this.positions[i] = n;
      this.places[n++] = i;
    }
    this.count = n;
    this.ticked = -1;
  }

  private tick(coarse: number): void {
    this.ticked = coarse;
    const now = this.context.latency.now();
    for (let at = 0; at < this.count; at++) {
      const place = this.places[at]!;
      this.setLimit(place, now);
      this.rooms.set(at, this.active(place) < this.limits[place]!);
    }
  }

  private setLimit(place: number, now: number): void {
    const { capacities } = this;
    const dips = capacities.dips(place, now);
    const share = this.context.table.shares[place]!;
    const limit = (dips ? capacities.inDip(place) : capacities.of(place)) * share;
    this.dips[place] = dips ? 1 : 0;
    this.limits[place] = limit;
    this.parts[place] = Math.min(1, limit, share);
  }

  private active(place: number): number {
    return openAt(this.context, place);
  }

  /** A server that has less than its share, or takes less than one request at a time, gets a part of the picks. */
  private admits(place: number): boolean {
    const part = this.parts[place]!;
    if (part >= 1) return true;
    const credit = this.credits[place]! + part;
    this.credits[place] = credit >= 1 ? credit - 1 : credit;
    return credit >= 1;
  }

  /** Looks again at some of the servers before `end` that were full. */
  private look(end: number): void {
    for (let i = 0; i < PROBES && i < end; i++) {
      if (this.probe >= end) this.probe = 0;
      const at = this.probe++;
      const place = this.places[at]!;
      if (this.active(place) < this.limits[place]!) this.rooms.set(at, true);
    }
  }

  /** All are full: the least full one, of a few by chance where there are many. One that dips is left in peace. */
  private leastFull(avoid: number): number {
    const { count, places } = this;
    let best = -1;
    let least = Infinity;
    let at = this.chance.below(count);
    for (let i = 0; i < count; i++) {
      const place = places[at]!;
      if (place !== avoid) {
        const full = (this.active(place) + 1) / this.limits[place]! + (this.dips[place] === 1 ? 1e6 : 0);
        if (full < least) {
          least = full;
          best = place;
        }
        if (count > 2 * CHOICES && i >= CHOICES && best >= 0) break;
      }
      at = count > 2 * CHOICES ? this.chance.below(count) : at + 1 === count ? 0 : at + 1;
    }
    return best === -1 ? avoid : best;
  }

  // Feed

  workOf(): number {
    return 0;
  }

  workLeft(): number {
    return 0;
  }

  firstByte(place: number, microseconds: number, now: number): void {
    this.capacities.sample(place, microseconds, this.active(place), now);
  }

  whole(): void {}

  failed(place: number, now: number): void {
    this.capacities.failed(place);
    this.setLimit(place, now);
  }
}
