import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ALGORITHM_NAMES, SCAN_LIMIT } from './index.js';
import { add, algorithm as make, load, ratios, setShares, world, type World } from './testing/world.js';
import { turnOf } from './turn.js';

const names = fc.constantFrom(...ALGORITHM_NAMES);

describe('every algorithm', () => {
  it('chooses only eligible servers, and one whenever there is one', () => {
    fc.assert(
      fc.property(
        names,
        ratios,
        fc.array(fc.boolean()),
        fc.nat(),
        fc.integer(),
        (name, r, up, start, avoid) => {
          const w = world(r);
          const algorithm = make(name, w, { start });
          setShares(
            w,
            r.map((_, i) => (up[i] === false ? 0 : 1)),
          );
          algorithm.refresh();
          const eligible = r.map((_, i) => i).filter((i) => w.table.eligible[i] === 1);
          for (let k = 0; k < 50; k++) {
            const place = algorithm.pick(avoid, k * 7919);
            if (eligible.length === 0) expect(place).toBe(-1);
            else {
              expect(eligible).toContain(place);
              if (eligible.length > 1) expect(place).not.toBe(avoid);
            }
          }
        },
      ),
    );
  });

  it('goes on after all servers were down', () => {
    for (const name of ALGORITHM_NAMES) {
      const w = world([1, 1, 1]);
      const algorithm = make(name, w, { start: 2 });
      setShares(w, [0, 0, 0]);
      algorithm.refresh();
      expect(algorithm.pick(-1, 0)).toBe(-1);
      setShares(w, [1, 1, 1]);
      algorithm.refresh();
      expect([0, 1, 2]).toContain(algorithm.pick(-1, 0));
    }
  });
});

describe('round robin', () => {
  it('is one round over all workers that take turns together, whoever is asked', () => {
    fc.assert(
      fc.property(ratios, fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 200 }), (r, asked) => {
        const w = world(r, 4);
        let turns = 0;
        const workers = [0, 1, 2, 3].map((worker) =>
          make('round_robin', w, { worker, start: worker * 7, turn: () => turns++ }),
        );
        const whole = turnOf(w.table.ratios, r.length);
        expect(asked.map((worker) => workers[worker]!.pick(-1, 0))).toEqual(
          asked.map((_, i) => whole[i % whole.length]),
        );
      }),
    );
  });

  it('gives every server its exact share of each turn', () => {
    fc.assert(
      fc.property(ratios, fc.nat({ max: 1000 }), (r, start) => {
        const w = world(r);
        const algorithm = make('round_robin', w, { start });
        const seen = r.map(() => 0);
        const turns = 3;
        const length = turnOf(w.table.ratios, r.length).length;
        for (let k = 0; k < turns * length; k++) seen[algorithm.pick(-1, 0)]!++;
        const sum = r.reduce((a, b) => a + b, 0);
        expect(seen).toEqual(r.map((x) => (turns * length * x) / sum));
      }),
    );
  });

  it('spreads a server over its turn', () => {
    expect([...turnOf(Uint8Array.from([3, 1]), 2)]).toEqual([0, 0, 1, 0]);
    expect([...turnOf(Uint8Array.from([4, 2]), 2)]).toEqual([0, 1, 0]);
    expect([...turnOf(Uint8Array.from([5, 5, 5]), 3)]).toEqual([0, 1, 2]);
  });

  it('begins where it is told, so that workers do not meet at the first server', () => {
    const first = [0, 1, 2, 3].map((start) => make('round_robin', world([1, 1, 1]), { start }).pick(-1, 0));
    expect(first).toEqual([0, 1, 2, 0]);
  });
});

/** Open connections of the server that has the fewest. */
const least = (w: World): number => Math.min(...Array.from({ length: w.table.count }, (_, i) => load(w, i)));

describe('least connections', () => {
  it('up to the scan limit: always one of the least loaded over all workers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: SCAN_LIMIT }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 9 })), {
          maxLength: 80,
        }),
        (count, foreign) => {
          const w = world(
            Array.from({ length: count }, () => 3),
            4,
          );
          const algorithm = make('least_connections', w, { start: 0 });
          for (const [at, worker, by] of foreign) {
            add(w, at % count, worker, by); // another worker changes counts without a word
            const place = algorithm.pick(-1, 0);
            expect(load(w, place)).toBe(least(w));
            add(w, place, 0, 1);
            algorithm.changed(place);
          }
        },
      ),
    );
  });

  it('of equals takes the next in turn', () => {
    const w = world([1, 1, 1, 1]);
    const algorithm = make('least_connections', w, { start: 0 });
    const seen = new Set(Array.from({ length: 4 }, () => algorithm.pick(-1, 0)));
    expect(seen.size).toBe(4);
  });

  it('large pools: exact for what this worker does itself', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: SCAN_LIMIT + 1, max: 300 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat()), { minLength: 50, maxLength: 300 }),
        (count, steps) => {
          const w = world(Array.from({ length: count }, () => 2));
          const algorithm = make('least_connections', w, { start: 0 });
          const held: number[] = [];
          for (const [release, at] of steps) {
            if (release && held.length > 0) {
              const place = held.splice(at % held.length, 1)[0]!;
              add(w, place, 0, -1);
              algorithm.changed(place);
              continue;
            }
            const place = algorithm.pick(-1, 0);
            expect(load(w, place)).toBe(least(w));
            add(w, place, 0, 1);
            algorithm.changed(place);
            held.push(place);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('large pools: never a server that another worker has loaded, and what it lets go is found again', () => {
    const count = 200;
    const w = world(
      Array.from({ length: count }, () => 1),
      2,
    );
    const algorithm = make('least_connections', w, { start: 0 });
    for (let i = 0; i < count; i++) if (i !== 77) add(w, i, 1, 5);
    expect(algorithm.pick(-1, 0)).toBe(77);
    add(w, 77, 0, 5);
    algorithm.changed(77);
    // Everything is loaded alike now; then the other worker lets go of one server.
    add(w, 123, 1, -5);
    const picks = Array.from({ length: count }, () => algorithm.pick(-1, 0));
    expect(picks).toContain(123);
    expect(picks.at(-1)).toBe(123);
  });

  it.each([
    [1, 3],
    [4, 3],
    [8, 3],
    [8, 20],
  ])('5,000 servers and %i workers: nobody has more than %i connections and one', (workers, average) => {
    const count = 5000;
    const w = world(
      Array.from({ length: count }, () => 1),
      workers,
    );
    const pickers = Array.from({ length: workers }, (_, worker) =>
      make('least_connections', w, { worker, start: Math.floor((worker * count) / workers) }),
    );
    let seed = 7;
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const open: { worker: number; place: number }[] = [];
    for (let k = 0; k < 30 * count; k++) {
      const worker = next(workers);
      const place = pickers[worker]!.pick(-1, 0);
      add(w, place, worker, 1);
      pickers[worker]!.changed(place);
      open.push({ worker, place });
      if (open.length <= average * count) continue;
      const at = next(open.length);
      const over = open[at]!;
      open[at] = open.at(-1)!;
      open.pop();
      add(w, over.place, over.worker, -1);
      pickers[over.worker]!.changed(over.place);
    }
    const loads = Array.from({ length: count }, (_, i) => load(w, i));
    expect(Math.max(...loads)).toBeLessThanOrEqual(average + 1);
    expect(Math.min(...loads)).toBeGreaterThanOrEqual(average - 2);
  });
});
