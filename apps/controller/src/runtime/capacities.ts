import type { SeRuntime } from '../database/entities/index.js';
import type { ServerStatus } from './pool-status.js';

/** What one SE says of the capacity of a pool. */
interface Told {
  readonly se_uuid: string;
  readonly fewest: boolean;
  readonly servers: ReadonlyMap<string, { capacity: number; found: boolean; needed: boolean }>;
}

/** By pool: what the SEs said last. */
export type Capacities = ReadonlyMap<string, readonly Told[]>;

/** What a server of a pool takes, over all SEs. */
export interface Capacity {
  /** Requests (or L4 connections) at a time, of those SEs that know something; null where none does. */
  readonly requests: number | null;
  /** Some SE has not met its limit yet. */
  readonly atLeast: boolean;
  /** With fewest servers, of a server that is up: some SE needs it, or has not said so yet; null otherwise. */
  readonly needed: boolean | null;
  readonly bySe: readonly { se_uuid: string; capacity: number; found: boolean; needed: boolean }[];
}

/** From the heartbeats of SEs that are connected; what is not as it should be is left out. */
export function capacitiesOf(runtimes: Iterable<SeRuntime>): Capacities {
  const found = new Map<string, Told[]>();
  for (const { se_uuid, connected, heartbeat } of runtimes) {
    const told = heartbeat?.['capacities'];
    if (!connected || !Array.isArray(told)) continue;
    for (const pool of told as Record<string, unknown>[]) {
      const uuid = String(pool['poolUuid']);
      const rows = Array.isArray(pool['servers']) ? (pool['servers'] as Record<string, unknown>[]) : [];
      const servers = new Map(rows.flatMap((row) => rowOf(row)));
      found.set(uuid, [
        ...(found.get(uuid) ?? []),
        { se_uuid, fewest: pool['fewestServers'] === true, servers },
      ]);
    }
  }
  return found;
}

function rowOf(
  row: Record<string, unknown>,
): [string, { capacity: number; found: boolean; needed: boolean }][] {
  const capacity = Number(row['capacity']);
  if (!(capacity >= 0)) return [];
  return [
    [String(row['server']), { capacity, found: row['found'] === true, needed: row['needed'] === true }],
  ];
}

/**
 * What the SEs say of one server together.
 * @param ses that serve the pool: a server is not needed when each of them says so
 */
export function capacityOf(
  told: readonly Told[],
  server: ServerStatus,
  ses: ReadonlyMap<string, unknown>,
): Capacity {
  const heard = told.filter((t) => ses.has(t.se_uuid));
  const bySe = heard.flatMap(({ se_uuid, servers }) => {
    const row = servers.get(server.id);
    return row === undefined ? [] : [{ se_uuid, ...row }];
  });
  const fewest = heard.some((t) => t.fewest) && server.status.state === 'OPER_UP';
  return {
    requests: bySe.length === 0 ? null : bySe.reduce((sum, row) => sum + row.capacity, 0),
    atLeast: bySe.some((row) => !row.found),
    needed: fewest ? heard.length < ses.size || bySe.some((row) => row.needed) : null,
    bySe,
  };
}

/** With fewest servers: how many of those that are up the load needs, and how many it does not. */
export function excessOf(capacities: readonly (Capacity | undefined)[]): Record<string, number> {
  const told = capacities.filter((c) => c !== undefined && c.needed !== null);
  if (told.length === 0) return {};
  const excess = told.filter((c) => c?.needed === false).length;
  return { num_servers_in_use: told.length - excess, num_servers_excess: excess };
}
