import { keeps, virtualServicesOn, type World } from './world.js';

export interface Capacity {
  /** SEs of the group that take placements. */
  readonly serviceEngines: number;
  readonly usedSlots: number;
  readonly freeSlots: number;
  /** Slots that must stay free: `buffer_se` x `max_vs_per_se` (N+M and active/active). */
  readonly reservedSlots: number;
  /** SEs missing for the reserve. */
  readonly missingServiceEngines: number;
}

/** Room in a group, and whether the failure of `buffer_se` SEs would still find some. */
export function capacity(world: World, groupUuid: string): Capacity | undefined {
  const group = world.groups.get(groupUuid);
  if (group === undefined) return undefined;
  let members = 0;
  let usedSlots = 0;
  for (const se of world.serviceEngines.values()) {
    if (se.groupUuid !== groupUuid || !keeps(se) || se.enableState !== 'enabled' || !se.connected) continue;
    members++;
    usedSlots += virtualServicesOn(world, se.uuid).size;
  }
  const freeSlots = Math.max(0, members * group.maxVsPerSe - usedSlots);
  const reservedSlots =
    group.haMode === 'legacy_active_standby' || usedSlots === 0 ? 0 : group.bufferSe * group.maxVsPerSe;
  return {
    serviceEngines: members,
    usedSlots,
    freeSlots,
    reservedSlots,
    missingServiceEngines: Math.ceil(Math.max(0, reservedSlots - freeSlots) / group.maxVsPerSe),
  };
}
