import type { ServerTable } from './contract.js';

/** The turn of a table's servers by their ratios alone, as it is for those that are eligible. */
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

  /** Where the server occurs first; -1 when it does not. */
  indexOf(place: number): number {
    return this.places.subarray(0, this.length).indexOf(place);
  }

  /**
   * What part of the way from one of its occurrences to the next each server still has to wait, when the turn is at
   * `at`; `otherwise` for a server that does not occur.
   */
  waits(at: number, otherwise: number): (place: number) => number {
    const { places, length, table } = this;
    const first = new Int32Array(table.count).fill(-1);
    const times = new Int32Array(table.count);
    for (let i = 0; i < length; i++) {
      const place = places[(at + i) % length]!;
      if (first[place] === -1) first[place] = i;
      times[place]!++;
    }
    return (place) =>
      first[place] === -1 ? otherwise : Math.min(1, (first[place]! * times[place]!) / length);
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
