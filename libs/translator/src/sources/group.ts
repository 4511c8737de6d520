import type { FilledIpAddrGroup, FilledPool } from '@spillway/model';
import type { Server } from '@spillway/snapshot';
import { addressRange, ipAddress } from '../address.js';
import { follow } from '../read.js';
import { type Lookup, type Problem, warning } from '../types.js';
import { MOST_HOSTNAME, portOf, type ServerSource } from './source.js';

const PATH = 'ipaddrgroup_ref';
const unusable = (text: string): Problem => warning('SERVER_UNUSABLE', PATH, text);

/** An IP group: addresses and ranges, and addresses with ports. Its members have none of what a listed server has. */
export const group: ServerSource = {
  servers: (pool, lookup) =>
    pool.ipaddrgroup_ref === undefined ? [] : membersOf(pool, pool.ipaddrgroup_ref, lookup),
};

function membersOf(pool: FilledPool, ref: string, lookup: Lookup): (Server | Problem)[] {
  const object = follow(lookup, ref, 'ipaddrgroup');
  if (object === undefined) return [warning('GROUP_MISSING', PATH, `IP group ${ref} does not exist`)];
  const { name } = object;
  const spec = object.spec as FilledIpAddrGroup;
  const member = (addr: string, port: number | undefined, hostname?: string): Server | Problem => {
    const address = ipAddress(addr);
    if (address === undefined) return unusable(`${addr} in IP group ${name} is not an IP address`);
    const called = (hostname ?? address).slice(0, MOST_HOSTNAME);
    return { address, port: portOf(pool, port), hostname: called, state: 'enabled', ratio: 1 };
  };
  return [
    ...(spec.addrs ?? []).map((a) => member(a.addr, undefined)),
    ...(spec.ip_ports ?? []).map((p) => member(p.ip?.addr ?? p.hostname ?? '', p.port, p.hostname)),
    ...(spec.ranges ?? []).flatMap(({ begin, end }) => {
      const addresses = addressRange(begin.addr, end.addr, MOST_IN_RANGE);
      return addresses === undefined
        ? [unusable(`${begin.addr} to ${end.addr} in IP group ${name} is not a range`)]
        : addresses.map((address) => member(address, undefined));
    }),
    ...notServers(spec).map((field) =>
      unusable(`${field} of IP group ${name} give no servers; list addresses`),
    ),
  ];
}

/** One more than a pool can have, so that too many are noticed. */
const MOST_IN_RANGE = 5001;

const notServers = (spec: FilledIpAddrGroup): string[] => [
  ...(spec.prefixes?.length ? ['prefixes'] : []),
  ...(spec.country_codes?.length ? ['country_codes'] : []),
];
