import { describe, expect, it } from '@jest/globals';
import { layoutOf, Mapping, POOL, POOL_CELL } from '@spillway/telemetry';
import { BOUNDS } from './counters.js';
import { isIdlePool, PoolCounts } from './pool-counters.js';
import { poolFamilies } from './pool-metrics.js';
import { SlotTable } from './slot-table.js';

const SIZE = { workers: 2, virtualServices: 1, servers: 1, pools: 3 };

describe('what the agent reads of pools that limit connections', () => {
  it('adds up workers, begins at nothing, follows wrapped buckets, and shows it', () => {
    const mapping = Mapping.format(new Uint8Array(layoutOf(SIZE).totalBytes), SIZE);
    mapping.setUsed(1, 1, 3);
    const slots = new SlotTable(3, 'pools');
    slots.assign(new Set(['pool-1', 'pool-2']), 1);
    const slot = slots.get('pool-1')!;
    const count = (worker: number, n: number): void => {
      const block = mapping.worker(worker);
      mapping.f64[block.pool(slot) + POOL.QUEUED]! += n;
      mapping.f64[block.pool(slot) + POOL.SERVED]! += n;
      mapping.f64[block.pool(slot) + POOL.WAIT_TIME]! += n * 2000;
      mapping.u32[block.poolHistogram(slot) + 40]! += n;
    };
    count(0, 7);
    const counts = new PoolCounts(mapping, slots);
    count(0, 2);
    count(1, 3);
    mapping.poolCells[mapping.worker(1).poolCell(slot, POOL_CELL.QUEUED)] = 4;
    const [one, two] = counts.read();
    expect([one!.poolUuid, one!.queued, one!.counters[POOL.QUEUED], one!.waits[BOUNDS.length]]).toEqual([
      'pool-1',
      4,
      5,
      5,
    ]);
    expect([isIdlePool(one!), isIdlePool(two!)]).toEqual([false, true]);
    mapping.u32[mapping.worker(0).poolHistogram(slot) + 40]! += 2 ** 32 - 5;
    expect(counts.read()[0]!.waits[BOUNDS.length]).toBe(2 ** 32);
    mapping.retireWorker(1);
    expect(counts.read()[0]!.queued).toBe(0);
    const text = poolFamilies(counts.read()).join('');
    expect(text).toContain('spillway_pool_queued{pool="pool-1"} 0');
    expect(text).toContain('spillway_pool_unqueued_total{pool="pool-1",how="served"} 5');
    expect(text).toContain('spillway_pool_queue_wait_seconds_sum{pool="pool-1"} 0.01');
    slots.assign(new Set(['pool-2']), 2);
    expect(counts.read().map((p) => p.poolUuid)).toEqual(['pool-2']);
  });
});
