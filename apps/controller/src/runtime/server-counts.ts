import type { SeRuntime } from '../database/entities/index.js';

/** What an SE has at a server of a pool. */
export interface ServerCount {
  readonly se_uuid: string;
  /** Connections, the idle ones too. */
  readonly open: number;
  /** Requests and L4 connections under way. */
  readonly active: number;
}

/** By pool, then by server: what the SEs said last. */
export type ServerCounts = ReadonlyMap<string, ReadonlyMap<string, readonly ServerCount[]>>;

/** From the heartbeats of SEs that are connected; what is not as it should be is left out. */
export function countsOf(runtimes: Iterable<SeRuntime>): ServerCounts {
  const found = new Map<string, Map<string, ServerCount[]>>();
  for (const { se_uuid, connected, heartbeat } of runtimes) {
    const told = heartbeat?.['servers'];
    if (!connected || !Array.isArray(told)) continue;
    for (const row of told as Record<string, unknown>[]) {
      const [open, active] = [Number(row['connectionsOpen'] ?? 0), Number(row['connectionsActive'] ?? 0)];
      const [pool, server] = [row['poolUuid'], row['server']];
      if (!(open >= 0) || !(active >= 0) || typeof pool !== 'string' || typeof server !== 'string') continue;
      const servers = found.get(pool) ?? new Map<string, ServerCount[]>();
      found.set(pool, servers);
      const counts = servers.get(server) ?? [];
      servers.set(server, counts);
      counts.push({ se_uuid, open, active });
    }
  }
  return found;
}

export const sumOf = (counts: readonly ServerCount[]): { open: number; active: number } => ({
  open: counts.reduce((sum, c) => sum + c.open, 0),
  active: counts.reduce((sum, c) => sum + c.active, 0),
});
