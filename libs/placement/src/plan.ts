import { candidates, type Candidates } from './candidates.js';
import { chooseToLeave, electPrimary } from './primary.js';
import { effectiveMin, wanted } from './scale.js';
import {
  counted,
  keeps,
  placementsOf,
  type Group,
  type Placement,
  type VirtualService,
  type World,
} from './world.js';

/**
 * The next thing to do for one VIP. The reconciler asks again after each; nothing remembers what was planned.
 * - `forget`: rows that stand for nothing any more are deleted.
 * - `retire`: rows on SEs that are gone and have been replaced become drains, so that an SE that returns lets go.
 * - `elect`: the primary's role passes on at once.
 * - `start`: an operation is missing.
 * - `await`: something is missing and cannot be had now; asked again when an SE or the configuration changes.
 */
export type Plan =
  | { readonly do: 'nothing' }
  | { readonly do: 'forget'; readonly seUuids: readonly string[] }
  | { readonly do: 'retire'; readonly seUuids: readonly string[] }
  | { readonly do: 'elect'; readonly seUuid: string }
  | {
      readonly do: 'start';
      readonly type: 'place' | 'scaleout' | 'scalein' | 'migrate' | 'unplace';
      readonly fromSe?: string;
      readonly toSe?: string;
      /** The SE becomes a standby: programmed, not admitted (legacy active/standby). */
      readonly standby?: true;
      readonly why: Cause;
    }
  | { readonly do: 'await'; readonly found: Candidates };

/** Why the controller acts by itself. */
export type Cause =
  | 'new'
  | 'below_wanted'
  | 'above_wanted'
  | 'se_lost'
  | 'se_leaves'
  | 'group_changed'
  | 'disabled'
  | 'standby'
  | 'failover';

const nothing: Plan = { do: 'nothing' };

/** What the rows of one VIP need next, in order of urgency. `vs` is undefined when it was deleted. */
export function plan(world: World, vs: VirtualService | undefined, vsUuid: string, vipId: string): Plan {
  const rows = placementsOf(world, vsUuid, vipId);
  const group = vs === undefined ? undefined : world.groups.get(vs.groupUuid);
  if (vs === undefined || group === undefined || !vs.vips.some((v) => v.vipId === vipId))
    return rows.length === 0 ? nothing : { do: 'forget', seUuids: rows.map((p) => p.seUuid) };
  const dead = stale(world, group, rows);
  if (dead.length > 0) return { do: 'forget', seUuids: dead };
  if (!vs.enabled)
    return rows.some((p) => p.desired !== 'drain')
      ? { do: 'start', type: 'unplace', why: 'disabled' }
      : nothing;
  const primary = passOn(world, vs, vipId, rows);
  if (primary !== undefined) return primary;
  return scale(world, vs, vipId, group, rows);
}

/** Rows of SEs that no longer exist, drains that are over, and preparations that nobody finishes. */
function stale(world: World, group: Group, rows: readonly Placement[]): string[] {
  return rows
    .filter((p) => {
      if (!world.serviceEngines.has(p.seUuid)) return true;
      if (p.desired === 'drain') return p.observed === 'drained' || p.drainExpired === true;
      return p.desired === 'prepare' && group.haMode !== 'legacy_active_standby';
    })
    .map((p) => p.seUuid);
}

/** The primary is lost, missing or double: another takes over at once, without an operation. */
function passOn(
  world: World,
  vs: VirtualService,
  vipId: string,
  rows: readonly Placement[],
): Plan | undefined {
  const primaries = rows.filter((p) => p.primary);
  const should = electPrimary(world, vs, vipId);
  if (should === undefined) return undefined;
  if (primaries.length === 1 && primaries[0]?.seUuid === should) return undefined;
  return { do: 'elect', seUuid: should };
}

