import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mix } from './hash.js';
import { maglevTable } from './maglev.js';
import { algorithm, ratios, world, type World } from './testing/world.js';

const KEYS = Array.from({ length: 20_000 }, (_, i) => mix(i + 1));
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `192.0.2.${i} 8080`);
const ones = (count: number): number[] => Array.from({ length: count }, () => 1);

/** Name of the server of each key. */
function mapping(w: World, of: readonly string[], keys = KEYS): string[] {
  const hash = algorithm('consistent_hash', w);
  return keys.map((key) => of[hash.pick(-1, key)]!);
}

const moved = (a: readonly string[], b: readonly string[]): number =>
  a.filter((name, i) => name !== b[i]).length / a.length;

describe('consistent hash', () => {
  it('gives the same server whatever the order of the servers, the worker and the start', () => {
    fc.assert(
      fc.property(
        ratios,
        fc.nat(),
        fc.nat({ max: 15 }),
        fc.infiniteStream(fc.nat()),
        (r, start, worker, dice) => {
          const all = names(r.length);
          const order = all.map((name, i) => ({ name, ratio: r[i]!, at: dice.next().value }));
          order.sort((a, b) => a.at - b.at);
          const one = algorithm('consistent_hash', world(r, 4, all));
          const other = algorithm(
            'consistent_hash',
            world(
              order.map((o) => o.ratio),
              4,
              order.map((o) => o.name),
            ),
            { start, worker },
          );
          for (const key of KEYS.slice(0, 300))
            expect(order[other.pick(-1, key)]!.name).toBe(all[one.pick(-1, key)]!);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([2, 3, 10, 100, 1000, 5000])('%i servers: shares within 5 % of the average', (count) => {
    const slots = maglevTable(world(ones(count)).table);
    const share = new Uint32Array(count);
    for (const place of slots) share[place]!++;
    const average = slots.length / count;
    expect(Math.max(...share) / average).toBeLessThanOrEqual(1.05);
    expect(Math.min(...share) / average).toBeGreaterThanOrEqual(0.95);
  });

  it('keeps the parts of any ratios within 5 % of what they should be', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 20 }),
        (count, r) => {
          const w = world(Array.from({ length: count }, (_, i) => r[i % r.length]!));
          const slots = maglevTable(w.table);
          const share = new Uint32Array(count);
          for (const place of slots) share[place]!++;
          const sum = w.table.ratios.reduce((a, b) => a + b, 0);
          let most = 0;
          for (let i = 0; i < count; i++)
            most = Math.max(most, share[i]! / ((slots.length * w.table.ratios[i]!) / sum));
          expect(most).toBeLessThanOrEqual(1.05);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('has one size of table for up to 5,000 servers without ratios, so that no growth deals out all keys anew', () => {
    expect(maglevTable(world(ones(2)).table)).toHaveLength(131_071);
    expect(maglevTable(world(ones(5000)).table)).toHaveLength(131_071);
  });

  it('gives shares by ratio', () => {
    const slots = maglevTable(world([1, 2, 5, 20]).table);
    const share = [0, 0, 0, 0];
    for (const place of slots) share[place]!++;
    [1, 2, 5, 20].forEach((r, i) => expect(share[i]! / slots.length).toBeCloseTo(r / 28, 2));
  });

  it.each([2, 9, 50, 400, 3277, 5000])(
    '%i servers: one that goes or comes moves at most 1/n + 1 %% of the keys',
    (count) => {
      const all = names(count);
      const before = mapping(world(ones(count), 1, all), all);
      for (const gone of [0, count >> 1, count - 1]) {
        const rest = all.filter((_, i) => i !== gone);
        const after = mapping(world(ones(count - 1), 1, rest), rest);
        expect(moved(before, after)).toBeLessThanOrEqual(1 / count + 0.01);
      }
    },
  );

  it.each([3, 50, 1000])(
    '%i servers: one that is down moves its own keys only, and over all others',
    (count) => {
      const all = names(count);
      const w = world(ones(count), 1, all);
      const hash = algorithm('consistent_hash', w);
      const before = KEYS.map((key) => hash.pick(-1, key));
      const down = before[0]!;
      w.table.eligible[down] = 0;
      hash.refresh();
      const after = KEYS.map((key) => hash.pick(-1, key));
      const heirs = new Set<number>();
      before.forEach((place, i) => {
        if (place === down) heirs.add(after[i]!);
        else expect(after[i]).toBe(place);
      });
      expect(heirs.has(down)).toBe(false);
      expect(heirs.size).toBeGreaterThanOrEqual(Math.min(count - 1, 10));
      w.table.eligible[down] = 1;
      hash.refresh();
      expect(KEYS.map((key) => hash.pick(-1, key))).toEqual(before);
    },
  );

  it('chooses among the few that are left of many, and spreads over them', () => {
    const w = world(ones(5000));
    w.table.eligible.fill(0);
    for (const place of [17, 2400, 4999]) w.table.eligible[place] = 1;
    const hash = algorithm('consistent_hash', w);
    const share = new Map<number, number>();
    for (const key of KEYS) {
      const place = hash.pick(-1, key);
      expect(hash.pick(-1, key)).toBe(place);
      share.set(place, (share.get(place) ?? 0) + 1);
    }
    expect([...share.keys()].sort((a, b) => a - b)).toEqual([17, 2400, 4999]);
    for (const n of share.values()) expect(n / KEYS.length).toBeCloseTo(1 / 3, 1);
  });

  it('sends a retry to the same second server every time', () => {
    const hash = algorithm('consistent_hash', world(ones(20)));
    for (const key of KEYS.slice(0, 500)) {
      const first = hash.pick(-1, key);
      const second = hash.pick(first, key);
      expect(second).not.toBe(first);
      expect(hash.pick(first, key)).toBe(second);
    }
  });
});
