import type { QueueBase, SeRuntime } from '../database/entities/index.js';

/** What SEs count of a pool's queue; they only rise while the agent of the SE lives. */
export const QUEUE_TOTALS = [
  'queuedTotal',
  'served',
  'timedOut',
  'left',
  'refused',
  'refusedQueueFull',
  'yielded',
  'waitUs',
] as const;
export type QueueTotals = Record<(typeof QUEUE_TOTALS)[number], number>;

/** A pool that limits the connections to its servers, on one SE. */
export interface QueueUse {
  readonly se_uuid: string;
  readonly boot_id: string;
  /** Requests in the queue now. */
  readonly queued: number;
  /** Connections to servers of the pool now. */
  readonly connections: number;
  readonly totals: QueueTotals;
}

/** By pool: what the SEs said last. */
export type QueueUses = ReadonlyMap<string, readonly QueueUse[]>;

/** From the heartbeats of SEs that are connected; what is not as it should be is left out. */
export function queueUsesOf(runtimes: Iterable<SeRuntime>): QueueUses {
  const found = new Map<string, QueueUse[]>();
  for (const { se_uuid, boot_id, connected, heartbeat } of runtimes) {
    const told = heartbeat?.['pools'];
    if (!connected || !Array.isArray(told)) continue;
    for (const row of told as Record<string, unknown>[]) {
      const pool = row['poolUuid'];
      if (typeof pool !== 'string') continue;
      const uses = found.get(pool) ?? [];
      found.set(pool, uses);
      uses.push({
        se_uuid,
        boot_id,
        queued: count(row['queued']),
        connections: count(row['connections']),
        totals: totalsOf(row),
      });
    }
  }
  return found;
}

function totalsOf(row: Record<string, unknown>): QueueTotals {
  const waits = row['waits'] as Record<string, unknown> | undefined;
  const of = (name: string): number => count(name === 'waitUs' ? waits?.['sumUs'] : row[name]);
  return Object.fromEntries(QUEUE_TOTALS.map((name) => [name, of(name)])) as QueueTotals;
}

const count = (value: unknown): number => {
  const n = Number(value ?? 0);
  return n >= 0 ? n : 0;
};

/** What was counted since the counters were cleared. */
export function sinceCleared(
  use: QueueUse,
  base: Pick<QueueBase, 'boot_id' | 'totals'> | undefined,
): QueueUse {
  if (base === undefined || base.boot_id !== use.boot_id) return use;
  const totals = QUEUE_TOTALS.map((name) => [name, Math.max(0, use.totals[name] - (base.totals[name] ?? 0))]);
  return { ...use, totals: Object.fromEntries(totals) as QueueTotals };
}

/** As operators see it: of one SE, or of several together. */
export function showQueue(uses: readonly QueueUse[]): Record<string, number> {
  const sum = (pick: (u: QueueUse) => number): number => uses.reduce((n, u) => n + pick(u), 0);
  const served = sum((u) => u.totals.served);
  const waited = sum((u) => u.totals.waitUs);
  return {
    connections_open: sum((u) => u.connections),
    num_queued: sum((u) => u.queued),
    num_queued_total: sum((u) => u.totals.queuedTotal),
    num_served: served,
    num_timed_out: sum((u) => u.totals.timedOut),
    num_left: sum((u) => u.totals.left),
    num_refused: sum((u) => u.totals.refused),
    num_refused_queue_full: sum((u) => u.totals.refusedQueueFull),
    num_yielded: sum((u) => u.totals.yielded),
    avg_wait_ms: served === 0 ? 0 : Math.round(waited / served / 10) / 100,
  };
}
