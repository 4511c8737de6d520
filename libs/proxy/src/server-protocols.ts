import type { Pool } from '@spillway/snapshot';
import type { ServerProtocol } from './http/server-link.js';
import { http1Servers } from './http1/server.js';

/** How requests get to the servers of a pool. */
export const protocolOf = (_pool: Pool): ServerProtocol => http1Servers;
