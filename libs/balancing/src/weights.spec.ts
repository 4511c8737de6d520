import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ALGORITHM_NAMES, SCAN_LIMIT, type AlgorithmName } from './index.js';
import { mix } from './hash.js';
import { add, algorithm, load, setShares, world, type World } from './testing/world.js';

/** Algorithms that do not spread what comes by weights alone. */
const NOT_BY_WEIGHT = new Set<string>(['fewest_servers']);
const BY_WEIGHT = ALGORITHM_NAMES.filter((name) => !NOT_BY_WEIGHT.has(name));
/** Those that leave nothing to chance (a hash is chance too). */
const IN_TURN: readonly AlgorithmName[] = ['round_robin', 'least_connections'];

/** So many requests at a time; the one that began first ends first. */
function run(name: AlgorithmName, w: World, picks: number, atATime: number): number[] {
  const picker = algorithm(name, w);
  picker.refresh();
  const seen = Array.from({ length: w.table.count }, () => 0);
  const open: number[] = [];
  for (let k = 0; k < picks; k++) {
    const place = picker.pick(-1, mix(k + 1));
    seen[place]!++;
    add(w, place, 0, 1);
    picker.changed(place);
    open.push(place);
    if (open.length < atATime) continue;
    const done = open.shift()!;
    add(w, done, 0, -1);
    picker.changed(done);
  }
  return seen;
}

const weightsOf = ({ table }: World): number[] =>
  Array.from({ length: table.count }, (_, i) => table.ratios[i]! * table.shares[i]!);

/** What each server should have had of `picks`. */
function parts(w: World, picks: number): number[] {
  const weights = weightsOf(w);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((x) => (picks * x) / sum);
}

const share = fc.oneof(
  { weight: 2, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 99 }).map((n) => n / 100) },
);

const pools = fc
  .array(fc.record({ ratio: fc.integer({ min: 1, max: 20 }), share }), { minLength: 1, maxLength: 12 })
  .filter((servers) => servers.some((s) => s.share > 0))
  .map((servers) => {
    const w = world(servers.map((s) => s.ratio));
    setShares(
      w,
      servers.map((s) => s.share),
    );
    return w;
  });

