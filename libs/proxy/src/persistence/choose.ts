import type { Asker } from '../core/asker.js';
import type { ServerRuntime } from '../core/server.js';
import type { Persistence } from './persistence.js';

/** What is asked of the pool. */
export interface Choosing {
  /** By the algorithm; null when the pool has none to give. */
  pick(avoid: ServerRuntime | null, key: number): ServerRuntime | null;
  /** It may be used, for one who belongs there. */
  mayServe(server: ServerRuntime): boolean;
  /** It is in service, whatever its monitors say. */
  inService(server: ServerRuntime): boolean;
}

/** The client has a server, and may have no other while that one is down. */
export const ABORT = Symbol('abort');

/**
 * The server of a client: where it belongs, else one by the algorithm, which it belongs to from now on.
 * @param avoid has just failed the client
 */
export function chooseKnown(
  pool: Choosing,
  persistence: Persistence,
  client: Asker,
  avoid: ServerRuntime | null,
): ServerRuntime | typeof ABORT | null {
  if (client.known?.by !== persistence) client.known = persistence.recognise(client);
  const { known } = client;
  const own = known.server;
  if (own !== null) {
    const { whenDown } = persistence;
    const failed = own === avoid;
    if (!failed && pool.mayServe(own)) return own;
    // A server that is out of service for good does not come back: there is nothing to wait for.
    if (whenDown === 'abort' && pool.inService(own)) return ABORT;
    if (whenDown === 'continue' && pool.inService(own)) return failed ? ABORT : own;
  }
  const picked = pool.pick(avoid ?? own, client.key);
  if (picked === null) return null;
  const server = persistence.learn(known, picked);
  if (server !== picked && server !== avoid && pool.mayServe(server)) {
    known.server = server;
    return server;
  }
  known.server = picked;
  return picked;
}
