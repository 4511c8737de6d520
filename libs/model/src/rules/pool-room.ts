import type { FieldError } from '../errors.js';
import type { FilledPool } from '../generated/filled.js';
import { refuse } from './rule.js';

const MOST_DEPTH = 1_000_000;

/** Limits of connections and the queue in front of them (pools document, Max Connections per Server and Request Queueing). */
export function poolRoom(pool: FilledPool): FieldError[] {
  const errors: FieldError[] = [];
  const { max_concurrent_connections_per_server: most, request_queue_depth: depth } = pool;
  if (most < 0)
    errors.push(
      refuse(
        'max_concurrent_connections_per_server',
        `a server cannot have ${most} connections`,
        'Set it to 1 or more, or to 0 for no limit',
        most,
      ),
    );
  if (pool.request_queue_enabled && (depth < 1 || depth > MOST_DEPTH))
    errors.push(
      refuse(
        'request_queue_depth',
        `a queue of ${depth} requests is not possible`,
        `Set it to 1 to ${MOST_DEPTH}, or set request_queue_enabled to false`,
        depth,
      ),
    );
  return errors;
}
