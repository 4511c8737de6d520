import { Chances } from './chances.js';
import type { Algorithm, AlgorithmContext } from './contract.js';
import { openAt } from './load.js';
import { Turn } from './turn.js';
import { Xorshift } from './xorshift.js';

/**
 * The one with fewer open connections per weight of two servers taken by chance, each with the probability that its
 * weight says: nearly as even as least connections, at the same small cost for any number of servers, and SEs that
 * know nothing of each other do not run together. Of equals the first is taken, so that servers without load get their
 * parts too. A server with a reduced share is taken as the first only: one that refuses everything at once, and so
 * never has a connection open, gets no more than its part.
 */
export class PowerOfTwo implements Algorithm {
  private readonly turn: Turn;
  private readonly chance: Xorshift;
  /** What is drawn from while shares are reduced. */
  private chances: Chances | null = null;
  private reduced = false;

  constructor(private readonly context: AlgorithmContext) {
    this.turn = new Turn(context.table);
    this.chance = new Xorshift(context.start * 64 + context.worker + 1);
    this.refresh();
  }

  pick(avoid: number, _key: number): number {
    if (this.reduced) return this.byShare(avoid);
    const { length } = this.turn;
    if (length === 0) return -1;
    const first = this.other(avoid, -1);
    if (first < 0) return avoid;
    const second = this.other(avoid, first);
    if (second < 0) return first;
    const { ratios } = this.context.table;
    const loadOfFirst = openAt(this.context, first) / ratios[first]!;
    return openAt(this.context, second) / ratios[second]! < loadOfFirst ? second : first;
  }

  private byShare(avoid: number): number {
    const chances = this.chances!;
    const first = chances.at(this.chance.part(), avoid);
    if (first < 0) return chances.at(0, -1);
    const second = chances.at(this.chance.part(), avoid, first);
    const { ratios, shares } = this.context.table;
    if (second < 0 || shares[second]! < 1) return first;
    const loadOfFirst = openAt(this.context, first) / (ratios[first]! * shares[first]!);
    return openAt(this.context, second) / ratios[second]! < loadOfFirst ? second : first;
  }

  /** A server by chance that is neither of the two; -1 when there is none. */
  private other(one: number, two: number): number {
    const { places, length } = this.turn;
    let at = this.chance.below(length);
    for (let tries = 0; tries < length; tries++) {
      const place = places[at]!;
      if (place !== one && place !== two) return place;
      if (++at >= length) at = 0;
    }
    return -1;
  }

  changed(_place: number): void {}

  refresh(): void {
    const { table } = this.context;
    this.turn.refresh();
    this.reduced = table.reduced;
    if (!table.reduced) return;
    this.chances ??= new Chances(table);
    this.chances.refresh();
  }
}
