import type { FilledPool, FilledServer } from '@spillway/model';
import type { Server } from '@spillway/snapshot';
import { ipAddress } from '../address.js';
import { stateOf } from '../server-life.js';
import { type Lookup, type Problem, warning } from '../types.js';
import { nameOf, resolvedOf } from './names.js';
import { serverAt, type ServerSource } from './source.js';

/** The pool's own list: addresses, and names with all the addresses that they have. */
export const listed: ServerSource = {
  servers: (pool, lookup) => {
    const lost: Server[] = [];
    const found = (pool.servers ?? []).flatMap((server, i) => serversOf(pool, server, i, lookup, lost));
    const has = new Set(found.flatMap((s) => ('code' in s ? [] : key(s))));
    // What one name has lost another one may have.
    return [...found, ...lost.filter((s) => !has.has(key(s)))];
  },
};

const key = ({ address, port }: Server): string => `${address} ${port}`;

/** @param lost gets the addresses that a name has had and that are to be left */
function serversOf(
  pool: FilledPool,
  server: FilledServer,
  index: number,
  lookup: Lookup,
  lost: Server[],
): (Server | Problem)[] {
  const state = stateOf(server, pool);
  const at = (address: string, hostname: string, is = state): Server =>
    serverAt(address, hostname, is, server, pool);
  const written = ipAddress(server.ip.addr);
  const path = `servers[${index}].ip`;
  const name = nameOf(server);
  if (name === undefined) {
    if (written === undefined)
      return [warning('SERVER_UNUSABLE', path, `server ${server.ip.addr} is not an IP address`)];
    return [at(written, server.hostname || written)];
  }
  const found = resolvedOf(name, pool, lookup);
  for (const { address, gone } of found)
    // A server that its operator took out is out at every address.
    if (gone !== undefined) lost.push(at(address, name, server.enabled ? gone : state));
  const now = found.filter(({ gone }) => gone === undefined);
  if (now.length > 0) return now.map(({ address }) => at(address, name));
  // Until the name is known, the address that was written beside it.
  if (written !== undefined) return [at(written, name)];
  return [warning('SERVER_UNRESOLVED', path, `the name ${name} has no known address yet`)];
}
