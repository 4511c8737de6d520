import { CLOSED_BY, OWN_BY } from '@spillway/telemetry';
import { failActionOf, lastAction } from '../core/backup.js';
import type { Pool } from '../core/pool.js';
import { Refusal } from '../core/refusal.js';
import type { Exchange } from './exchange.js';
import { plainResponse } from './own-response.js';

/**
 * What becomes of a request for which its pool, and who stands in for it, has no server: `pool.refusal` tells why.
 * Nothing of the request has been sent anywhere.
 */
export function nowhere(x: Exchange, pool: Pool | null): void {
  // The client has a server, and is not to be sent anywhere else while that is down.
  const waits = pool?.refusal === Refusal.PersistentServerDown;
  const action = waits ? null : lastAction(failActionOf(pool, x.group));
  if (action === null) x.answer(plainResponse(503, reason(pool), whyOf(pool)));
  else if (action.response === null) x.refuseSilently(CLOSED_BY.NO_SERVER);
  else x.answer(action.basic ? { ...action.response, reason: reason(pool) } : action.response);
}

const reason = (pool: Pool | null): string =>
  pool === null ? 'the virtual service has no pool' : pool.whyNot();

const whyOf = (pool: Pool | null): number =>
  pool?.refusal === Refusal.Full ? OWN_BY.SERVERS_FULL : OWN_BY.NO_SERVER;
