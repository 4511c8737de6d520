import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { quantile, Simulation, type Origin } from '../testing/simulation.js';
import { add, algorithm, passes, setShares, world, type World } from '../testing/world.js';
import { Classes, classOf, UNKNOWN_COST } from './classes.js';

const origins = (count: number, slots: number): Origin[] => Array.from({ length: count }, () => ({ slots }));

/** 99 of 100 short requests are over in so many milliseconds. */
function shorts(name: 'least_load' | 'least_connections', of: Origin[], exact: boolean): number {
  const simulation = new Simulation({
    algorithm: name,
    origins: of,
    kinds: [
      { part: 0.97, firstByte: 20, whole: 20 },
      { part: 0.03, firstByte: 20, whole: 400 },
    ],
    rate: () => of.length * 16,
    duration: 40_000,
    workers: 2,
    exact,
  }).run();
  return quantile(
    simulation.times((s) => s.kind === 0 && s.began > 5000, 'whole'),
    0.99,
  );
}

/** Requests that the first of four servers gets, which takes four times as long. */
const atSlow = (name: 'least_load' | 'least_connections'): number =>
  new Simulation({
    algorithm: name,
    origins: [{ slots: 4, slowness: 4 }, ...origins(3, 4)],
    kinds: [{ part: 1, firstByte: 10, whole: 10 }],
    rate: () => 600,
    duration: 30_000,
    workers: 2,
  })
    .run()
    .counts()[0]!;

const count = (w: World, place: number, worker: number, by: number, work: number): void => {
  add(w, place, worker, by);
  w.latency.work[w.table.slots[place]! * w.counts.stride + worker]! += by * work;
};

describe('least load', () => {
  it('lets far fewer short requests wait behind long responses than least connections', () => {
    // Simulated for a minute: 54 ms against 228 ms, and 100 ms against 134 ms where times are a matter of chance.
    expect(
      shorts('least_load', origins(8, 1), true) / shorts('least_connections', origins(8, 1), true),
    ).toBeLessThan(0.4);
    expect(
      shorts('least_load', origins(8, 1), false) / shorts('least_connections', origins(8, 1), false),
    ).toBeLessThan(0.9);
  });

  it('sends little to a server that takes longer for the same', () => {
    expect(atSlow('least_load')).toBeLessThan(0.6 * atSlow('least_connections'));
  });

  it('is least connections where requests have no class', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 90 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat(), fc.nat()), { maxLength: 200 }),
        fc.array(fc.constantFrom(1, 1, 0.25, 0)),
        (ratios, steps, shares) => {
          const [a, b] = [world(ratios, 3), world(ratios, 3)] as const;
          const [load, connections] = [
            algorithm('least_load', a),
            algorithm('least_connections', b),
          ] as const;
          for (const [w, by] of [
            [a, load],
            [b, connections],
          ] as const) {
            setShares(w, shares);
            by.refresh();
          }
          const open: number[] = [];
          for (const [ends, at, worker] of steps) {
            if (ends && open.length > 0) {
              const place = open.splice(at % open.length, 1)[0]!;
              for (const w of [a, b]) count(w, place, 0, -1, UNKNOWN_COST);
              for (const by of [load, connections]) by.changed(place);
              continue;
            }
            const place = load.pick(at % 7 === 0 ? at % ratios.length : -1, 0);
            expect(connections.pick(at % 7 === 0 ? at % ratios.length : -1, 0)).toBe(place);
            if (place < 0) return;
            // What other workers do is seen too.
            const other = worker % 3;
            for (const w of [a, b]) count(w, place, other, 1, load.feed!.workOf(0));
            if (other === 0) open.push(place);
            for (const by of [load, connections]) by.changed(place);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('counts on what is under way at any worker, and no more on a worker that died', () => {
    const w = world([1, 1], 2);
    const picker = algorithm('least_load', w, { worker: 0 });
    for (let i = 0; i < 3; i++) count(w, 0, 1, 1, 5000);
    expect(new Set(Array.from({ length: 10 }, () => picker.pick(-1, 0)))).toEqual(new Set([1]));
    count(w, 1, 0, 1, 1000);
    for (let i = 0; i < 3; i++) count(w, 0, 1, -1, 5000);
    expect(picker.pick(-1, 0)).toBe(0);
  });

  it('expects a response that is late to go on for as long again, and to end when it should', () => {
    const w = world([1]);
    const picker = algorithm('least_load', w);
    const { feed } = picker;
    const kind = classOf(7, 8);
    for (let i = 0; i < 200; i++) feed!.whole(0, kind, 1000, i);
    passes(w, 100);
    picker.pick(-1, 0);
    expect(feed!.workOf(kind)).toBeCloseTo(1000, 0);
    expect(feed!.workLeft(kind, 400)).toBeCloseTo(600, 0);
    expect(feed!.workLeft(kind, 3000)).toBeCloseTo(1500, 0);
    expect(feed!.workLeft(kind, 1e9)).toBeLessThanOrEqual(4001);
  });

  it('looks elsewhere first after failures, which leave no work behind', () => {
    const w = world([1, 1, 1]);
    const picker = algorithm('least_load', w);
    for (let i = 0; i < 12; i++) picker.feed!.failed(0, w.latency.time);
    passes(w, 100);
    const seen = Array.from({ length: 6 }, () => {
      const place = picker.pick(-1, 0);
      if (place !== 0) count(w, place, 0, 1, UNKNOWN_COST);
      return place;
    });
    expect(seen.slice(0, 4)).not.toContain(0);
    passes(w, 200_000);
    expect(picker.pick(-1, 0)).toBe(0);
  });

  it('goes on with what it has learned when its pool changes', () => {
    const w = world([1, 1]);
    const before = algorithm('least_load', w);
    const kind = classOf(1, 2);
    for (let i = 0; i < 50; i++) before.feed!.whole(0, kind, 9000, i);
    expect(algorithm('least_load', w, { previous: before }).feed!.workOf(kind)).toBeCloseTo(9000, 0);
  });
});

describe('classes of requests', () => {
  it('know a path, then its folder, then what is typical', () => {
    const classes = new Classes();
    const [reports, images] = [11, 12];
    for (let i = 0; i < 40; i++) {
      classes.learn(classOf(reports, i), 500_000);
      classes.learn(classOf(images, i), 2000);
    }
    classes.learn(classOf(images, 99), 7000);
    classes.settle();
    expect(classes.costOf(classOf(images, 99))).toBe(7000);
    expect(classes.costOf(classOf(reports, 1234))).toBeCloseTo(500_000, -3);
    const other = classes.costOf(classOf(77, 1));
    expect(other).toBeGreaterThan(2000);
    expect(other).toBeLessThan(500_000);
  });

  it('keep those that are asked for often, however many others there are', () => {
    const classes = new Classes();
    const often = Array.from({ length: 100 }, (_, i) => classOf(1, i));
    for (let round = 0; round < 200; round++) {
      for (const kind of often) classes.learn(kind, 50_000);
      for (let i = 0; i < 100; i++) classes.learn(classOf(2, 1000 + round * 100 + i), 100);
    }
    const kept = often.filter((kind) => Math.abs(classes.costOf(kind) - 50_000) < 1000);
    expect(kept.length).toBeGreaterThan(90);
  });

  it('are never 0, which is no class', () => {
    fc.assert(fc.property(fc.nat(), fc.nat(), (a, b) => classOf(a, b) !== 0));
  });
});
