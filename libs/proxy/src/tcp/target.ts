import type { ConsistentHash } from '@spillway/snapshot';
import type { Asker } from '../core/asker.js';
import { chooseBackup, failActionOf } from '../core/backup.js';
import type { Pool } from '../core/pool.js';
import { Refusal } from '../core/refusal.js';
import { PoolGroup } from '../core/pool-group.js';
import { poolFor, type ServiceConfig } from '../core/service.js';
import type { ServerRuntime } from '../core/server.js';
import type { L4Facts } from './rules.js';

/** Where a connection or a flow of L4 goes. */
export interface Target {
  readonly pool: Pool | null;
  /** The group that the pool was chosen from; null when there was none. */
  readonly group: PoolGroup | null;
}

/** Where the first rule that fits sends; else as the virtual service is configured. */
export function targetFor(config: ServiceConfig, facts: L4Facts): Target {
  const target = config.l4?.targetFor(facts) ?? null;
  if (target === null) return { pool: poolFor(config), group: config.group };
  return target instanceof PoolGroup
    ? { pool: target.choose(), group: target }
    : { pool: target, group: null };
}

/**
 * The server for `client`, not `avoid` if there is another; of a backup pool when the pool has none. Null when there is
 * none at all.
 * @param keyOf what consistent hash of a pool goes by
 */
export function serverOf(
  { pool, group }: Target,
  client: Asker,
  avoid: ServerRuntime | null,
  keyOf: (hash: ConsistentHash) => number,
): ServerRuntime | null {
  const hash = pool === null ? null : pool.hash;
  client.key = hash === null ? 0 : keyOf(hash);
  const server = pool?.choose(client, avoid) ?? null;
  if (server !== null || pool?.refusal === Refusal.PersistentServerDown) return server;
  return chooseBackup(failActionOf(pool, group), keyOf);
}
