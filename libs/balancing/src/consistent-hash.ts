import type { Algorithm, AlgorithmContext } from './contract.js';
import { mix } from './hash.js';
import { maglevTable } from './maglev.js';

/** Slots that a pick looks at before it takes any server that is up: with one server of eight up, one pick in 5,000. */
const MOST_TRIES = 64;

/**
 * The server that the key belongs to, so that what belongs together meets one server, on every worker and SE (pools
 * document, Consistent Hash). A key whose server is down goes to the server of the next slot, and back when it is
 * up again; all other keys stay where they are. Only when nearly all servers are down, keys are dealt out anew
 * among those that are left.
 */
export class ConsistentHash implements Algorithm {
  private readonly slots: Uint16Array;
  /** The eligible servers, in the order of their identities: the first `up` entries. */
  private readonly left: Uint16Array;
  private up = 0;

  constructor(private readonly context: AlgorithmContext) {
    const { table } = context;
    this.slots = maglevTable(table);
    this.left = new Uint16Array(table.count);
    this.refresh();
  }

  pick(avoid: number, key: number): number {
    const { slots, up } = this;
    if (up === 0) return -1;
    const { eligible } = this.context.table;
    const hash = mix(key);
    let at = hash % slots.length;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const place = slots[at]!;
      if (eligible[place] === 1 && place !== avoid) return place;
      if (++at === slots.length) at = 0;
    }
    const place = this.left[hash % up]!;
    if (place !== avoid || up === 1) return place;
    return this.left[(hash + 1) % up]!;
  }

  changed(_place: number): void {}

  refresh(): void {
    const { table } = this.context;
    let n = 0;
    for (let place = 0; place < table.count; place++) if (table.eligible[place] === 1) this.left[n++] = place;
    this.up = n;
    this.left.subarray(0, n).sort((a, b) => table.identities[a]! - table.identities[b]!);
  }
}
