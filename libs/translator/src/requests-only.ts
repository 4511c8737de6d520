import type { FilledHTTPServerReselect, FilledPool } from '@spillway/model';
import type { L4Application, VirtualService } from '@spillway/snapshot';
import { filledMessage } from './read.js';
import { type Problem, warning } from './types.js';

/** Keys of consistent hash that only requests have. */
const OF_REQUESTS: ReadonlySet<string> = new Set([
  'LB_ALGORITHM_CONSISTENT_HASH_URI',
  'LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER',
  'LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_STRING',
]);

/** What a pool is asked to do with requests, for a virtual service that has connections and flows only. */
export function requestsOnly(
  application: VirtualService['application'] | L4Application,
  pool: FilledPool | undefined,
): Problem[] {
  if (application.type === 'http' || pool === undefined) return [];
  const reselect = filledMessage<FilledHTTPServerReselect>('HTTPServerReselect', pool.server_reselect);
  const told = (what: string, then: string): Problem =>
    warning('REQUESTS_ONLY', 'pool_ref', `pool ${pool.name} has ${what}, which is for HTTP; here ${then}`);
  return [
    ...(pool.request_queue_enabled
      ? [told('a request queue', 'connections that find its servers full are closed')]
      : []),
    ...(reselect.enabled
      ? [told('server reselect', 'connections go to another server only when one cannot be reached')]
      : []),
    ...(pool.lb_algorithm === 'LB_ALGORITHM_CONSISTENT_HASH' && OF_REQUESTS.has(pool.lb_algorithm_hash)
      ? [told(`lb_algorithm_hash ${pool.lb_algorithm_hash}`, "the client's address and port are used")]
      : []),
  ];
}
