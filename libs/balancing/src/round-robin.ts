import type { Algorithm, AlgorithmContext } from './contract.js';

/**
 * Servers in turn, each as often as its ratio says, spread as evenly as the ratios allow. One step per pick. Every
 * worker goes round by itself and starts at its own place, so that few requests do not all meet the first server.
 */
export class RoundRobin implements Algorithm {
  /** The turn of all servers, eligible or not. */
  private readonly turn: Uint16Array;
  /** The turn of the eligible ones: the first `length` entries. */
  private readonly current: Uint16Array;
  private length = 0;
  private at = 0;

  constructor(private readonly context: AlgorithmContext) {
    this.turn = turnOf(context.table.ratios, context.table.count);
    this.current = new Uint16Array(this.turn.length);
    this.at = context.start;
    this.refresh();
  }

  pick(avoid: number): number {
    const { current, length } = this;
    if (length === 0) return -1;
    for (let tries = 0; tries < length; tries++) {
      if (this.at >= length) this.at %= length;
      const place = current[this.at++]!;
      if (place !== avoid) return place;
    }
    return avoid;
  }

  changed(_place: number): void {}

  refresh(): void {
    const { turn, current } = this;
    const { eligible } = this.context.table;
    let n = 0;
    for (let i = 0; i < turn.length; i++) if (eligible[turn[i]!] === 1) current[n++] = turn[i]!;
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
