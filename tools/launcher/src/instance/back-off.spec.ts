import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { died, rested, secondsLeft } from './back-off.js';

describe('back-off of restarts', () => {
  test('doubles from 0.2 s to 10 s', () => {
    let state = rested;
    const waits = Array.from({ length: 8 }, () => {
      state = died(state, 0, 10);
      return state.notBefore;
    });
    expect(waits).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });

  test('what ran for half a minute begins anew', () => {
    expect(died({ failures: 7, notBefore: 0 }, 1000, 30_000)).toEqual({ failures: 1, notBefore: 1200 });
  });

  test('never waits less than 0.2 s or more than 10 s', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(), fc.nat(100_000), (failures, now, ran) => {
        const wait = died({ failures, notBefore: 0 }, now, ran).notBefore - now;
        expect(wait).toBeGreaterThanOrEqual(200);
        expect(wait).toBeLessThanOrEqual(10_000);
      }),
    );
  });

  test('is told in tenths of a second, whatever the clock says', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (now) => {
        expect(secondsLeft(died(rested, now, 10), now)).toBe('0.2 s');
      }),
    );
  });
});
