import type { Algorithm, AlgorithmContext } from './contract.js';
import { loadWithOneMore } from './load.js';
import { Turn } from './turn.js';
import { Xorshift } from './xorshift.js';

/**
 * The one with fewer open connections per ratio of two servers taken by chance: nearly as even as least connections,
 * at the same small cost for any number of servers, and SEs that know nothing of each other do not run together.
 */
export class PowerOfTwo implements Algorithm {
  private readonly turn: Turn;
  private readonly chance: Xorshift;

  constructor(private readonly context: AlgorithmContext) {
    this.turn = new Turn(context.table);
    this.chance = new Xorshift(context.start * 64 + context.worker + 1);
  }

  pick(avoid: number, _key: number): number {
    const { length } = this.turn;
    if (length === 0) return -1;
    const first = this.other(avoid, -1);
    if (first < 0) return avoid;
    const second = this.other(avoid, first);
    if (second < 0) return first;
    return loadWithOneMore(this.context, second) < loadWithOneMore(this.context, first) ? second : first;
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
    this.turn.refresh();
  }
}
