import type { SeRuntime } from '../database/entities/index.js';

/** On an SE a server ramps up: it has joined its pool of late. */
export interface ServerRamp {
  readonly se_uuid: string;
  /** Of its full share, above 0 and below 1. */
  readonly share: number;
  readonly fullAt: Date;
}

/** What an SE knows of the tasks of a server. */
export interface ServerTasks {
  readonly se_uuid: string;
  readonly told: number;
  readonly toldAt: Date;
  /** With the requests since. */
  readonly tasks: number;
}

/** What the algorithms of the SEs go by at one server. */
export interface Standing {
  readonly ramps: readonly ServerRamp[];
  readonly tasks: readonly ServerTasks[];
}

/** By pool, then by server: what the SEs said last. */
export type Standings = ReadonlyMap<string, ReadonlyMap<string, Standing>>;

export const NO_STANDING: Standing = { ramps: [], tasks: [] };

type Row = Record<string, unknown>;
interface Found {
  ramps: ServerRamp[];
  tasks: ServerTasks[];
}

/** From the heartbeats of SEs that are connected; what is not as it should be is left out. */
export function standingsOf(runtimes: Iterable<SeRuntime>): Standings {
  const found = new Map<string, Map<string, Found>>();
  const at = (row: Row): Found => {
    const servers = getOr(found, String(row['poolUuid']), () => new Map<string, Found>());
    return getOr(servers, String(row['server']), () => ({ ramps: [], tasks: [] }));
  };
  for (const { se_uuid, connected, heartbeat } of runtimes) {
    if (!connected) continue;
    for (const row of rowsOf(heartbeat?.['ramps'])) {
      const [share, fullAt] = [Number(row['share']), Number(row['fullAt'])];
      if (share > 0 && share < 1 && Number.isFinite(fullAt))
        at(row).ramps.push({ se_uuid, share, fullAt: new Date(fullAt) });
    }
    for (const row of rowsOf(heartbeat?.['tasks'])) {
      const [told, toldAt, tasks] = [
        Number(row['told'] ?? 0),
        Number(row['toldAt']),
        Number(row['tasks'] ?? 0),
      ];
      if (told >= 0 && tasks >= 0 && Number.isFinite(toldAt))
        at(row).tasks.push({ se_uuid, told, toldAt: new Date(toldAt), tasks });
    }
  }
  return found;
}

const rowsOf = (told: unknown): Row[] => (Array.isArray(told) ? (told as Row[]) : []);

function getOr<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
