import type { FilledPool, FilledServer } from '@spillway/model';
import type { Server } from '@spillway/snapshot';
import { ipAddress } from '../address.js';
import { drainingSince } from '../server-life.js';
import type { Lookup } from '../types.js';

/** The kind of the objects that hold what names resolve to; the controller keeps them. */
export const RESOLVED_NAME = 'resolvedname';

/** What is known of a name. */
export interface ResolvedName {
  readonly name: string;
  /** In the order in which they are used: by their text, so that no answer's order moves anything. */
  readonly addresses: readonly ResolvedAddress[];
  /** Why the last answer was of no use; absent when it was. The addresses are those of the last good one. */
  readonly failure?: string;
}

export interface ResolvedAddress {
  readonly address: string;
  /** Milliseconds since 1970; since when the name has not had it any more. */
  readonly gone_at?: number;
  /** All pools that leave addresses which are gone have had the time to do so. */
  readonly over?: boolean;
}

/** One object per name, whoever asks for it. */
export const resolvedNameUuid = (name: string): string => `${RESOLVED_NAME}-${name}`;

const canonicalName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/**
 * The name whose addresses a server of a pool's list has; undefined when it has the one that is written. Beside
 * `resolve_server_by_dns` the address is only where it was last.
 */
export function nameOf(
  server: Pick<FilledServer, 'ip' | 'hostname' | 'resolve_server_by_dns'>,
): string | undefined {
  if (server.ip.type === 'DNS') return canonicalName(server.ip.addr);
  const { hostname = '', resolve_server_by_dns: resolve } = server;
  return resolve && hostname !== '' && ipAddress(hostname) === undefined
    ? canonicalName(hostname)
    : undefined;
}

/** The names that a pool has to have resolved. */
export const namesOf = (pool: FilledPool): string[] => [
  ...new Set((pool.servers ?? []).flatMap((server) => nameOf(server) ?? [])),
];

interface Found {
  readonly address: string;
  /** What it is now when the name does not have it any more. */
  readonly gone?: Pick<Server, 'state' | 'drain_until'>;
}

/**
 * The addresses of a name for one pool. One that the name has lost is left gracefully; then it is forgotten, or stays
 * as a disabled server (`delete_server_on_dns_refresh`).
 */
export function resolvedOf(name: string, pool: FilledPool, lookup: Lookup): Found[] {
  const object = lookup.get(resolvedNameUuid(name));
  if (object?.kind !== RESOLVED_NAME) return [];
  const { addresses } = object.spec as ResolvedName;
  return addresses.flatMap(({ address, gone_at: goneAt, over }) => {
    if (goneAt === undefined) return { address };
    if (over === true && pool.delete_server_on_dns_refresh) return [];
    return { address, gone: drainingSince(goneAt, pool) };
  });
}
