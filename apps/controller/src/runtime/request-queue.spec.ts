import { describe, expect, it } from '@jest/globals';
import type { SeRuntime } from '../database/entities/index.js';
import { Refusals } from './refusals.js';
import { queueUsesOf, showQueue, sinceCleared } from './request-queue.js';

const runtime = (se: string, boot: string, pools: unknown, connected = true): SeRuntime =>
  ({ se_uuid: se, boot_id: boot, connected, heartbeat: { pools } }) as unknown as SeRuntime;

const row = (pool: string, more: object = {}): object => ({
  poolUuid: pool,
  queued: '2',
  connections: 3,
  queuedTotal: '10',
  served: 4,
  refused: 5,
  waits: { sumUs: 20_000 },
  ...more,
});

describe('request queues as SEs tell of them', () => {
  it('are read from heartbeats, whatever these hold', () => {
    const uses = queueUsesOf([
      runtime('se-1', 'a', [row('pool-1'), { queued: 1 }, row('pool-2', { served: 'x', queued: -1 })]),
      runtime('se-2', 'b', [row('pool-1')]),
      runtime('se-3', 'c', [row('pool-1')], false),
      runtime('se-4', 'd', 'nothing'),
    ]);
    expect([...uses.keys()]).toEqual(['pool-1', 'pool-2']);
    expect(showQueue(uses.get('pool-1')!)).toMatchObject({
      num_queued: 4,
      connections_open: 6,
      num_queued_total: 20,
      num_served: 8,
      num_timed_out: 0,
      num_refused: 10,
      avg_wait_ms: 5,
    });
    expect(showQueue(uses.get('pool-2')!)).toMatchObject({ num_queued: 0, num_served: 0, avg_wait_ms: 0 });
  });

  it('begin at nothing after they were cleared, as long as the SE counts on', () => {
    const [use] = queueUsesOf([runtime('se-1', 'a', [row('pool-1')])]).get('pool-1')!;
    const base = { boot_id: 'a', totals: { queuedTotal: 7, served: 4 } };
    expect(sinceCleared(use!, base).totals).toMatchObject({ queuedTotal: 3, served: 0, refused: 5 });
    expect(sinceCleared(use!, base).queued).toBe(2);
    expect(sinceCleared(use!, { ...base, boot_id: 'b' })).toBe(use);
    expect(sinceCleared(use!, undefined)).toBe(use);
  });
});

describe('refused clients', () => {
  it('are news once, from the first look on, and over restarts of SEs', () => {
    const refusals = new Refusals();
    const look = (boot: string, refused: number): [string, number][] => [
      ...refusals.grown([runtime('se-1', boot, [row('pool-1', { refused })])]),
    ];
    expect(look('a', 5)).toEqual([]);
    expect(look('a', 8)).toEqual([['pool-1', 3]]);
    expect(look('a', 9)).toEqual([['pool-1', 4]]);
    refusals.told(new Set(['pool-1']));
    expect(look('a', 9)).toEqual([]);
    expect(look('b', 2)).toEqual([['pool-1', 2]]);
  });
});
