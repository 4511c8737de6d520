import type { SeRuntime } from '../database/entities/index.js';
import type { ServerThrottle } from './pool-status.js';

/** By pool, then by server: what the SEs said last of servers that their passive monitors hold back. */
export type Throttles = ReadonlyMap<string, ReadonlyMap<string, readonly ServerThrottle[]>>;

/** From the heartbeats of SEs that are connected; what is not as it should be is left out. */
export function throttlesOf(runtimes: Iterable<SeRuntime>): Throttles {
  const found = new Map<string, Map<string, ServerThrottle[]>>();
  for (const { se_uuid, connected, heartbeat } of runtimes) {
    const told = heartbeat?.['throttles'];
    if (!connected || !Array.isArray(told)) continue;
    for (const t of told as Record<string, unknown>[]) {
      const [share, since, errorRatio] = [Number(t['share']), Number(t['since']), Number(t['errorRatio'])];
      if (!(share > 0 && share < 1) || !Number.isFinite(since)) continue;
      const servers = getOr(found, String(t['poolUuid']), () => new Map<string, ServerThrottle[]>());
      const row = { se_uuid, share, since: new Date(since), error_ratio: errorRatio };
      getOr(servers, String(t['server']), () => []).push(row);
    }
  }
  return found;
}

function getOr<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
