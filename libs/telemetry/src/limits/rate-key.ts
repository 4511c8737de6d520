const FNV = 0x01000193;

const mix = (h: number): number => {
  let x = h;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
};

/**
 * The hash of what a rate is counted for, 64 bits in two words: build it up, then give it to `RateTable.take`. One
 * object can be used again and again.
 */
export class RateKey {
  lo = 0;
  hi = 0;

  /** @param seed tells limiters apart: two rates with the same seed and key share a bucket */
  begin(seed: number): this {
    this.lo = 0x811c9dc5 ^ seed;
    this.hi = mix(seed ^ 0x5bd1e995);
    return this;
  }

  number(n: number): this {
    this.lo = Math.imul(this.lo ^ n, FNV);
    this.hi = mix(this.hi ^ n ^ 0x27d4eb2f);
    return this;
  }

  text(s: string): this {
    let { lo, hi } = this;
    for (let i = 0; i < s.length; i++) {
      const c = s.charCodeAt(i);
      lo = Math.imul(lo ^ c, FNV);
      hi = Math.imul(hi ^ c, 0x5bd1e995);
      hi ^= hi >>> 15;
    }
    this.lo = lo;
    this.hi = hi;
    return this.number(s.length);
  }

  bytes(b: Uint8Array, start: number, end: number): this {
    let { lo, hi } = this;
    for (let i = start; i < end; i++) {
      const c = b[i]!;
      lo = Math.imul(lo ^ c, FNV);
      hi = Math.imul(hi ^ c, 0x5bd1e995);
      hi ^= hi >>> 15;
    }
    this.lo = lo;
    this.hi = hi;
    return this.number(end - start);
  }
}

/** The seed of a named limiter. */
export function seedOf(name: string): number {
  const key = new RateKey().begin(0).text(name);
  return mix(key.lo ^ key.hi);
}
