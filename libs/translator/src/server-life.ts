import type { FilledPool, FilledServer } from '@spillway/model';
import type { Pool, Server } from '@spillway/snapshot';
import { clamp } from './read.js';

const MINUTE = 60_000;
/** Longest `graceful_disable_timeout`, in minutes, and `graceful_hm_down_disable_timeout`, in seconds. */
const MOST_MINUTES = 7200;
const MOST_SECONDS = 432_000;

/** `graceful_disable_timeout` of a pool in milliseconds; 0 at once, -1 never. */
export const gracefulTimeout = ({ graceful_disable_timeout: minutes }: FilledPool): number =>
  minutes < 0 ? -1 : clamp(minutes, 0, MOST_MINUTES) * MINUTE;

/** How long connections to servers of the pool live on that are disabled, or down. */
export function serverLifeOf(
  pool: FilledPool,
): Pick<Pool, 'graceful_disable_timeout' | 'drain_keeps_persistence' | 'down_timeout'> {
  const { server_disable_type: type, graceful_hm_down_disable_timeout: seconds } = pool;
  const persists = pool.application_persistence_profile_ref !== undefined;
  return {
    graceful_disable_timeout: gracefulTimeout(pool),
    ...(persists && type === 'ALLOW_NEW_CONNECTION_IF_PERSISTENCE_PRESENT'
      ? { drain_keeps_persistence: true }
      : {}),
    ...(seconds < 0 ? {} : { down_timeout: clamp(seconds, 0, MOST_SECONDS) * 1000 }),
  };
}

/**
 * `enabled: false` alone is graceful with the pool's time-out, of which 0 means at once; with `disable_immediately`
 * existing connections are reset at once.
 */
export function stateOf(server: FilledServer, pool: FilledPool): Pick<Server, 'state' | 'drain_until'> {
  if (server.enabled) return { state: 'enabled' };
  return server.disable_immediately ? { state: 'disabled' } : drainingSince(server.disabled_at, pool);
}

/**
 * A server that has to be left within the pool's time-out.
 * @param since milliseconds since 1970; undefined when nobody knows
 */
export function drainingSince(
  since: number | undefined,
  pool: FilledPool,
): Pick<Server, 'state' | 'drain_until'> {
  const timeout = gracefulTimeout(pool);
  if (timeout === 0) return { state: 'disabled' };
  if (timeout < 0 || since === undefined) return { state: 'draining' };
  return { state: 'draining', drain_until: since + timeout };
}
