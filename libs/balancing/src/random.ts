import type { Algorithm, AlgorithmContext } from './contract.js';
import { Turn } from './turn.js';
import { Xorshift } from './xorshift.js';

/** A server by chance, each with the probability that its ratio says. */
export class Random implements Algorithm {
  private readonly turn: Turn;
  private readonly chance: Xorshift;

  constructor({ table, start, worker }: AlgorithmContext) {
    this.turn = new Turn(table);
    this.chance = new Xorshift(start * 64 + worker + 1);
  }

  pick(avoid: number, _key: number): number {
    const { places, length } = this.turn;
    if (length === 0) return -1;
    let at = this.chance.below(length);
    // Past `avoid` the next other one in the turn, where its neighbours are spread over all servers.
    for (let tries = 0; tries < length; tries++) {
      const place = places[at]!;
      if (place !== avoid) return place;
      if (++at >= length) at = 0;
    }
    return avoid;
  }

  changed(_place: number): void {}

  refresh(): void {
    this.turn.refresh();
  }
}
