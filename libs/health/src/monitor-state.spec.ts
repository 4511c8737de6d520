import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  afterCheck,
  nextDelay,
  QUICK_INTERVAL,
  serverVerdict,
  UNCHECKED,
  wantsQuickCheck,
  type MonitorState,
} from './monitor-state.js';

const run = (checks: boolean[], limits: { successful_checks: number; failed_checks: number }): MonitorState =>
  checks.reduce((state, ok) => afterCheck(state, ok, limits), UNCHECKED);

const limits = fc.record({
  successful_checks: fc.integer({ min: 1, max: 6 }),
  failed_checks: fc.integer({ min: 1, max: 6 }),
});

describe('one monitor on one server', () => {
  it('admits a new server with its first good check', () => {
    expect(run([true], { successful_checks: 5, failed_checks: 5 }).status).toBe('up');
    expect(run([false, true], { successful_checks: 5, failed_checks: 5 }).status).toBe('up');
  });

  it('turns only after as many checks in a row as the monitor asks for', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), limits, (checks, l) => {
        let state = UNCHECKED;
        let status = state.status;
        for (const [i, ok] of checks.entries()) {
          state = afterCheck(state, ok, l);
          if (state.status !== status) {
            const row =
              state.status === 'down' ? l.failed_checks : status === 'down' ? l.successful_checks : 1;
            expect(checks.slice(Math.max(0, i + 1 - row), i + 1)).toEqual(Array(row).fill(ok));
            expect(ok).toBe(state.status === 'up');
          }
          status = state.status;
        }
      }),
    );
  });

  it('asks for quick checks until it knows, and again when a server comes back', () => {
    const l = { successful_checks: 3, failed_checks: 2 };
    expect(wantsQuickCheck(UNCHECKED)).toBe(true);
    expect(wantsQuickCheck(run([false], l))).toBe(true);
    expect(wantsQuickCheck(run([false, false], l))).toBe(false);
    expect(wantsQuickCheck(run([false, false, true], l))).toBe(true);
    expect(wantsQuickCheck(run([false, false, true, true, true], l))).toBe(false);
    expect(wantsQuickCheck(run([true, false], l))).toBe(false);
  });
});

describe('the verdict on a server', () => {
  const up = run([true], { successful_checks: 1, failed_checks: 1 });
  const down = run([false], { successful_checks: 1, failed_checks: 1 });

  it('needs all monitors, or as many as min_health_monitors_up says', () => {
    expect(serverVerdict('unknown', [up, down], undefined)).toBe('down');
    expect(serverVerdict('unknown', [up, down], 1)).toBe('up');
    expect(serverVerdict('unknown', [down, down], 1)).toBe('down');
    expect(serverVerdict('unknown', [], undefined)).toBe('up');
  });

  it('a monitor without an answer yet changes nothing', () => {
    expect(serverVerdict('up', [up, UNCHECKED], undefined)).toBe('up');
    expect(serverVerdict('unknown', [up, UNCHECKED], undefined)).toBe('unknown');
    expect(serverVerdict('down', [UNCHECKED], undefined)).toBe('down');
    expect(serverVerdict('up', [down, UNCHECKED], undefined)).toBe('down');
  });
});

describe('the time to the next check', () => {
  it('is 100 ms in the first round, without jitter', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (r) => {
        expect(nextDelay('quick', 10_000, r)).toBe(QUICK_INTERVAL);
      }),
    );
  });

  it('is the interval give or take a tenth afterwards', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 3_600_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (i, r) => {
          const delay = nextDelay('steady', i, r);
          expect(Math.abs(delay - i)).toBeLessThanOrEqual(i * 0.1 + 1);
        },
      ),
    );
  });

  it('is any moment of the interval for the first check on it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (r) => {
        const delay = nextDelay('first', 1000, r);
        expect(delay).toBeGreaterThanOrEqual(QUICK_INTERVAL);
        expect(delay).toBeLessThanOrEqual(1000);
      }),
    );
  });
});
