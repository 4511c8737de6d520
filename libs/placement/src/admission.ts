import { candidates, noCandidate, whyNot } from './candidates.js';
import { chooseToLeave } from './primary.js';
import { refuse, type Refusal, type SeRefusal } from './refusal.js';
import { effectiveMin } from './scale.js';
import {
  counted,
  placementsOf,
  type Group,
  type ServiceEngine,
  type VirtualService,
  type World,
} from './world.js';

/** Something under way on the same VIP. */
export interface RunningOperation {
  readonly uuid: string;
  readonly type: string;
}

export interface ActionRequest {
  readonly vs: VirtualService;
  readonly vipId: string;
  readonly running?: RunningOperation | undefined;
  /** Uuid of the SE to scale out or migrate to, or to make primary. */
  readonly toSe?: string | undefined;
  /** Uuid of the SE to scale in or migrate from. */
  readonly fromSe?: string | undefined;
  /** Scale in the primary, where `fromSe` names none. */
  readonly scaleinPrimary?: boolean | undefined;
  /** Scale out or migrate to an SE that is made for it. */
  readonly toNewSe?: boolean | undefined;
}

/** The SEs an accepted action is about; absent where they are chosen later. */
export interface Admitted {
  readonly fromSe?: string;
  readonly toSe?: string;
}

export type Admission =
  | { readonly admitted: Admitted; readonly refusal?: never; readonly refused?: never }
  | { readonly refusal: Refusal; readonly refused?: readonly SeRefusal[]; readonly admitted?: never };

const no = (refusal: Refusal, refused?: readonly SeRefusal[]): Admission =>
  refused === undefined ? { refusal } : { refusal, refused };

/** What every action on a VIP needs. */
function common(world: World, request: ActionRequest): { group: Group } | { refusal: Refusal } {
  const { vs, vipId, running } = request;
  const group = world.groups.get(vs.groupUuid);
  if (group === undefined)
    return {
      refusal: refuse('NO_CANDIDATE', { group: vs.groupUuid, vs: vs.name, why: 'there is no such group' }),
    };
  if (!vs.vips.some((v) => v.vipId === vipId))
    return {
      refusal: refuse('UNKNOWN_VIP', {
        vs: vs.name,
        vip: vipId,
        has: vs.vips.map((v) => v.vipId).join(', ') || 'none',
      }),
    };
  if (!vs.enabled) return { refusal: refuse('VS_DISABLED', { vs: vs.name }) };
  if (running !== undefined)
    return {
      refusal: refuse('OPERATION_RUNNING', { operation: running.uuid, type: running.type, vs: vs.name }),
    };
  return { group };
}

/** One more SE; named, chosen, or made for it. Refused at max, and where no SE can and none may be made. */
export function admitScaleout(world: World, request: ActionRequest): Admission {
  const base = common(world, request);
  if ('refusal' in base) return no(base.refusal);
  const { group } = base;
  const { vs, vipId } = request;
  if (group.haMode === 'legacy_active_standby') return no(refuse('LEGACY_HA', { group: group.name }));
  const current = counted(world, vs, vipId).length;
  if (placementsOf(world, vs.uuid, vipId).every((p) => p.desired === 'drain'))
    return no(refuse('NOT_PLACED', { vs: vs.name }));
  const additional = vs.vips.find((v) => v.vipId === vipId)?.additional ?? 0;
  const scaledTo = Math.max(current, effectiveMin(group) + additional);
  if (scaledTo >= group.maxScaleoutPerVs)
    return no(
      refuse('AT_MAX', { vs: vs.name, current: scaledTo, max: group.maxScaleoutPerVs, group: group.name }),
    );
  return target(world, group, request, []);
}

/** One SE less. Refused at min. */
export function admitScalein(world: World, request: ActionRequest): Admission {
  const base = common(world, request);
  if ('refusal' in base) return no(base.refusal);
  const { group } = base;
  const { vs, vipId } = request;
  const source = leaving(world, request, () => chooseToLeave(world, vs, vipId));
  if (source.refusal !== undefined) return no(source.refusal);
  const current = counted(world, vs, vipId).length;
  const min = effectiveMin(group);
  const leaves = counted(world, vs, vipId).some((p) => p.seUuid === source.se);
  if (leaves && current <= min) return no(refuse('AT_MIN', { vs: vs.name, current, min, group: group.name }));
  return { admitted: { fromSe: source.se } };
}

