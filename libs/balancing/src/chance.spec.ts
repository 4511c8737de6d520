import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { add, algorithm, load, world } from './testing/world.js';

const counted = (pick: () => number, count: number, picks: number): number[] => {
  const seen = Array.from({ length: count }, () => 0);
  for (let k = 0; k < picks; k++) seen[pick()]!++;
  return seen;
};

describe('random', () => {
  it('gives shares by ratio', () => {
    const random = algorithm('random', world([1, 2, 5, 20]));
    const seen = counted(() => random.pick(-1, 0), 4, 200_000);
    [1, 2, 5, 20].forEach((r, i) => expect(seen[i]! / 200_000).toBeCloseTo(r / 28, 2));
  });

  it('differs from worker to worker', () => {
    const runs = [0, 1, 2, 3].map((worker) => {
      const random = algorithm('random', world(Array.from({ length: 50 }, () => 1)), { worker });
      return counted(() => random.pick(-1, 0), 50, 20).join();
    });
    expect(new Set(runs).size).toBe(4);
  });
});

describe('power of two choices', () => {
  it('never takes the most loaded of three or more', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 3, maxLength: 20 }),
        fc.nat(),
        (loads, start) => {
          const w = world(
            loads.map(() => 1),
            2,
          );
          loads.forEach((n, i) => add(w, i, i % 2, n));
          const most = Math.max(...loads);
          fc.pre(loads.filter((n) => n === most).length === 1);
          const algorithmOfTwo = algorithm('power_of_two', w, { start });
          for (let k = 0; k < 200; k++) expect(loads[algorithmOfTwo.pick(-1, 0)]).toBeLessThan(most);
        },
      ),
    );
  });

  it('keeps the load even, by ratio', () => {
    const r = Array.from({ length: 100 }, (_, i) => 1 + (i % 4));
    const w = world(r);
    const two = algorithm('power_of_two', w);
    for (let k = 0; k < 25_000; k++) add(w, two.pick(-1, 0), 0, 1);
    // 100 per ratio on average; chance alone would leave some at 60 or 140.
    r.forEach((ratio, i) => expect(Math.abs(load(w, i) / ratio - 100)).toBeLessThan(12));
  });
});

/** Servers of 12 that one of four workers uses. */
function used(worker: number, coreNonaffinity: number, up?: (place: number) => boolean): Set<number> {
  const w = world(
    Array.from({ length: 12 }, () => 1),
    4,
  );
  if (up !== undefined) w.table.eligible.forEach((_, i) => (w.table.eligible[i] = up(i) ? 1 : 0));
  const affinity = algorithm('core_affinity', w, { worker, coreNonaffinity });
  return new Set(Array.from({ length: 200 }, () => affinity.pick(-1, 0)));
}

describe('core affinity', () => {
  it.each([
    [1, 3],
    [2, 6],
    [3, 9],
    [4, 12],
    [100, 12],
  ])('with %i: a worker uses %i of 12 servers, each server has its workers', (nonaffinity, servers) => {
    const users = new Map<number, number>();
    for (const worker of [0, 1, 2, 3]) {
      const mine = used(worker, nonaffinity);
      expect(mine.size).toBe(servers);
      for (const place of mine) users.set(place, (users.get(place) ?? 0) + 1);
    }
    expect([...users.values()]).toEqual(Array.from({ length: 12 }, () => Math.min(4, nonaffinity)));
  });

  it('shares the servers among the workers that serve, whatever their numbers', () => {
    const w = world([1, 1, 1, 1, 1, 1], 5);
    let serving = [1, 4];
    const workers = [1, 4].map((worker) =>
      algorithm('core_affinity', w, {
        worker,
        coreNonaffinity: 1,
        serving: () => ({ rank: serving.indexOf(worker), workers: serving.length }),
      }),
    );
    const usedBy = (i: number): number[] =>
      [...new Set(Array.from({ length: 60 }, () => workers[i]!.pick(-1, 0)))].sort((x, y) => x - y);
    expect([usedBy(0), usedBy(1)]).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ]);
    serving = [4];
    workers[1]!.refresh();
    expect(usedBy(1)).toHaveLength(6);
  });

  it('takes the servers of the next worker when none of its own is up', () => {
    const own = used(1, 1);
    expect(used(1, 1, (place) => !own.has(place))).toEqual(used(2, 1));
    const both = new Set([...own, ...used(2, 1)]);
    expect(used(1, 1, (place) => !both.has(place))).toEqual(used(3, 1));
  });

  it('avoids its only server by one of another worker', () => {
    const w = world([1, 1, 1, 1], 4);
    const affinity = algorithm('core_affinity', w, { worker: 2, coreNonaffinity: 1 });
    expect(affinity.pick(-1, 0)).toBe(2);
    expect(affinity.pick(2, 0)).not.toBe(2);
  });
});
