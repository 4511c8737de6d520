import { Chances } from './chances.js';
import type { Algorithm, AlgorithmContext } from './contract.js';
import { Turn } from './turn.js';
import { Xorshift } from './xorshift.js';

/** A server by chance, each with the probability that its ratio says. */
export class Random implements Algorithm {
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
    const { table } = this.context;
    this.turn.refresh();
    this.reduced = table.reduced;
    if (!table.reduced) return;
    this.chances ??= new Chances(table);
    this.chances.refresh();
  }

  private byShare(avoid: number): number {
    const place = this.chances!.at(this.chance.part(), avoid);
    return place === -1 ? this.chances!.at(0, -1) : place;
  }
}