/** From one SE to another; the primary where no source is named. */
export function admitMigrate(world: World, request: ActionRequest): Admission {
  const base = common(world, request);
  if ('refusal' in base) return no(base.refusal);
  const { vs, vipId } = request;
  const primary = () =>
    placementsOf(world, vs.uuid, vipId).find((p) => p.primary && p.desired === 'active')?.seUuid;
  const source = leaving(world, request, primary);
  if (source.refusal !== undefined) return no(source.refusal);
  const found = target(world, base.group, request, [source.se]);
  return found.admitted === undefined ? found : { admitted: { ...found.admitted, fromSe: source.se } };
}

/** Another SE becomes primary; the best active secondary where none is named. */
export function admitSwitchover(world: World, request: ActionRequest): Admission {
  const base = common(world, request);
  if ('refusal' in base) return no(base.refusal);
  const { vs, vipId } = request;
  const rows = placementsOf(world, vs.uuid, vipId).filter((p) => p.desired === 'active');
  if (rows.length === 0) return no(refuse('NOT_PLACED', { vs: vs.name }));
  if (request.toSe === undefined) {
    const next = rows.find((p) => !p.primary && p.observed === 'active' && connected(world, p.seUuid));
    return next === undefined
      ? no(refuse('NO_CANDIDATE', { group: base.group.name, vs: vs.name, why: 'it has no active secondary' }))
      : { admitted: { toSe: next.seUuid } };
  }
  const se = world.serviceEngines.get(request.toSe);
  if (se === undefined) return no(refuse('UNKNOWN_SE', { se: request.toSe }));
  const row = rows.find((p) => p.seUuid === se.uuid);
  if (row === undefined) return no(notServing(world, vs, se, rows));
  if (row.primary) return no(refuse('ALREADY_PRIMARY', { se: se.name, vs: vs.name }));
  if (row.observed !== 'active' || !se.connected)
    return no(refuse('NOT_ACTIVE', { se: se.name, vs: vs.name }));
  return { admitted: { toSe: se.uuid } };
}

const connected = (world: World, seUuid: string) => world.serviceEngines.get(seUuid)?.connected === true;

function target(world: World, group: Group, request: ActionRequest, leave: readonly string[]): Admission {
  const { vs, vipId } = request;
  // The SE is made, or asked for, by the operation itself.
  if (request.toNewSe === true) return { admitted: {} };
  const wish = { vs, vipId, leaving: leave };
  if (request.toSe !== undefined) {
    const se = world.serviceEngines.get(request.toSe);
    if (se === undefined) return no(refuse('UNKNOWN_SE', { se: request.toSe }));
    const why = whyNot(world, group, se, wish);
    return why === undefined ? { admitted: { toSe: se.uuid } } : no(why, [why]);
  }
  const found = candidates(world, wish);
  if (found.chosen === undefined && !found.createSe) return no(noCandidate(group, vs, found), found.refused);
  return { admitted: {} };
}

function leaving(
  world: World,
  request: ActionRequest,
  choose: () => string | undefined,
): { se: string; refusal?: never } | { refusal: Refusal; se?: never } {
  const { vs, vipId } = request;
  const rows = placementsOf(world, vs.uuid, vipId).filter((p) => p.desired === 'active');
  if (rows.length === 0) return { refusal: refuse('NOT_PLACED', { vs: vs.name }) };
  if (request.fromSe !== undefined) {
    const se = world.serviceEngines.get(request.fromSe);
    if (rows.some((p) => p.seUuid === request.fromSe)) return { se: request.fromSe };
    if (se === undefined) return { refusal: refuse('UNKNOWN_SE', { se: request.fromSe }) };
    return { refusal: notServing(world, vs, se, rows) };
  }
  const se = request.scaleinPrimary === true ? rows.find((p) => p.primary)?.seUuid : choose();
  return se === undefined ? { refusal: refuse('NOT_PLACED', { vs: vs.name }) } : { se };
}

function notServing(
  world: World,
  vs: VirtualService,
  se: ServiceEngine,
  rows: readonly { seUuid: string }[],
): Refusal {
  const has = rows.map((p) => world.serviceEngines.get(p.seUuid)?.name ?? p.seUuid).join(', ');
  return refuse('NOT_SERVING', { se: se.name, vs: vs.name, has: has || 'none' });
}
