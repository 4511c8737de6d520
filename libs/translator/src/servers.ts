import type { FilledPool } from '@spillway/model';
import type { Server } from '@spillway/snapshot';
import { group } from './sources/group.js';
import { listed } from './sources/listed.js';
import type { ServerSource } from './sources/source.js';
import { error, type Lookup, type Problem, warning } from './types.js';

/** Servers of one pool that a snapshot can hold. */
const MOST_SERVERS = 5000;

/** Where servers come from, in the order in which they stand in the pool. */
const SOURCES: readonly ServerSource[] = [listed, group];

/** The servers of a pool from all its sources, each address and port once. */
export function serversOf(pool: FilledPool, lookup: Lookup): { servers: Server[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const byId = new Map<string, Server>();
  for (const source of SOURCES)
    for (const found of source.servers(pool, lookup)) {
      if ('code' in found) {
        problems.push(found);
        continue;
      }
      const id = idOf(found);
      if (byId.has(id))
        problems.push(warning('SERVER_TWICE', 'servers', `server ${id} is listed twice; the first counts`));
      else byId.set(id, found);
    }
  const servers = [...byId.values()];
  if (servers.length <= MOST_SERVERS) return { servers, problems };
  const limit = `the pool has ${servers.length} servers, ${MOST_SERVERS} are used`;
  return {
    servers: servers.slice(0, MOST_SERVERS),
    problems: [...problems, error('SERVER_LIMIT', 'servers', limit)],
  };
}

/** `address:port`, IPv6 in brackets: the identity of a server inside its pool. */
const idOf = (s: Pick<Server, 'address' | 'port'>): string =>
  s.address.includes(':') ? `[${s.address}]:${s.port}` : `${s.address}:${s.port}`;
