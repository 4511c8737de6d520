import { mix } from './hash.js';

/** Pseudo-random numbers for balancing: fast, and nobody's secret. */
export class Xorshift {
  private state: number;

  constructor(seed: number) {
    this.state = mix(seed) || 1;
  }

  /** A number from 0 to `below` - 1, `below` up to 2^31. */
  below(below: number): number {
    return Math.floor(this.part() * below);
  }

  /** A number from 0, below 1. */
  part(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return (x >>> 0) / 0x1_0000_0000;
  }
}
