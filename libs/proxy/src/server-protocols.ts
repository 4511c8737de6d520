import type { Pool } from '@spillway/snapshot';
import type { ServerProtocol } from './http/server-link.js';
import { http1Servers } from './http1/server.js';
import { http2Servers } from './http2/server.js';

/** How requests get to the servers of a pool. */
export const protocolOf = (pool: Pool): ServerProtocol =>
  pool.enable_http2 === true ? http2Servers : http1Servers;
