import type { ConsistentHash } from '@spillway/snapshot';
import type { FailAction } from '../http/fail-action.js';
import { asker } from './asker.js';
import type { Pool } from './pool.js';
import type { PoolGroup } from './pool-group.js';
import type { ServerRuntime } from './server.js';

/** Pools that stand in for one another are asked no further: somebody has made a ring of them. */
const MOST_BACKUPS = 4;

/** What a pool, asked for itself or for its group, does with those that it cannot serve; null: nothing special. */
export const failActionOf = (pool: Pool | null, group: PoolGroup | null): FailAction | null =>
  group === null
    ? (pool?.failAction ?? null)
    : (group.failAction ?? (pool === null ? group.lastResort : pool.failAction));

/** What is left to do when no backup pool can serve either. */
export function lastAction(action: FailAction | null): FailAction | null {
  let last = action;
  for (let n = 0; n < MOST_BACKUPS && last !== null && last.backup !== null; n++)
    last = last.backup.failAction;
  return last;
}

/**
 * A server of the backup pools, asked as `asker` says; null when there is none.
 * @param keyOf what consistent hash of that pool goes by
 */
export function chooseBackup(
  action: FailAction | null,
  keyOf: (hash: ConsistentHash) => number,
): ServerRuntime | null {
  let last = action;
  for (let n = 0; n < MOST_BACKUPS && last !== null && last.backup !== null; n++) {
    const { backup }: FailAction = last;
    if (backup.hash !== null) asker.key = keyOf(backup.hash);
    const server = backup.choose(asker, null);
    if (server !== null) return server;
    last = backup.failAction;
  }
  return null;
}