describe.each(BY_WEIGHT)('%s', (name) => {
  it('gives each server its part by ratio x share', () => {
    const picks = 8000;
    fc.assert(
      fc.property(pools, (w) => {
        const seen = run(name, w, picks, 1);
        parts(w, picks).forEach((part, i) => {
          const chance = IN_TURN.includes(name) ? 3 : 5 * Math.sqrt(part) + 0.05 * part + 2;
          expect(Math.abs(seen[i]! - part)).toBeLessThanOrEqual(chance);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('starves nobody, however small its share', () => {
    const w = world([20, 20, 20, 1]);
    setShares(w, [1, 1, 1, 0.02]);
    expect(run(name, w, 40_000, 1)[3]).toBeGreaterThan(3);
  });

  it.each([10, 5000])(
    'of %i servers, one with a quarter of a share gets a quarter of what the others get',
    (count) => {
      const w = world(Array.from({ length: count }, () => 1));
      setShares(w, [1, 0.25]);
      const picks = 200 * count;
      const seen = run(name, w, picks, 1);
      const others = (picks - seen[1]!) / (count - 1);
      expect(seen[1]! / others).toBeGreaterThan(count === 10 ? 0.2 : 0.06);
      expect(seen[1]! / others).toBeLessThan(count === 10 ? 0.3 : 0.44);
    },
  );

  it('gives the parts of the new shares from the next pick on', () => {
    const w = world([1, 1, 1, 1]);
    const picker = algorithm(name, w);
    const seen = [0, 0, 0, 0];
    const wanted = [0, 0, 0, 0];
    for (let percent = 1; percent <= 100; percent++) {
      setShares(w, [1, 1, 1, percent / 100]);
      picker.refresh();
      parts(w, 200).forEach((part, i) => (wanted[i]! += part));
      for (let k = 0; k < 200; k++) seen[picker.pick(-1, mix(percent * 1000 + k))]!++;
    }
    wanted.forEach((part, i) => expect(Math.abs(seen[i]! / part - 1)).toBeLessThan(0.05));
  });

  it('has full shares again when the ramp is over', () => {
    const w = world([1, 1, 1]);
    const picker = algorithm(name, w);
    setShares(w, [1, 1, 0.5]);
    picker.refresh();
    for (let k = 0; k < 10; k++) picker.pick(-1, mix(k));
    setShares(w, [1, 1, 1]);
    picker.refresh();
    const seen = [0, 0, 0];
    for (let k = 0; k < 3000; k++) seen[picker.pick(-1, mix(k))]!++;
    for (const n of seen) expect(Math.abs(n - 1000)).toBeLessThan(150);
  });
});

describe('least connections by weight', () => {
  it.each([5, 300])('%i servers: the fewest per weight, to about a connection', (count) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: count, maxLength: count }),
        fc.array(fc.tuple(fc.boolean(), fc.nat()), { minLength: 100, maxLength: 400 }),
        (ratios, steps) => {
          const w = world(ratios);
          const picker = algorithm('least_connections', w);
          const held: number[] = [];
          for (const [release, at] of steps) {
            if (release && held.length > 0) {
              const place = held.splice(at % held.length, 1)[0]!;
              add(w, place, 0, -1);
              picker.changed(place);
              continue;
            }
            const place = picker.pick(-1, 0);
            const bound = Math.min(...ratios.map((r, i) => (load(w, i) + 2) / r));
            expect((load(w, place) - 1) / ratios[place]!).toBeLessThanOrEqual(bound + 1e-9);
            add(w, place, 0, 1);
            picker.changed(place);
            held.push(place);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each([2, SCAN_LIMIT + 1])(
    '%i servers with 100 connections each: a new one does not get the next 100',
    (count) => {
      const w = world(Array.from({ length: count + 1 }, () => 1));
      for (let i = 0; i < count; i++) add(w, i, 0, 100);
      setShares(
        w,
        Array.from({ length: count + 1 }, (_, i) => (i === count ? 0.25 : 1)),
      );
      const picker = algorithm('least_connections', w);
      let most = 0;
      for (let k = 0, inARow = 0; k < 100; k++) {
        const place = picker.pick(-1, 0);
        add(w, place, 0, 1);
        picker.changed(place);
        inARow = place === count ? inARow + 1 : 0;
        most = Math.max(most, inARow);
      }
      expect(most).toBeLessThanOrEqual(2);
      expect(Math.abs(load(w, count) - (100 * 0.25) / (count + 0.25))).toBeLessThanOrEqual(2);
    },
  );

  it.each([3, SCAN_LIMIT + 5])(
    'of %i, one that refuses everything at once gets no more than its share',
    (count) => {
      const w = world(Array.from({ length: count }, () => 1));
      setShares(w, [0.1]);
      for (let i = 1; i < count; i++) add(w, i, 0, 50);
      const picker = algorithm('least_connections', w);
      let refused = 0;
      const picks = 100 * count;
      for (let k = 0; k < picks; k++) {
        const place = picker.pick(-1, 0);
        if (place === 0) refused++;
        else {
          add(w, place, 0, 1);
          picker.changed(place);
        }
      }
      expect(refused).toBeLessThanOrEqual((picks * 0.1) / (count - 0.9) + 2);
      expect(refused).toBeGreaterThan(0);
    },
  );
});

describe('consistent hash by share', () => {
  it('moves keys to a server whose share grows, and none between others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.nat(),
        fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 6 }),
        (count, at, percents) => {
          const w = world(Array.from({ length: count }, () => 1));
          const picker = algorithm('consistent_hash', w);
          const growing = at % count;
          let before: number[] | null = null;
          for (const percent of percents.sort((a, b) => a - b)) {
            setShares(
              w,
              Array.from({ length: count }, (_, i) => (i === growing ? percent / 100 : 1)),
            );
            picker.refresh();
            const after = Array.from({ length: 500 }, (_, k) => picker.pick(-1, mix(k)));
            after.forEach((place, k) => {
              if (before !== null && before[k] !== place) expect(place).toBe(growing);
            });
            before = after;
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
