import { describe, expect, it } from '@jest/globals';
import { settleFor } from './state-watcher.js';

describe('settleFor', () => {
  it('rests longer after a long look, so that looking takes a fifth of the time at most', () => {
    for (const took of [60, 300, 1_000, 2_000])
      expect(took / (took + settleFor(took))).toBeLessThanOrEqual(0.2);
  });

  it('lets news settle after a short look, and never waits longer than a sweep', () => {
    expect([0, 1, 50].map(settleFor)).toEqual([200, 200, 200]);
    expect(settleFor(60_000)).toBe(10_000);
  });
});
