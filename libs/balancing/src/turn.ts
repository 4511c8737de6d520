import type { ServerTable } from './contract.js';

/** The turn of a table's servers, as it is for those that are eligible. */
export class Turn {
  /** The turn of all servers, eligible or not. */
  private readonly all: Uint16Array;
  /** The turn of the eligible ones: the first `length` entries. A server with ratio 2 occurs twice. */
  readonly places: Uint16Array;
  length = 0;

  constructor(private readonly table: ServerTable) {
    this.all = turnOf(table.ratios, table.count);
    this.places = new Uint16Array(this.all.length);
    this.refresh();
  }

  /** `table.eligible` has changed. */
  refresh(): void {
    const { all, places, table } = this;
    let n = 0;
    for (let i = 0; i < all.length; i++) if (table.eligible[all[i]!] === 1) places[n++] = all[i]!;
    this.length = n;
  }
}

/**
 * One full turn: server `i` occurs `ratios[i]` times (after division by the greatest common divisor), its k-th
 * occurrence at the k-th equal part of the turn.
 */
export function turnOf(ratios: Uint8Array, count: number): Uint16Array {
  let divisor = 0;
  for (let i = 0; i < count; i++) divisor = gcd(divisor, ratios[i]!);
  if (divisor === 0) return new Uint16Array(0);
  const entries: { place: number; when: number }[] = [];
  for (let place = 0; place < count; place++) {
    const times = ratios[place]! / divisor;
    for (let k = 0; k < times; k++) entries.push({ place, when: (k + 0.5) / times });
  }
  entries.sort((a, b) => a.when - b.when || a.place - b.place);
  return Uint16Array.from(entries, (e) => e.place);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
