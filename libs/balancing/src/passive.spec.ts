import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LEAST_CAPACITY, leastShare, lowerBound, PassiveMonitor, upperBound } from './passive.js';
import { Xorshift } from './xorshift.js';

const ROUND_MS = 100;

function monitorOf(ratios: readonly number[]): { monitor: PassiveMonitor; available: Uint8Array } {
  const available = new Uint8Array(ratios.length).fill(1);
  const monitor = new PassiveMonitor({
    count: ratios.length,
    available,
    ratios: Uint8Array.from(ratios),
  });
  return { monitor, available };
}

const alike = (count: number): { monitor: PassiveMonitor; available: Uint8Array } =>
  monitorOf(Array.from({ length: count }, () => 1));

/** Rounds in which each server gets `rate` requests by its share and fails as its ratio says, exactly. */
function run(monitor: PassiveMonitor, rounds: number, rate: number, ratios: readonly number[]): void {
  for (let k = 0; k < rounds; k++) {
    ratios.forEach((ratio, i) => {
      const n = rate * monitor.shares[i]!;
      monitor.observe(i, n, n * ratio);
    });
    monitor.judge(ROUND_MS);
  }
}

describe('bounds of a ratio', () => {
  it('hold it between them, and close in as more is known', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(1000), (trials, some) => {
        const hits = some % (trials + 1);
        const [low, high] = [lowerBound(hits, trials, 3), upperBound(hits, trials, 3)];
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(hits / trials + 1e-12);
        expect(high).toBeGreaterThanOrEqual(hits / trials - 1e-12);
        expect(lowerBound(hits * 4, trials * 4, 3)).toBeGreaterThanOrEqual(low - 1e-12);
        expect(upperBound(hits * 4, trials * 4, 3)).toBeLessThanOrEqual(high + 1e-12);
      }),
    );
  });

  it('say nothing where nothing is known', () => {
    expect([lowerBound(0, 0, 3), upperBound(0, 0, 3)]).toEqual([0, 1]);
  });
});

