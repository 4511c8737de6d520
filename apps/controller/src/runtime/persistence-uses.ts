import type { SeRuntime } from '../database/entities/index.js';

/** What an SE knows of the clients of a pool. */
export interface PersistenceUse {
  readonly se_uuid: string;
  /** Clients of the pool that are known to belong to a server. */
  readonly entries: number;
  /** Clients that the SE has room for, of all pools. */
  readonly limit: number;
  /** Clients of all pools that were forgotten before their time for want of room. */
  readonly evictions: number;
}

/** By pool: what the SEs said last. */
export type PersistenceUses = ReadonlyMap<string, readonly PersistenceUse[]>;

/** From the heartbeats of SEs that are connected; what is not as it should be is left out. */
export function persistenceUsesOf(runtimes: Iterable<SeRuntime>): PersistenceUses {
  const found = new Map<string, PersistenceUse[]>();
  for (const { se_uuid, connected, heartbeat } of runtimes) {
    const table = heartbeat?.['persistence'] as Record<string, unknown> | undefined;
    const pools = table?.['pools'];
    if (!connected || table === undefined || !Array.isArray(pools)) continue;
    const [limit, evictions] = [Number(table['limit'] ?? 0), Number(table['evictions'] ?? 0)];
    for (const row of pools as Record<string, unknown>[]) {
      const [pool, entries] = [row['poolUuid'], Number(row['entries'] ?? 0)];
      if (typeof pool !== 'string' || !(entries >= 0)) continue;
      const uses = found.get(pool) ?? [];
      found.set(pool, uses);
      uses.push({ se_uuid, entries, limit, evictions });
    }
  }
  return found;
}
