import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { layoutOf } from '../layout.js';
import { Mapping } from '../mapping.js';
import { RateKey, seedOf } from './rate-key.js';
import { rateLimit, type RateLimit } from './rate-limit.js';
import { RATE_SET_BYTES, WAYS } from './rate-table.js';

const SIZE = { workers: 4, virtualServices: 1, servers: 2, rateSets: 4 };
const make = (): Mapping => Mapping.format(new Uint8Array(layoutOf(SIZE).totalBytes), SIZE);
const keyOf = (name: string): RateKey => new RateKey().begin(seedOf('test')).text(name);

/** How many of `n` attempts at one moment are let through. */
function taken(table: ReturnType<Mapping['rateTable']>, key: RateKey, limit: RateLimit, now: number): number {
  let count = 0;
  while (table.take(key, limit, now)) if (++count > 5_000_000) throw new Error('the rate has no end');
  return count;
}

describe('a rate', () => {
  it('lets through exactly its bucket at once, then at its pace, over all workers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 2000 }),
        fc.integer({ min: 1, max: 4e9 }),
        (count, period, burst, start) => {
          const m = make();
          const tables = [m.rateTable(0), m.rateTable(1)];
          const limit = rateLimit(count, period, burst);
          const key = keyOf('client');
          const size = Math.max(count, burst);
          let through = 0;
          for (let i = 0; i < size + 5; i++) if (tables[i % 2]!.take(key, limit, start)) through++;
          expect(through).toBe(size);
          // A whole period later there are `count` more, within a part in a hundred.
          const more = taken(tables[0]!, key, limit, start + period * 1000);
          expect(Math.abs(more - count)).toBeLessThanOrEqual(1 + count / 100);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is full again after a long silence, whatever the clock did meanwhile', () => {
    const limit = rateLimit(10, 1);
    const m = make();
    const key = keyOf('client');
    for (const now of [5000, 10_000, 2 ** 32, 2 ** 33 + 1000, 1e12])
      expect(taken(m.rateTable(0), key, limit, now)).toBe(10);
  });

  it('is shared evenly, and gives everybody one token at least', () => {
    const m = make();
    expect(taken(m.rateTable(0), keyOf('a'), rateLimit(100, 1, 0, 4), 1000)).toBe(25);
    expect(taken(m.rateTable(0), keyOf('b'), rateLimit(2, 1, 0, 4), 1000)).toBe(1);
    const slow = rateLimit(2, 1, 0, 4);
    expect(m.rateTable(0).take(keyOf('b'), slow, 2500)).toBe(false);
    expect(m.rateTable(0).take(keyOf('b'), slow, 3001)).toBe(true);
  });

  it('keeps high rates and long periods to within a part in a hundred', () => {
    const m = make();
    for (const [count, period] of [
      [300_000, 1],
      [1_000_000, 1],
      [3, 1_000_000_000],
      [50_000, 86_400],
    ] as const) {
      const limit = rateLimit(count, period);
      const key = keyOf(`${count}`);
      expect(taken(m.rateTable(0), key, limit, 1e9)).toBe(count);
      const half = taken(m.rateTable(0), key, limit, 1e9 + period * 500);
      expect(Math.abs(half - Math.floor(count / 2))).toBeLessThanOrEqual(1 + count / 200);
    }
  });

  it('starts anew when its unit changes, and does not confuse what a larger limit left behind', () => {
    const m = make();
    const key = keyOf('client');
    expect(taken(m.rateTable(0), key, rateLimit(1000, 1), 1000)).toBe(1000);
    expect(taken(m.rateTable(0), key, rateLimit(10, 1), 1000)).toBe(0);
    expect(taken(m.rateTable(0), key, rateLimit(10, 1), 2000)).toBe(10);
    expect(taken(m.rateTable(0), key, rateLimit(10, 100_000), 1000)).toBe(10);
  });
});

describe('the table of rates', () => {
  it('keeps the keys of a set apart and makes room by what is forgotten first', () => {
    const size = { ...SIZE, rateSets: 1 };
    const m = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
    const table = m.rateTable(0);
    const limit = rateLimit(2, 1000);
    for (let i = 0; i < WAYS; i++) expect(taken(table, keyOf(`k${i}`), limit, 1000 + i * 1000)).toBe(2);
    for (let i = 0; i < WAYS; i++) expect(table.take(keyOf(`k${i}`), limit, 16_000)).toBe(false);
    expect(m.rateEvictions).toBe(0);
    // All are live; k0 would be forgotten first.
    expect(taken(table, keyOf('new'), limit, 17_000)).toBe(2);
    expect(m.rateEvictions).toBe(1);
    expect(taken(table, keyOf('k14'), limit, 17_000)).toBe(0);
    // Once they are forgotten nobody has to give way.
    for (let i = 0; i < WAYS; i++) expect(taken(table, keyOf(`later${i}`), limit, 2_000_000)).toBe(2);
    expect(m.rateEvictions).toBe(1);
  });

  it('goes on when a worker died with a set locked, and is freed when that worker is retired', () => {
    const size = { ...SIZE, rateSets: 1 };
    const m = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
    const words = m.i32.subarray(m.layout.rates / 4, (m.layout.rates + RATE_SET_BYTES) / 4);
    const limit = rateLimit(3, 1);
    // As worker 2 leaves it: the lock taken, a place reserved, its intent told.
    words[15] = 3;
    words[32] = 1;
    m.i32[m.blockBase(2) / 4 + 24] = 1;
    expect(taken(m.rateTable(0), keyOf('a'), limit, 1000)).toBe(3);
    m.retireWorker(1);
    expect(words[15]).toBe(3);
    m.retireWorker(2);
    expect(words[15]).toBe(0);
    for (let i = 0; i < WAYS - 1; i++) expect(taken(m.rateTable(0), keyOf(`k${i}`), limit, 1000)).toBe(3);
    expect(m.rateEvictions).toBe(0);
  });

  it('spreads addresses over its sets', () => {
    const sets = 256;
    const size = { ...SIZE, rateSets: sets };
    const m = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
    const limit = rateLimit(1, 1000);
    for (let i = 0; i < sets * 7; i++) m.rateTable(0).take(keyOf(`10.0.${i >> 8}.${i & 255}`), limit, 1000);
    expect(m.rateEvictions).toBeLessThan(sets / 16);
  });
});

describe('a shared count', () => {
  it('never grants more than its limit, and frees what a dead worker held', () => {
    const m = make();
    m.setUsed(1, 2);
    const blocks = [0, 1, 2, 3].map((w) => m.worker(w));
    const grant = (w: number): boolean => blocks[w]!.tryAdd(m.active, 1, 5);
    expect([0, 1, 2, 3, 0, 1].map(grant)).toEqual([true, true, true, true, true, false]);
    expect(m.activeOf(1)).toBe(5);
    expect(m.activeOf(0)).toBe(0);
    m.retireWorker(0);
    expect(m.activeOf(1)).toBe(3);
    expect([3, 3, 3].map(grant)).toEqual([true, true, false]);
  });
});
