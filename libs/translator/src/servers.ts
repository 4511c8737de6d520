import type { FilledIpAddrGroup, FilledPool, FilledServer } from '@spillway/model';
import type { Server } from '@spillway/snapshot';
import { addressRange, ipAddress } from './address.js';
import { follow } from './read.js';
import { error, type Lookup, type Problem, warning } from './types.js';

/** Servers of one pool that a snapshot can hold. */
const MOST_SERVERS = 5000;

/** The servers of a pool, from its own list or from its IP group, each address and port once. */
export function serversOf(pool: FilledPool, lookup: Lookup): { servers: Server[]; problems: Problem[] } {
  const listed = (pool.servers ?? []).map((s, i) => serverOf(pool, s, i));
  const grouped = pool.ipaddrgroup_ref === undefined ? [] : fromGroup(pool, pool.ipaddrgroup_ref, lookup);
  const problems: Problem[] = [];
  const byId = new Map<string, Server>();
  for (const found of [...listed, ...grouped]) {
    if ('code' in found) problems.push(found);
    else if (byId.has(idOf(found)))
      problems.push(
        warning('SERVER_TWICE', 'servers', `server ${idOf(found)} is listed twice; the first counts`),
      );
    else byId.set(idOf(found), found);
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

function serverOf(pool: FilledPool, server: FilledServer, index: number): Server | Problem {
  const address = ipAddress(server.ip.addr);
  if (address === undefined)
    return warning(
      'SERVER_UNUSABLE',
      `servers[${index}].ip`,
      `server ${server.ip.addr} is not an IP address; names are not resolved yet`,
    );
  return {
    address,
    port: server.port || pool.default_server_port,
    hostname: (server.hostname || address).slice(0, 255),
    state: stateOf(server, pool),
    ratio: server.ratio,
  };
}

/**
 * `enabled: false` alone is graceful with the pool's time-out, of which 0 means at once; with `disable_immediately`
 * existing connections are reset at once.
 */
function stateOf(server: FilledServer, pool: FilledPool): Server['state'] {
  if (server.enabled) return 'enabled';
  return server.disable_immediately || pool.graceful_disable_timeout === 0 ? 'disabled' : 'draining';
}

function fromGroup(pool: FilledPool, ref: string, lookup: Lookup): (Server | Problem)[] {
  const group = follow(lookup, ref, 'ipaddrgroup');
  if (group === undefined)
    return [warning('GROUP_MISSING', 'ipaddrgroup_ref', `IP group ${ref} does not exist`)];
  const spec = group.spec as FilledIpAddrGroup;
  const server = (addr: string, port: number, hostname?: string): Server | Problem => {
    const address = ipAddress(addr);
    return address === undefined
      ? warning(
          'SERVER_UNUSABLE',
          'ipaddrgroup_ref',
          `${addr} in IP group ${group.name} is not an IP address`,
        )
      : { address, port, hostname: hostname ?? address, state: 'enabled', ratio: 1 };
  };
  const port = pool.default_server_port;
  const skipped = [
    ...(spec.prefixes?.length ? ['prefixes'] : []),
    ...(spec.country_codes?.length ? ['country_codes'] : []),
  ].map((field) =>
    warning(
      'SERVER_UNUSABLE',
      'ipaddrgroup_ref',
      `${field} of IP group ${group.name} give no servers; list addresses`,
    ),
  );
  return [
    ...(spec.addrs ?? []).map((a) => server(a.addr, port)),
    ...(spec.ip_ports ?? []).map((p) => server(p.ip?.addr ?? p.hostname ?? '', p.port, p.hostname)),
    ...(spec.ranges ?? []).flatMap((range) => {
      const addresses = addressRange(range.begin.addr, range.end.addr, MOST_SERVERS + 1);
      return addresses === undefined
        ? [
            warning(
              'SERVER_UNUSABLE',
              'ipaddrgroup_ref',
              `${range.begin.addr} to ${range.end.addr} in IP group ${group.name} is not a range`,
            ),
          ]
        : addresses.map((address) => server(address, port));
    }),
    ...skipped,
  ];
}