describe('the passive monitor', () => {
  it('leaves a server the less, the more others there are', () => {
    expect([1, 2, 3, 4, 5, 5000].map((n) => Number(leastShare(n).toFixed(4)))).toEqual([
      1, 0.25, 0.1111, 0.0625, 0.05, 0.05,
    ]);
  });

  it('brings a server that fails all to its floor in one round, and back when it answers well again', () => {
    const { monitor } = alike(4);
    run(monitor, 20, 50, [0, 0, 0, 0]);
    expect(monitor.reduced).toBe(false);
    // As least connections does to a server that refuses: it gets nearly everything.
    [1000, 4, 3, 5].forEach((n, i) => monitor.observe(i, n, i === 0 ? n : 0));
    expect(monitor.judge(ROUND_MS)).toBe(true);
    expect([...monitor.shares]).toEqual([leastShare(4), 1, 1, 1]);
    run(monitor, 100, 50, [1, 0, 0, 0]);
    expect([...monitor.shares]).toEqual([leastShare(4), 1, 1, 1]);
    run(monitor, 100, 50, [0, 0, 0, 0]);
    expect([...monitor.shares]).toEqual([1, 1, 1, 1]);
  });

  it('never gives it back at once', () => {
    const { monitor } = alike(4);
    run(monitor, 30, 1000, [1, 0, 0, 0]);
    expect(monitor.shares[0]).toBe(leastShare(4));
    const before = monitor.shares[0]!;
    monitor.observe(0, 100_000, 0);
    monitor.judge(ROUND_MS);
    expect(monitor.shares[0]).toBeGreaterThan(before);
    expect(monitor.shares[0]).toBeLessThan(before * 1.08);
  });

  it('takes away in proportion to how much worse the answers are', () => {
    const shares = [0.02, 0.1, 0.2, 0.3, 0.5, 1].map((ratio) => {
      const { monitor } = alike(8);
      run(monitor, 50, 100, [ratio, 0, 0, 0, 0, 0, 0, 0]);
      return monitor.shares[0]!;
    });
    expect(shares[0]).toBe(1);
    expect(shares.at(-1)).toBeCloseTo(leastShare(8), 10);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    expect(shares[3]).toBeGreaterThan(0.2);
    expect(shares[3]).toBeLessThan(0.8);
  });

  it('throttles nobody for what all have in common', () => {
    for (const ratio of [0.01, 0.3, 0.9, 1]) {
      const { monitor } = alike(5);
      run(
        monitor,
        100,
        20,
        Array.from({ length: 5 }, () => ratio),
      );
      expect(monitor.reduced).toBe(false);
    }
  });

  it('takes chance for chance: servers alike are hardly ever throttled, in small and large pools', () => {
    for (const [count, rate] of [
      [3, 20],
      [10, 1],
      [500, 1],
    ] as const)
      for (const p of [0.02, 0.3, 0.8]) {
        const random = new Xorshift(count + p * 1000);
        const { monitor } = alike(count);
        let taken = 0;
        const rounds = 400;
        for (let k = 0; k < rounds; k++) {
          for (let i = 0; i < count; i++) {
            let errors = 0;
            for (let n = 0; n < rate; n++) if (random.below(1_000_000) < p * 1e6) errors++;
            monitor.observe(i, rate, errors);
          }
          monitor.judge(ROUND_MS);
          for (const share of monitor.shares) taken += 1 - share;
        }
        expect(taken / (rounds * count)).toBeLessThan(0.001);
      }
  });

  it('does not judge by a few', () => {
    const fresh = alike(3).monitor;
    fresh.observe(0, 4, 4);
    fresh.observe(1, 50, 0);
    fresh.observe(2, 50, 0);
    expect(fresh.judge(ROUND_MS)).toBe(false);
    // Without anything known of its peers nobody is worse than they are.
    const alone = alike(3).monitor;
    alone.observe(0, 1000, 1000);
    expect(alone.judge(ROUND_MS)).toBe(false);
  });

  it('finds the good ones where most are bad', () => {
    const { monitor } = alike(4);
    run(monitor, 30, 100, [1, 1, 1, 0]);
    expect(monitor.shares[3]).toBe(1);
    const rest = [...monitor.shares].slice(0, 3);
    for (const share of rest) expect(share).toBeCloseTo(1 / 3);
  });

  it('forgets a server that nobody asks any more', () => {
    const { monitor } = alike(4);
    run(monitor, 30, 100, [1, 0, 0, 0]);
    for (let k = 0; k < 2400 && monitor.reduced; k++) monitor.judge(ROUND_MS);
    expect(monitor.reduced).toBe(false);
    for (let k = 0; k < 2400; k++) monitor.judge(ROUND_MS);
    expect(monitor.idle).toBe(true);
  });

  it('goes on from what it has inherited', () => {
    const { monitor } = alike(4);
    monitor.inherit(2, leastShare(4));
    run(monitor, 10, 100, [0, 0, 1, 0]);
    expect([...monitor.shares]).toEqual([1, 1, leastShare(4), 1]);
    run(monitor, 100, 100, [0, 0, 0, 0]);
    expect(monitor.reduced).toBe(false);
  });

  it('whatever comes: floor, capacity, a lone server, and servers that are out', () => {
    const round = fc.record({
      outcomes: fc.array(fc.tuple(fc.nat(2000), fc.nat(2000)), { minLength: 12, maxLength: 12 }),
      down: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      elapsed: fc.constantFrom(1, 100, 5000, 1e9),
    });
    const ratios = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(ratios, fc.array(round, { maxLength: 30 }), (weights, rounds) => {
        const { monitor, available } = monitorOf(weights);
        for (const { outcomes, down, elapsed } of rounds) {
          weights.forEach((_, i) => (available[i] = down[i] === true ? 0 : 1));
          weights.forEach((_, i) => {
            const [n, errors] = outcomes[i]!;
            monitor.observe(i, n, Math.min(n, errors));
          });
          const before = [...monitor.shares];
          const changed = monitor.judge(elapsed);
          if (!changed) expect([...monitor.shares]).toEqual(before);
          const left = weights.filter((_, i) => available[i] === 1);
          const whole = left.reduce((a, b) => a + b, 0);
          let capacity = 0;
          weights.forEach((w, i) => {
            const share = monitor.shares[i]!;
            expect(share).toBeLessThanOrEqual(1);
            if (available[i] === 1) {
              expect(share).toBeGreaterThanOrEqual(leastShare(left.length));
              capacity += w * share;
            } else expect(share).toBe(1);
          });
          if (left.length === 1) expect(monitor.reduced).toBe(false);
          expect(capacity).toBeGreaterThanOrEqual(whole * LEAST_CAPACITY - 1e-9);
          expect(monitor.reduced).toBe(monitor.shares.some((s) => s < 1));
        }
      }),
    );
  });

  it('restores everybody in the end, whatever was', () => {
    const storm = fc.array(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 }),
      {
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(storm, (rounds) => {
        const { monitor } = alike(6);
        for (const ratios of rounds) run(monitor, 3, 80, ratios);
        run(monitor, 300, 30, [0, 0, 0, 0, 0, 0]);
        expect([...monitor.shares]).toEqual([1, 1, 1, 1, 1, 1]);
      }),
    );
  });
});
