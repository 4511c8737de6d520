import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AlgorithmName } from '../algorithms.js';
import { Simulation, type Origin } from '../testing/simulation.js';
import { add, algorithm, passes, setShares, world } from '../testing/world.js';

const KINDS = [{ part: 1, firstByte: 10, whole: 12 }];

/** The third of five servers takes ten times as long for 20 of 60 seconds. */
function turnsSlow(rate: number): Simulation {
  const origins: Origin[] = Array.from({ length: 5 }, () => ({ slots: 16 }));
  return new Simulation({
    algorithm: 'fastest_response',
    origins,
    kinds: KINDS,
    rate: () => rate,
    duration: 60_000,
    workers: 2,
    onTick: (time) => (origins[2]!.slowness = time > 20_000 && time < 40_000 ? 10 : 1),
  }).run();
}

/** A hundred servers alike, and requests alike. */
const even = (name: AlgorithmName): Simulation =>
  new Simulation({
    algorithm: name,
    origins: Array.from({ length: 100 }, () => ({ slots: 4 })),
    kinds: KINDS,
    rate: () => 20_000,
    duration: 6000,
    workers: 4,
  }).run();

/** Servers that serve one request at a time, and long responses among short ones. */
const mixed = (name: AlgorithmName): Simulation =>
  new Simulation({
    algorithm: name,
    origins: Array.from({ length: 8 }, () => ({ slots: 1 })),
    kinds: [
      { part: 0.95, firstByte: 5, whole: 5 },
      { part: 0.05, firstByte: 5, whole: 400 },
    ],
    rate: () => 150,
    duration: 40_000,
    workers: 2,
  }).run();

describe('fastest response', () => {
  it.each([100, 1000])(
    'sees at %i requests a second that a server got slow, and that it is well again',
    (rate) => {
      const simulation = turnsSlow(rate);
      const part = (from: number, to: number): number => {
        const counts = simulation.counts(from, to);
        return counts[2]! / counts.reduce((a, b) => a + b, 0);
      };
      expect(part(5000, 20_000)).toBeGreaterThan(0.1);
      expect(part(20_000, 21_000)).toBeLessThan(0.12);
      expect(part(22_000, 40_000)).toBeLessThan(0.03);
      // It is tried now and then, or nobody would see that it is well again.
      expect(part(22_000, 40_000)).toBeGreaterThan(0);
      expect(part(45_000, 60_000)).toBeGreaterThan(0.1);
    },
  );

  it('spreads requests over equal servers about as evenly as least connections', () => {
    const [fastest, connections] = [even('fastest_response'), even('least_connections')] as const;
    const counts = fastest.counts(2000);
    expect(Math.min(...counts) / Math.max(...counts)).toBeGreaterThan(0.6);
    expect(fastest.quantile(0.99) / connections.quantile(0.99)).toBeLessThan(1.2);
  });

  it('sends no crowd after the server whose queue is short just now, however long responses are', () => {
    expect(mixed('fastest_response').quantile(0.9, 5000)).toBeLessThan(
      0.2 * mixed('round_robin').quantile(0.9, 5000),
    );
  });

  it('tries servers of which nothing is known, and gives each a part that others hold back', () => {
    const w = world([1, 1, 1]);
    const picker = algorithm('fastest_response', w);
    for (const place of [0, 1]) picker.feed!.firstByte(place, 20_000, 1);
    passes(w, 200);
    expect(Array.from({ length: 6 }, () => picker.pick(-1, 0))).toContain(2);
  });

  it('shares what is learned with the other workers, and through changes of the pool', () => {
    const w = world([1, 1], 2);
    const [one, two] = [
      algorithm('fastest_response', w),
      algorithm('fastest_response', w, { worker: 1 }),
    ] as const;
    for (let i = 0; i < 20; i++) {
      one.feed!.firstByte(0, 500_000, w.latency.time + i);
      one.feed!.firstByte(1, 1000, w.latency.time + i);
    }
    passes(w, 100);
    for (const by of [two, algorithm('fastest_response', w)])
      expect(new Set(Array.from({ length: 10 }, () => by.pick(-1, 0)))).toEqual(new Set([1]));
  });

  it('holds failures against a server, but not for ever', () => {
    const w = world([1, 1]);
    const picker = algorithm('fastest_response', w);
    for (const place of [0, 1]) for (let i = 0; i < 10; i++) picker.feed!.firstByte(place, 2000, 10 + i);
    for (let i = 0; i < 5; i++) picker.feed!.failed(0, 30 + i);
    passes(w, 100);
    expect(Array.from({ length: 10 }, () => picker.pick(-1, 0))).not.toContain(0);
    passes(w, 120_000);
    expect(Array.from({ length: 10 }, () => picker.pick(-1, 0))).toContain(0);
  });

  it('never takes one that is not eligible, whatever was learned', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.boolean(), fc.nat({ max: 1e8 })), {
          minLength: 1,
          maxLength: 80,
        }),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 1e9 }), fc.boolean()), { maxLength: 60 }),
        (servers, events) => {
          const w = world(servers.map(([ratio]) => ratio));
          setShares(
            w,
            servers.map(([, up]) => (up ? 1 : 0)),
          );
          const picker = algorithm('fastest_response', w);
          for (const [at, microseconds, failed] of events) {
            const place = at % servers.length;
            passes(w, at % 3000);
            if (failed) picker.feed!.failed(place, w.latency.time);
            else picker.feed!.firstByte(place, microseconds, w.latency.time);
            const picked = picker.pick(-1, 0);
            if (picked >= 0) {
              expect(w.table.eligible[picked]).toBe(1);
              add(w, picked, 0, 1);
              picker.changed(picked);
            } else expect(servers.some(([, up]) => up)).toBe(false);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
