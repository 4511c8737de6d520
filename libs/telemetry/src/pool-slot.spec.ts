import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { layoutOf } from './layout.js';
import { Mapping } from './mapping.js';
import { POOL, POOL_CELL } from './pool-slot.js';

const SIZE = { workers: 4, virtualServices: 2, servers: 3, rateSets: 1, pools: 2 };
const make = (): Mapping => {
  const m = Mapping.format(new Uint8Array(layoutOf(SIZE).totalBytes), SIZE);
  m.setUsed(2, 3, 2);
  return m;
};

/** What a worker does to the places of a server. */
type Step =
  | { do: 'open' | 'close'; worker: number; server: number }
  /** It is killed; its supervisor finds out at once or after a few steps. */
  | { do: 'kill' | 'retire'; worker: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom('open' as const, 'close' as const),
      worker: fc.nat(3),
      server: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'retire' as const), worker: fc.nat(3) }),
  },
);

const total = (rows: number[]): number => rows.reduce((a, b) => a + b, 0);

describe('places at a server', () => {
  it('are never more than the limit, and none is lost, whatever workers do and when they die', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 6 }), (steps, limit) => {
        const m = make();
        /** Connections that are open, as the server sees them: those of a dead worker are not. */
        const open = [0, 1, 2].map(() => [0, 0, 0, 0]);
        /** What dead workers still hold in the mapping. */
        const held = [0, 1, 2].map(() => [0, 0, 0, 0]);
        const dead = new Set<number>();
        for (const s of steps) {
          const { worker } = s;
          if (!('server' in s)) {
            if (s.do === 'kill' && !dead.has(worker)) {
              dead.add(worker);
              for (const server of [0, 1, 2]) {
                held[server]![worker] = open[server]![worker]!;
                open[server]![worker] = 0;
              }
            }
            if (s.do === 'retire' && dead.delete(worker)) {
              m.retireWorker(worker);
              for (const rows of held) rows[worker] = 0;
            }
            continue;
          }
          if (dead.has(worker)) continue;
          const block = m.worker(worker);
          const mine = open[s.server]!;
          if (s.do === 'open') {
            const taken = total(mine) + total(held[s.server]!);
            expect(block.tryAdd(block.places, s.server, limit)).toBe(taken < limit);
            if (taken < limit) mine[worker]!++;
          } else if (mine[worker]! > 0) {
            block.places[block.activeCell(s.server)]!--;
            mine[worker]!--;
          }
          expect(total(mine)).toBeLessThanOrEqual(limit);
          expect(m.placesOf(s.server)).toBe(total(mine) + total(held[s.server]!));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are told to all workers when they become free, as long as they are not too far behind', () => {
    const m = make();
    const told = m.releases(1);
    const reader = m.releases(1);
    const from = reader.head;
    told.tell(2);
    told.tell(0);
    expect(reader.covers(from)).toBe(true);
    expect([reader.slotOf(from), reader.slotOf(from + 1), reader.head]).toEqual([2, 0, from + 2]);
    for (let i = 0; i < 61; i++) told.tell(1);
    expect(reader.covers(from)).toBe(true);
    told.tell(1);
    expect(reader.covers(from)).toBe(false);
    expect(m.releases(0).head).toBe(0);
    m.clearPool(1);
    expect(reader.covers(from + 3)).toBe(false);
  });
});

describe('what is shared about a pool', () => {
  it('counts over workers, the dead ones too, but drops what these had waiting', () => {
    const m = make();
    for (const w of [0, 1]) {
      const block = m.worker(w);
      expect(block.tryAddToPool(1, POOL_CELL.QUEUED, 2)).toBe(true);
      m.poolCells[block.poolCell(1, POOL_CELL.HELD)] = 5;
      m.f64[block.pool(1) + POOL.QUEUED] = 3;
      m.u32[block.poolHistogram(1) + 9] = 2;
    }
    expect(m.worker(2).tryAddToPool(1, POOL_CELL.QUEUED, 2)).toBe(false);
    const seen = (): number[] => {
      const { counters, buckets } = m.poolTotals(1);
      const cells = [POOL_CELL.QUEUED, POOL_CELL.HELD].map((kind) => m.poolSum(1, kind));
      return [counters[POOL.QUEUED]!, buckets[9]!, ...cells];
    };
    expect(seen()).toEqual([6, 4, 2, 10]);
    m.retireWorker(0);
    expect(seen()).toEqual([6, 4, 1, 5]);
    m.clearPool(1);
    expect(seen()).toEqual([0, 0, 0, 0]);
    expect([m.poolSum(0, POOL_CELL.QUEUED), m.poolTotals(0).counters[0]]).toEqual([0, 0]);
  });
});
