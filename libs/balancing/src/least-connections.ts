import type { AlgorithmContext } from './contract.js';
import { Least } from './least.js';
import { openAt } from './load.js';

/**
 * The server with the fewest open connections per weight (`ratio x share`), counted over all workers of the SE (pools
 * document, Least Connections).
 */
export class LeastConnections extends Least {
  constructor(context: AlgorithmContext) {
    super(context);
    this.refresh();
  }

  loadOf(place: number): number {
    return openAt(this.context, place);
  }
}