function scale(
  world: World,
  vs: VirtualService,
  vipId: string,
  group: Group,
  rows: readonly Placement[],
): Plan {
  const here = counted(world, vs, vipId);
  const target = wanted(world, vs, vipId);
  const leaving = rows.filter((p) => p.desired === 'active' && !here.includes(p));
  if (here.length < target) return add(world, vs, vipId, here, leaving, rows);
  const away = leaving.filter((p) => !connected(world, p));
  if (away.length > 0) return { do: 'retire', seUuids: away.map((p) => p.seUuid) };
  const out = leaving[0];
  if (out !== undefined)
    return { do: 'start', type: 'scalein', fromSe: out.seUuid, why: causeOf(world, vs, out) };
  if (here.length > target) {
    const fromSe = chooseToLeave(world, vs, vipId);
    if (fromSe !== undefined) return { do: 'start', type: 'scalein', fromSe, why: 'above_wanted' };
  }
  return group.haMode === 'legacy_active_standby' ? standby(world, vs, vipId, rows) : nothing;
}

const connected = (world: World, p: Placement) => world.serviceEngines.get(p.seUuid)?.connected === true;

function causeOf(world: World, vs: VirtualService, p: Placement): Cause {
  const se = world.serviceEngines.get(p.seUuid);
  if (se === undefined || se.lost) return 'se_lost';
  return se.groupUuid === vs.groupUuid ? 'se_leaves' : 'group_changed';
}

/** Below what is wanted: move from an SE that must go, replace one that is lost, or add one. */
function add(
  world: World,
  vs: VirtualService,
  vipId: string,
  here: readonly Placement[],
  leaving: readonly Placement[],
  rows: readonly Placement[],
): Plan {
  const found = candidates(world, {
    vs,
    vipId,
    leaving: leaving.map((p) => p.seUuid),
    promoteStandby: true,
  });
  const movable = leaving.find((p) => connected(world, p));
  const possible = found.chosen !== undefined || found.createSe;
  if (!possible) {
    if (movable !== undefined && mustGo(world, movable))
      return { do: 'start', type: 'scalein', fromSe: movable.seUuid, why: causeOf(world, vs, movable) };
    if (rows.some((p) => p.desired === 'active')) return { do: 'await', found };
    return { do: 'start', type: 'place', why: 'new' };
  }
  if (movable !== undefined)
    return { do: 'start', type: 'migrate', fromSe: movable.seUuid, why: causeOf(world, vs, movable) };
  const promoted = rows.find((p) => p.desired === 'prepare' && p.seUuid === found.chosen);
  if (promoted !== undefined) return { do: 'start', type: 'place', toSe: promoted.seUuid, why: 'failover' };
  if (here.length === 0 && leaving.length === 0) return { do: 'start', type: 'place', why: 'new' };
  return { do: 'start', type: 'scaleout', why: leaving.length > 0 ? 'se_lost' : 'below_wanted' };
}

/** Disabling an SE, or stopping it, is the operator's word: it drains also where there is no room elsewhere. */
function mustGo(world: World, p: Placement): boolean {
  const se = world.serviceEngines.get(p.seUuid);
  return se !== undefined && (se.enableState === 'disabled' || se.stopping);
}

/** Legacy active/standby: a second SE holds the VIP ready without serving. */
function standby(world: World, vs: VirtualService, vipId: string, rows: readonly Placement[]): Plan {
  const ready = rows.filter((p) => p.desired === 'prepare');
  const kept = ready.filter((p) => {
    const se = world.serviceEngines.get(p.seUuid);
    return keeps(se) && se.groupUuid === vs.groupUuid;
  });
  const gone = ready.filter((p) => !kept.includes(p));
  if (gone.length > 0) return { do: 'forget', seUuids: gone.map((p) => p.seUuid) };
  if (kept.length > 0) return nothing;
  const found = candidates(world, { vs, vipId });
  return found.chosen === undefined
    ? nothing
    : { do: 'start', type: 'place', toSe: found.chosen, standby: true, why: 'standby' };
}

/** Whether the rows of a VIP hold what its group promises; the reason why not, in words. */
export function compromised(world: World, vs: VirtualService, vipId: string): string | undefined {
  const group = world.groups.get(vs.groupUuid);
  if (group === undefined || !vs.enabled) return undefined;
  const here = counted(world, vs, vipId).filter((p) => p.observed === 'active').length;
  const min = group.haMode === 'legacy_active_standby' ? 1 : effectiveMin(group);
  return here < min ? `active on ${here} of at least ${min} service engines` : undefined;
}
