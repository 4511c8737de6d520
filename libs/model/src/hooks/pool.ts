import { isObject, type Json } from '../walk.js';
import { mapEach, without } from './each.js';
import type { Hooks } from './hooks.js';

const addressOf = (server: Json): unknown => (isObject(server['ip']) ? server['ip']['addr'] : undefined);

/** A server without a hostname is called by its address. */
export const poolHooks: Hooks = {
  fill: (pool) =>
    mapEach(pool, 'servers', (server) => {
      const address = addressOf(server);
      return 'hostname' in server || address === undefined ? server : { ...server, hostname: address };
    }),
  unfill: (pool) =>
    mapEach(pool, 'servers', (server) =>
      server['hostname'] !== undefined && server['hostname'] === addressOf(server)
        ? without(server, 'hostname')
        : server,
    ),
};
