import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rampShare } from './ramp.js';

const FOUR_SECONDS = { duration: 4000, units: 4 };

/** Average share over milliseconds `from` to `to`. */
function average(from: number, to: number, ramp = FOUR_SECONDS): number {
  let sum = 0;
  const steps = 10_000;
  for (let i = 0; i < steps; i++) sum += rampShare(from + ((to - from) * (i + 0.5)) / steps, ramp);
  return sum / steps;
}

describe('the curve of the connection ramp', () => {
  it('is that of the example: four seconds, a quarter over the first, half over the second', () => {
    expect(average(0, 1000)).toBeCloseTo(1 / 4, 9);
    expect(average(1000, 2000)).toBeCloseTo(1 / 2, 9);
    expect(average(2000, 3000)).toBeCloseTo(3 / 4, 9);
    expect(average(3000, 4000)).toBeGreaterThan(0.96);
    expect(rampShare(4000, FOUR_SECONDS)).toBe(1);
  });

  it('is k / n over unit k of n', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 300 }),
        fc.integer({ min: 1, max: 600 }),
        fc.nat(),
        (units, seconds, at) => {
          const k = 1 + (at % (units - 1));
          const unit = (1000 * seconds) / units;
          expect(average((k - 1) * unit, k * unit, { duration: 1000 * seconds, units })).toBeCloseTo(
            k / units,
            6,
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it('never falls, never jumps, and is above 0 from the first moment', () => {
    fc.assert(
      fc.property(
        fc.record({
          duration: fc.integer({ min: 1000, max: 18_000_000 }),
          units: fc.integer({ min: 4, max: 18_000 }),
        }),
        fc.double({ min: -1000, max: 20_000_000, noNaN: true }),
        fc.double({ min: 0, max: 1000, noNaN: true }),
        (ramp, elapsed, later) => {
          const before = rampShare(elapsed, ramp);
          const after = rampShare(elapsed + later, ramp);
          expect(before).toBeGreaterThan(0);
          expect(after).toBeGreaterThanOrEqual(before);
          expect(after).toBeLessThanOrEqual(1);
          expect(after - before).toBeLessThanOrEqual(later / ramp.duration + 1e-9);
        },
      ),
    );
  });
});
