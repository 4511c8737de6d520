import type { FilledPool, FilledServer } from '@spillway/model';
import type { Server } from '@spillway/snapshot';
import type { Lookup, Problem } from '../types.js';

/** What is left of the name or the address of a server in a snapshot. */
export const MOST_HOSTNAME = 255;

/**
 * One way to come to the servers of a pool: a list, names, a group. It is pure: what changes by itself (the addresses
 * of a name, the members of a network) is kept by the controller as an object, which the source reads like any other,
 * so that every service engine gets the same servers and a change of them is an ordinary delivery. A further way is a
 * further source, and whoever keeps its objects current.
 */
export interface ServerSource {
  /** The servers that it gives this pool, in order, and why others are left out. */
  servers(pool: FilledPool, lookup: Lookup): readonly (Server | Problem)[];
}

/** The port of a server; 0 where it is that of the virtual service (Disable Port Translation). */
export const portOf = (pool: FilledPool, own: number | undefined): number =>
  pool.use_service_port ? 0 : own || pool.default_server_port;

/** A server of a pool's list at one of its addresses. */
export function serverAt(
  address: string,
  hostname: string,
  state: Pick<Server, 'state' | 'drain_until'>,
  server: FilledServer,
  pool: FilledPool,
): Server {
  const value = server.prst_hdr_val ?? '';
  return {
    address,
    port: portOf(pool, server.port),
    hostname: hostname.slice(0, MOST_HOSTNAME),
    ...state,
    ratio: server.ratio,
    ...(value === '' || value.length > MOST_VALUE ? {} : { prst_hdr_val: value }),
    ...(server.rewrite_host_header ? { rewrite_host_header: true } : {}),
  };
}

const MOST_VALUE = 255;
