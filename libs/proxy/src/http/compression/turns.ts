import type { Deferred, Transport } from '../../transport/seam.js';
import { compressionLoad } from './load.js';

/** Milliseconds of compression within one turn of the event loop, of all responses together. */
const MOST_PER_TURN = 1;

/** A response with input that waits. */
export interface Waiting {
  /** Works until `mayWork` says no more, and waits again for what is left. */
  continue(): void;
}

/**
 * Shares a worker's time between compression and everything else: what all responses take in one turn of the event
 * loop is bounded, and those with more to do take turns.
 */
export class CompressionTurns implements Deferred {
  private spent = 0;
  private scheduled = false;
  private waiting: Waiting[] = [];
  private spare: Waiting[] = [];

  constructor(private readonly transport: Transport) {}

  /** There is time left in this turn. */
  get mayWork(): boolean {
    return this.spent < MOST_PER_TURN;
  }

  /** Work has been done since `begun`, a reading of the transport's clock. */
  worked(begun: number): void {
    const now = this.transport.now();
    compressionLoad.spend(now, now - begun);
    this.spent += now - begun;
    this.schedule();
  }

  /** It is continued in a later turn. Once at a time. */
  wait(one: Waiting): void {
    this.waiting.push(one);
    this.schedule();
  }

  run(): void {
    this.scheduled = false;
    this.spent = 0;
    const { waiting } = this;
    this.waiting = this.spare;
    let next = 0;
    while (next < waiting.length && this.mayWork) waiting[next++]!.continue();
    // Who had no turn comes before those that have been put back.
    if (next < waiting.length) this.waiting.unshift(...waiting.splice(next));
    waiting.length = 0;
    this.spare = waiting;
    if (this.waiting.length > 0) this.schedule();
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.transport.afterTurn(this);
  }
}

const turns = new WeakMap<Transport, CompressionTurns>();

/** Those of a transport: a worker has one. */
export function turnsOf(transport: Transport): CompressionTurns {
  let one = turns.get(transport);
  if (one === undefined) turns.set(transport, (one = new CompressionTurns(transport)));
  return one;
}
