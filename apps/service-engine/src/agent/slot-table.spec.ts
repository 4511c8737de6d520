import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlotsExhausted, SlotTable } from './slot-table.js';

const keys = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String), { maxLength: 12 });

describe('slots', () => {
  it('never belong to two keys that are wanted or still leaving, and stay while they are wanted', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, fc.boolean(), fc.boolean()), { maxLength: 30 }), (steps) => {
        const table = new SlotTable(64, 'things');
        const counted = new Set<number>();
        let before = new Map<string, number>();
        for (const [sequence, [wanted, leave, busy]] of steps.entries()) {
          table.assign(new Set(wanted), sequence + 1);
          const now = new Map(table.entries());
          for (const key of wanted) {
            expect(now.has(key)).toBe(true);
            if (before.has(key)) expect(now.get(key)).toBe(before.get(key));
          }
          const all = Object.values(table.save());
          expect(new Set(all).size).toBe(all.length);
          expect(Math.max(-1, ...all)).toBeLessThan(table.used);
          if (leave) table.left(sequence + 1, sequence * 100_000);
          if (busy) counted.add(sequence % 5);
          table.reclaim(sequence * 100_000 + 60_000, (slot) => !counted.has(slot));
          before = now;
        }
      }),
    );
  });

  it('are given to another only after every worker has left them, and a while', () => {
    const table = new SlotTable(1, 'things');
    table.assign(new Set(['a']), 1);
    expect(() => table.assign(new Set(['b']), 2)).toThrow(SlotsExhausted);
    table.assign(new Set(), 2);
    const tryAgain = (): number[] => table.assign(new Set(['b']), 3);
    table.reclaim(1_000_000, () => true);
    expect(tryAgain).toThrow(SlotsExhausted);
    table.left(2, 1_000_000);
    table.reclaim(1_059_999, () => true);
    expect(tryAgain).toThrow(SlotsExhausted);
    table.reclaim(1_060_000, () => false);
    expect(tryAgain).toThrow(SlotsExhausted);
    table.reclaim(1_060_000, () => true);
    expect(tryAgain()).toEqual([0]);
  });

  it('come back to who had them, and to the next agent', () => {
    const table = new SlotTable(8, 'things', { a: 3, b: 5 });
    expect(table.used).toBe(6);
    expect(table.assign(new Set(['a', 'c']), 1)).toEqual([0]);
    expect(table.get('a')).toBe(3);
    expect(table.assign(new Set(['a', 'b', 'c']), 2)).toEqual([]);
    expect(table.get('b')).toBe(5);
    expect(table.save()).toEqual({ a: 3, b: 5, c: 0 });
  });
});
