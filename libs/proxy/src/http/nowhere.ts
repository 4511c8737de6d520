import type { Pool } from '../core/pool.js';
import type { Exchange } from './exchange.js';
import { plainResponse } from './own-response.js';

/**
 * What becomes of a request for which its pool has no server: `pool.refusal` tells why. Nothing of the request has been
 * sent anywhere.
 */
export function nowhere(x: Exchange, pool: Pool | null): void {
  x.answer(plainResponse(503, pool === null ? 'the virtual service has no pool' : pool.whyNot()));
}
