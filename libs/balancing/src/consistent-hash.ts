import { Chances } from './chances.js';
import type { Algorithm, AlgorithmContext } from './contract.js';
import { mix } from './hash.js';
import { maglevTable } from './maglev.js';

/** Slots that a pick looks at before it takes any server that is up: with one server of eight up, one pick in 5,000. */
const MOST_TRIES = 64;

/**
 * The server that the key belongs to, so that what belongs together meets one server, on every worker and SE (pools
 * document, Consistent Hash). A key whose server is down goes to the server of its next slot, and back when it is
 * up again; all other keys stay where they are. Only when nearly all servers are down, keys are dealt out anew
 * among those that are left.
 *
 * A server with a reduced share takes that part of the keys that meet it in a slot, the same ones always, and leaves
 * the others to their next slot: as its share grows it takes more and gives none away.
 */
export class ConsistentHash implements Algorithm {
  private readonly slots: Uint16Array;
  /** The eligible servers, in the order of their identities. */
  private readonly left: Chances;
  private reduced = false;

  constructor(private readonly context: AlgorithmContext) {
    const { table } = context;
    this.slots = maglevTable(table);
    const places = Uint16Array.from({ length: table.count }, (_, i) => i);
    this.left = new Chances(
      table,
      places.sort((a, b) => table.identities[a]! - table.identities[b]!),
    );
    this.refresh();
  }

  pick(avoid: number, key: number): number {
    const { slots } = this;
    const size = slots.length;
    if (size === 0) return -1;
    const hash = mix(key);
    const at = hash % size;
    const place = slots[at]!;
    if (!this.reduced && place !== avoid && this.context.table.eligible[place] === 1) return place;
    return this.takes(place, avoid, hash, at) ? place : this.elsewhere(avoid, hash, at);
  }

  /** The slots after the first of a key lie anywhere, so that what one server does not take is spread over all. */
  private elsewhere(avoid: number, hash: number, first: number): number {
    const { slots } = this;
    const size = slots.length;
    const other = mix(hash ^ ANOTHER);
    const step = (other % (size - 1)) + 1;
    let at = first;
    for (let tries = 1; tries < MOST_TRIES; tries++) {
      at += step;
      if (at >= size) at -= size;
      const place = slots[at]!;
      if (this.takes(place, avoid, hash, at)) return place;
    }
    const part = mix(other) / 0x1_0000_0000;
    const place = this.left.at(part, avoid);
    return place === -1 ? this.left.at(part, -1) : place;
  }

  /** A server with a reduced share takes that part of the keys that come to each of its slots. */
  private takes(place: number, avoid: number, hash: number, slot: number): boolean {
    const { shares, identities, eligible } = this.context.table;
    if (eligible[place] === 0 || place === avoid) return false;
    if (!this.reduced) return true;
    const share = shares[place]!;
    return share >= 1 || mix(hash ^ mix(identities[place]! + slot)) < share * 0x1_0000_0000;
  }

  changed(_place: number): void {}

  refresh(): void {
    this.reduced = this.context.table.reduced;
    this.left.refresh();
  }
}

/** Makes another hash of the same. */
const ANOTHER = 0x5bd1_e995;
