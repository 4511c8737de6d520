import { tieBreak } from './hash.js';
import {
  keeps,
  placementsOf,
  virtualServicesOn,
  type Placement,
  type VirtualService,
  type World,
} from './world.js';

/**
 * Which SE should be the primary of a VIP: the present one while it can be; else an active one, before one that still
 * gets ready; ties by hash. `not` leaves out SEs on their way out. Undefined when nobody serves.
 */
export function electPrimary(
  world: World,
  vs: Pick<VirtualService, 'uuid'>,
  vipId: string,
  not: readonly string[] = [],
): string | undefined {
  const able = placementsOf(world, vs.uuid, vipId).filter(
    (p) => p.desired === 'active' && !not.includes(p.seUuid),
  );
  const byHash = tieBreak(vs.uuid, vipId);
  const rank = (p: Placement) => {
    const se = world.serviceEngines.get(p.seUuid);
    const there = keeps(se) ? (se.connected ? 0 : 1) : 2;
    return there * 4 + (p.observed === 'active' ? 0 : p.observed === 'failed' ? 2 : 1);
  };
  const present = able.filter((p) => p.primary);
  const incumbent = present.length === 1 ? present[0] : undefined;
  // A primary gives way only to loss, not to a brief trouble: a role that moves costs more than it helps.
  if (incumbent !== undefined && keeps(world.serviceEngines.get(incumbent.seUuid))) return incumbent.seUuid;
  able.sort((a, b) => rank(a) - rank(b) || byHash(a.seUuid, b.seUuid));
  return able[0]?.seUuid;
}

/**
 * Which SE a VIP leaves when none is named: one that does not serve, then the busiest by virtual services; the
 * primary last.
 */
export function chooseToLeave(world: World, vs: VirtualService, vipId: string): string | undefined {
  const rows = placementsOf(world, vs.uuid, vipId).filter((p) => p.desired === 'active');
  const load = (seUuid: string) => virtualServicesOn(world, seUuid).size;
  const serves = (p: Placement) => {
    const se = world.serviceEngines.get(p.seUuid);
    return keeps(se) && se.groupUuid === vs.groupUuid && se.connected && p.observed === 'active';
  };
  const byHash = tieBreak(vs.uuid, vipId);
  rows.sort(
    (a, b) =>
      Number(serves(a)) - Number(serves(b)) ||
      Number(a.primary) - Number(b.primary) ||
      load(b.seUuid) - load(a.seUuid) ||
      byHash(b.seUuid, a.seUuid),
  );
  return rows[0]?.seUuid;
}
