import type { Algorithm, AlgorithmContext } from './contract.js';
import { Turn } from './turn.js';

/**
 * Servers in turn, each as often as its ratio says, spread as evenly as the ratios allow. One step per pick. Every
 * worker goes round by itself and starts at its own place, so that few requests do not all meet the first server.
 */
export class RoundRobin implements Algorithm {
  private readonly turn: Turn;
  private at = 0;

  constructor({ table, start }: AlgorithmContext) {
    this.turn = new Turn(table);
    this.at = start;
  }

  pick(avoid: number, _key: number): number {
    const { places, length } = this.turn;
    if (length === 0) return -1;
    for (let tries = 0; tries < length; tries++) {
      if (this.at >= length) this.at %= length;
      const place = places[this.at++]!;
      if (place !== avoid) return place;
    }
    return avoid;
  }

  changed(_place: number): void {}

  refresh(): void {
    this.turn.refresh();
  }
}
