import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Simulation, type Origin, type Scenario } from '../testing/simulation.js';
import { add, algorithm, load, passes, world } from '../testing/world.js';
import { capacityFound, capacityIn } from './capacity-words.js';
import { Demand, neededServers } from './demand.js';
import { Rooms } from './rooms.js';

const origins = (count: number, slots: number): Origin[] => Array.from({ length: count }, () => ({ slots }));
const KINDS = [{ part: 1, firstByte: 20, whole: 21 }];
const run = (scenario: Omit<Scenario, 'algorithm'>): Simulation =>
  new Simulation({ algorithm: 'fewest_servers', workers: 2, ...scenario }).run();

const capacities = ({ world: w }: Simulation): number[] =>
  Array.from(w.latency.first, (at, i) => capacityIn(w.latency.words, at) * w.table.ratios[i]!);
const parts = (s: Simulation, from: number, to: number): number[] => {
  const counts = s.counts(from, to);
  const sum = counts.reduce((a, b) => a + b, 0);
  return counts.map((n) => n / sum);
};
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('fewest servers', () => {
  it('fills the first server, takes in the next ones as the load grows, and releases them', () => {
    // Each server serves 500 requests a second; 200, 800, 1,600 and 200 come.
    const simulation = run({
      origins: origins(6, 10),
      kinds: KINDS,
      rate: (t) => (t < 20_000 ? 200 : t < 50_000 ? 800 : t < 80_000 ? 1600 : 200),
      duration: 100_000,
    });
    const [alone, some, most, released] = [
      parts(simulation, 5000, 20_000),
      parts(simulation, 30_000, 50_000),
      parts(simulation, 60_000, 80_000),
      parts(simulation, 85_000, 100_000),
    ] as const;
    expect(alone[0]).toBeGreaterThan(0.98);
    expect(some[0]! + some[1]!).toBeGreaterThan(0.75);
    expect(sum(some.slice(0, 3))).toBeGreaterThan(0.97);
    expect(some[0]).toBeGreaterThan(0.45);
    expect(sum(most.slice(0, 4))).toBeGreaterThan(0.9);
    expect(most[5]).toBeLessThan(0.02);
    expect(released[0]).toBeGreaterThan(0.95);
    // Filling servers costs latency, but no more than the control allows: without load it is 20 ms on average.
    expect(simulation.quantile(0.5, 30_000, 50_000)).toBeLessThan(30);
  });

  it('finds about what a server takes, over speeds, sizes and seeds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 24 }),
        fc.constantFrom(5, 20, 60),
        fc.boolean(),
        fc.integer({ min: 1, max: 1000 }),
        (slots, milliseconds, exact, seed) => {
          const each = (slots * 1000) / milliseconds;
          const found: number[] = [];
          const simulation = run({
            origins: origins(4, slots),
            kinds: [{ part: 1, firstByte: milliseconds, whole: milliseconds }],
            rate: (t) => (t < 4000 ? each * 0.2 : each * 1.5),
            duration: 24_000,
            exact,
            seed,
            onTick: (time, now) => time > 12_000 && found.push(capacities(now)[0]!),
          });
          const { world: w } = simulation;
          expect(capacityFound(w.latency.words, w.latency.first[0]!)).toBe(true);
          const mean = sum(found) / found.length;
          expect(mean).toBeGreaterThan(slots * 0.35);
          expect(mean).toBeLessThan(slots * 3.5 + 4);
          // No server is left with more than it can do while others have room.
          expect(simulation.quantile(0.5, 10_000)).toBeLessThan(3 * milliseconds + 3);
        },
      ),
      // The same draws each time: of a thousand one begins with responses so quick that it finds less, see below.
      { numRuns: 25, seed: 1 },
    );
  }, 60_000);

  it('measures again, and finds more, where the first responses happened to be quick', () => {
    const late: number[] = [];
    const simulation = run({
      origins: origins(4, 21),
      kinds: [{ part: 1, firstByte: 60, whole: 60 }],
      rate: (t) => (t < 4000 ? 70 : 525),
      duration: 90_000,
      seed: 995,
      onTick: (time, now) => time > 60_000 && late.push(capacities(now)[0]!),
    });
    expect(capacities(simulation)[0]).toBeGreaterThan(0);
    expect(sum(late) / late.length).toBeGreaterThan(21 * 0.5);
  });

  it.each([2, 4])(
    'has %i service engines fill the same servers, though they know nothing of each other',
    (engines) => {
      const simulation = run({
        origins: origins(6, 10),
        kinds: KINDS,
        rate: (t) => (t < 10_000 ? 200 : 800),
        duration: 50_000,
        engines,
      });
      expect(parts(simulation, 3000, 10_000)[0]).toBeGreaterThan(0.95);
      const some = parts(simulation, 20_000, 50_000);
      expect(some[0]! + some[1]!).toBeGreaterThan(0.75);
      expect(sum(some.slice(0, 3))).toBeGreaterThan(0.97);
      expect(simulation.quantile(0.5, 20_000)).toBeLessThan(35);
    },
  );

  it('melts nothing when the load jumps from nothing to nearly all that the servers can do', () => {
    const simulation = run({
      origins: origins(5, 10),
      kinds: KINDS,
      rate: (t) => (t < 1000 ? 0 : 2000),
      duration: 20_000,
    });
    for (const [from, to] of [
      [1000, 4000],
      [4000, 20_000],
    ] as const) {
      expect(simulation.quantile(0.5, from, to)).toBeLessThan(60);
      expect(simulation.quantile(0.99, from, to)).toBeLessThan(300);
    }
  });

  it('finds the new capacity when the service gets three times as slow', () => {
    const of = origins(5, 10);
    const simulation = run({
      origins: of,
      kinds: KINDS,
      rate: () => 600,
      duration: 150_000,
      onTick: (time) => of.forEach((o) => (o.slowness = time > 20_000 ? 3 : 1)),
    });
    // 600 requests of 60 ms need 36 of the 50 places: at first all servers share them, then the first are filled again.
    expect(Math.min(...capacities(simulation).slice(0, 2))).toBeGreaterThan(5);
    expect(simulation.quantile(0.5, 110_000)).toBeLessThan(90);
  });

  it('gives a first server that refuses everything next to nothing, and fills it once it is well', () => {
    const of: Origin[] = [{ slots: 10, broken: true }, ...origins(3, 10)];
    const simulation = run({
      origins: of,
      kinds: KINDS,
      rate: () => 500,
      duration: 30_000,
      onTick: (time) => time > 12_000 && (of[0]!.broken = false),
    });
    expect(parts(simulation, 1000, 12_000)[0]).toBeLessThan(0.06);
    expect(parts(simulation, 20_000, 30_000)[0]).toBeGreaterThan(0.6);
  });

  it('goes by a threshold where one is given', () => {
    const scenario = { origins: origins(4, 10), kinds: KINDS, rate: () => 900, duration: 30_000 };
    const [low, high] = [
      run({ ...scenario, capacityThreshold: 15 }),
      run({ ...scenario, capacityThreshold: 60 }),
    ] as const;
    expect(high.quantile(0.5, 15_000)).toBeGreaterThan(1.5 * low.quantile(0.5, 15_000));
    expect(capacities(high)[0]).toBeGreaterThan(1.5 * capacities(low)[0]!);
  });

  it('fills a server with a part of its share to that part', () => {
    const half = new Simulation({
      algorithm: 'fewest_servers',
      workers: 2,
      origins: origins(4, 10),
      kinds: KINDS,
      rate: () => 400,
      duration: 20_000,
    });
    half.share([0.25, 1, 1, 1]);
    half.run();
    const [first, second] = parts(half, 2000, 20_000) as [number, number];
    expect(first).toBeLessThan(0.3);
    expect(first).toBeGreaterThan(0.1);
    expect(second).toBeGreaterThan(0.6);
  });

  it('starts with more on servers of a higher ratio', () => {
    const w = world([4, 1]);
    const picker = algorithm('fewest_servers', w);
    for (let k = 0; k < 40; k++) {
      const place = picker.pick(-1, 0);
      add(w, place, 0, 1);
      picker.changed(place);
    }
    expect([load(w, 0), load(w, 1)]).toEqual([32, 8]);
  });

  it.each([10, 500])('takes the first of %i that has room, whatever workers do', (count) => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.nat(), fc.integer({ min: 0, max: 2 })), {
          minLength: 50,
          maxLength: 300,
        }),
        (steps) => {
          const w = world(
            Array.from({ length: count }, () => 1),
            3,
          );
          const picker = algorithm('fewest_servers', w);
          const open: [number, number][] = [];
          for (const [ends, at, worker] of steps) {
            if (ends && open.length > 0) {
              const [place, of] = open.splice(at % open.length, 1)[0]!;
              add(w, place, of, -1);
              if (of === 0) picker.changed(place);
              continue;
            }
            passes(w, 100);
            const place = picker.pick(-1, 0);
            const full = Array.from({ length: count }, (_, i) => load(w, i) >= 8);
            expect(place).toBe(full.indexOf(false));
            add(w, place, worker, 1);
            if (worker === 0) picker.changed(place);
            open.push([place, worker]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('takes the least full one when all are full, and nobody is turned away', () => {
    const w = world([1, 2, 1]);
    const picker = algorithm('fewest_servers', w);
    for (let i = 0; i < 200; i++) {
      const place = picker.pick(-1, 0);
      add(w, place, 0, 1);
      picker.changed(place);
    }
    expect([load(w, 0), load(w, 1), load(w, 2)]).toEqual([50, 100, 50]);
  });
});

describe('what is needed', () => {
  it('grows at once with the load and shrinks after fifteen seconds', () => {
    const demand = new Demand();
    demand.observe(3, 1000);
    demand.observe(30, 1100);
    demand.observe(2, 1200);
    expect(demand.peak(1200)).toBe(30);
    for (let now = 2000; now <= 15_900; now += 100) demand.observe(2, now);
    expect(demand.peak(15_900)).toBe(30);
    expect(demand.peak(16_000)).toBe(2);
    expect(demand.peak(90_000)).toBe(0);
  });

  it('is as many servers as take the load with something to spare, at least one', () => {
    expect(neededServers([10, 10, 10], 0)).toBe(1);
    expect(neededServers([10, 10, 10], 9)).toBe(1);
    expect(neededServers([10, 10, 10], 9.5)).toBe(2);
    expect(neededServers([10, 10, 10], 1000)).toBe(3);
    expect(neededServers([], 5)).toBe(0);
  });
});

describe('rooms', () => {
  it('knows the first place with room from any on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 200 }),
        fc.nat(),
        (count, changes, from) => {
          const rooms = new Rooms(count);
          const model = Array.from({ length: count }, () => false);
          for (const [at, room] of changes) {
            rooms.set(at % count, room);
            model[at % count] = room;
          }
          for (const start of [0, from % count, count])
            expect(rooms.next(start)).toBe(model.findIndex((room, i) => room && i >= start));
        },
      ),
    );
  });
});
