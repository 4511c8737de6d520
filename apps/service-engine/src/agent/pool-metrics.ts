import { POOL } from '@spillway/telemetry';
import { BOUNDS } from './counters.js';
import type { PoolCounters } from './pool-counters.js';
import { family, type Sample } from './metric-family.js';

const SECONDS = 1e-6;

/** How requests have left the queue. */
const LEFT = [
  ['served', POOL.SERVED],
  ['timed_out', POOL.TIMED_OUT],
  ['left', POOL.LEFT],
] as const;

/** What `/metrics` shows of pools that limit the connections to their servers. */
export function poolFamilies(pools: readonly PoolCounters[]): string[] {
  const each = (pick: (p: PoolCounters) => number): Sample[] =>
    pools.map((p) => [{ pool: p.poolUuid }, pick(p)]);
  return [
    family(
      'spillway_pool_connections',
      'gauge',
      'Connections open to servers of the pool now, the idle ones too.',
      each((p) => p.connections),
    ),
    family(
      'spillway_pool_refused_total',
      'counter',
      'Requests, connections and flows that found all servers full.',
      each((p) => p.counters[POOL.REFUSED]!),
    ),
    family(
      'spillway_pool_yielded_total',
      'counter',
      'Kept connections that were closed for others.',
      each((p) => p.counters[POOL.YIELDED]!),
    ),
    family(
      'spillway_pool_queued',
      'gauge',
      'Requests in the queue now.',
      each((p) => p.queued),
    ),
    family(
      'spillway_pool_queued_total',
      'counter',
      'Requests that were put into the queue.',
      each((p) => p.counters[POOL.QUEUED]!),
    ),
    family(
      'spillway_pool_queue_full_total',
      'counter',
      'Requests that found the queue full.',
      each((p) => p.counters[POOL.REFUSED_QUEUE]!),
    ),
    family(
      'spillway_pool_unqueued_total',
      'counter',
      'Requests that have left the queue, by how.',
      pools.flatMap((p) => LEFT.map(([how, at]): Sample => [{ pool: p.poolUuid, how }, p.counters[at]!])),
    ),
    family(
      'spillway_pool_queue_wait_seconds',
      'histogram',
      'How long requests waited that were served from the queue.',
      pools.flatMap(waits),
    ),
  ];
}

function waits(p: PoolCounters): Sample[] {
  const count = p.waits[BOUNDS.length]!;
  if (count === 0) return [];
  const pool = { pool: p.poolUuid };
  return [
    ...BOUNDS.map((bound, i): Sample => [{ ...pool, le: `${bound * SECONDS}` }, p.waits[i]!, '_bucket']),
    [{ ...pool, le: '+Inf' }, count, '_bucket'],
    [pool, p.counters[POOL.WAIT_TIME]! * SECONDS, '_sum'],
    [pool, count, '_count'],
  ];
}
