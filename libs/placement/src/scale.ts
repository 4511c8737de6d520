import { counted, type Group, type VirtualService, type World } from './world.js';

/** Active/active keeps each virtual service on two SEs at least. */
export const effectiveMin = (group: Group): number =>
  Math.min(
    group.haMode === 'active_active' ? Math.max(2, group.minScaleoutPerVs) : group.minScaleoutPerVs,
    group.maxScaleoutPerVs,
  );

/**
 * SEs asked for: `min_scaleout_per_vs` plus the manual factor, at most `max_scaleout_per_vs`; of a legacy group, one.
 * Reported as `num_se_requested`.
 */
export const requested = (group: Group, additional: number): number =>
  group.haMode === 'legacy_active_standby'
    ? 1
    : Math.min(effectiveMin(group) + additional, group.maxScaleoutPerVs);

/**
 * SEs that a VIP should be on now. A max that was reduced below the present scale takes nothing away (Impact of
 * Changes to Min/Max Scaleout); it only lets nothing be added.
 */
export function wanted(world: World, vs: VirtualService, vipId: string): number {
  const group = world.groups.get(vs.groupUuid);
  const vip = vs.vips.find((v) => v.vipId === vipId);
  if (group === undefined || vip === undefined || !vs.enabled) return 0;
  if (group.haMode === 'legacy_active_standby') return 1;
  const ceiling = Math.max(group.maxScaleoutPerVs, counted(world, vs, vipId).length);
  return Math.min(effectiveMin(group) + vip.additional, ceiling);
}

/**
 * The factor after a scale-in: one less, and never more than what is left stands for, so that a VIP that could not
 * reach its scale is not scaled out again at once.
 */
export const afterScalein = (additional: number, placedNow: number, min: number): number =>
  Math.max(0, Math.min(additional - 1, placedNow - 1 - min));

/** What the factor of a VIP was last reckoned with; kept beside the factor. */
export interface Basis {
  readonly groupUuid: string;
  readonly min: number;
  readonly max: number;
  readonly enabled: boolean;
}

export const basisOf = (group: Group, enabled: boolean): Basis => ({
  groupUuid: group.uuid,
  min: effectiveMin(group),
  max: group.maxScaleoutPerVs,
  enabled,
});

/**
 * The factor after the group's limits, the group itself, or the state of the virtual service changed (newer behaviour
 * of "Impact of Changes to Min/Max Scaleout per Virtual Service"):
 * - min decreased: the factor rises by as much, the scale stays;
 * - min increased: only a scale below the new min is raised to it;
 * - max changed: the factor stays, also where min + factor is above the new max;
 * - enabled again: the scale is at most max;
 * - another group: the destination's min.
 */
export function rebase(additional: number, from: Basis, to: Basis): number {
  if (from.groupUuid !== to.groupUuid) return 0;
  const kept = Math.max(0, from.min + additional - to.min);
  if (!from.enabled && to.enabled) return Math.min(kept, Math.max(0, to.max - to.min));
  return kept;
}
