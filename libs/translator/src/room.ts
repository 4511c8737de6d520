import type { FilledPool } from '@spillway/model';
import type { Pool } from '@spillway/snapshot';
import { clamp } from './read.js';

const MOST_CONNECTIONS = 2_147_483_647;
const MOST_DEPTH = 1_000_000;
const MOST_TIMEOUT = 3_600_000;
/** Milliseconds that a request waits where the pool does not say (`request_queue_timeout`): clients seldom wait longer. */
const TIMEOUT = 30_000;

/** How many connections a server may have, and what requests do that find all servers full (pools document). */
export function roomOf(pool: FilledPool): Pick<Pool, 'max_connections' | 'request_queue'> {
  const most = pool.max_concurrent_connections_per_server;
  if (most < 1) return {};
  return {
    max_connections: Math.min(most, MOST_CONNECTIONS),
    ...(pool.request_queue_enabled
      ? {
          request_queue: {
            depth: clamp(pool.request_queue_depth, 1, MOST_DEPTH),
            timeout: clamp(pool.request_queue_timeout ?? TIMEOUT, 1, MOST_TIMEOUT),
          },
        }
      : {}),
  };
}
