import { describe, expect, it } from '@jest/globals';
import { lines, missed } from './judge.js';
import type { Measured } from './picks.program.js';

const measured = (ns: readonly [number, number, number]): Measured[] =>
  ([10, 1000, 5000] as const).map((servers, i) => ({
    algorithm: 'random',
    servers,
    shares: 'full',
    ns: ns[i]!,
  }));

describe('the cost of picks', () => {
  it('is a line per algorithm and kind of shares', () => {
    expect(lines(measured([5.4, 60, 70]))).toEqual([['random', 'full', '5 ns', '60 ns', '70 ns']]);
  });

  it('may grow a little with the pool', () => {
    expect(missed(measured([5, 60, 100]), 1)).toEqual([]);
  });

  it('is missed by work for each server, and by what is too dear at all', () => {
    expect(missed(measured([5, 100, 500]), 1)).toEqual([
      'random, shares full, 5000 servers: 5.0 x what it is with 1,000, allowed are 3',
    ]);
    expect(missed(measured([5, 900, 1500]), 1)).toEqual([
      'random, shares full, 5000 servers: 1500 ns, allowed are 1000',
    ]);
    expect(missed(measured([5, 900, 1500]), 2)).toEqual([]);
  });

  it('is missed when it was not measured', () => {
    expect(missed(measured([5, Number.NaN, 100]), 1)).toHaveLength(2);
  });
});
