import {
  basisOf,
  rebase,
  type Basis,
  type Distribution,
  type EnableState,
  type Group,
  type HaMode,
  type Placement,
  type ServiceEngine,
  type VirtualService,
} from '@spillway/placement';
import type { PlacementRow, SeRuntime, VsScale } from '../database/entities/index.js';
import type { ObjectView, StoredObject } from '../store/index.js';
import { listOf, numberOf, objectOf, textOf } from './fields.js';

/** Stored objects and rows, as libs/placement sees them. */

const HA_MODES: Readonly<Record<string, HaMode>> = {
  HA_MODE_SHARED: 'n_plus_m',
  HA_MODE_SHARED_PAIR: 'active_active',
  HA_MODE_LEGACY_ACTIVE_STANDBY: 'legacy_active_standby',
};

const ENABLE_STATES: Readonly<Record<string, EnableState>> = {
  SE_STATE_ENABLED: 'enabled',
  SE_STATE_DISABLED_FOR_PLACEMENT: 'disabled_for_placement',
  SE_STATE_DISABLED: 'disabled',
  SE_STATE_DISABLED_FORCE: 'disabled',
};

/** How long an SE that is away keeps a drain that nobody can confirm: `dead_se_detection_timer`, seconds. */
export const deadSeSeconds = (objects: ObjectView): number =>
  numberOf([...objects.byKind('controllerproperties')][0]?.spec, 'dead_se_detection_timer', 360);

/** What a drain may take beyond its own time-out before the controller ends it, in milliseconds. */
export const DRAIN_GRACE_MS = 10_000;

export function groupView(objects: ObjectView, object: StoredObject): Group {
  const { spec } = object;
  const cloud = objects.get(textOf(spec, 'cloud_ref'));
  return {
    uuid: object.uuid,
    name: object.name,
    minScaleoutPerVs: numberOf(spec, 'min_scaleout_per_vs', 1),
    maxScaleoutPerVs: numberOf(spec, 'max_scaleout_per_vs', 4),
    maxVsPerSe: numberOf(spec, 'max_vs_per_se', 10),
    maxSe: numberOf(spec, 'max_se', 10),
    bufferSe: numberOf(spec, 'buffer_se', 1),
    haMode: HA_MODES[textOf(spec, 'ha_mode')] ?? 'n_plus_m',
    algorithm: textOf(spec, 'algo') === 'PLACEMENT_ALGO_DISTRIBUTED' ? 'distributed' : 'packed',
    distribution: textOf(spec, 'vip_distribution', 'host') as Distribution,
    canCreateSe: textOf(cloud?.spec, 'connector', 'none') !== 'none',
  };
}

/** Modes come as Hello carries them: `{ mode, available, reason }`. */
function unavailableModes(modes: readonly unknown[]): Partial<Record<Distribution, string>> {
  const found: Partial<Record<Distribution, string>> = {};
  for (const m of modes as { mode?: string; available?: boolean; reason?: string }[])
    if (m.mode !== undefined && m.available === false)
      found[m.mode as Distribution] = m.reason ?? 'not available';
  return found;
}

const either = (host: Readonly<Record<string, unknown>>, camel: string, snake: string): string =>
  textOf(host, camel) || textOf(host, snake);

export function seView(object: StoredObject, runtime: SeRuntime | undefined): ServiceEngine {
  const host = runtime?.host ?? {};
  const state = runtime?.oper_state ?? 'OPER_DOWN';
  return {
    uuid: object.uuid,
    name: object.name,
    groupUuid: textOf(object.spec, 'se_group_ref'),
    connected: runtime?.connected === true,
    lost: runtime?.connected !== true && state !== 'OPER_UP' && state !== 'OPER_DISABLING',
    enableState: ENABLE_STATES[textOf(object.spec, 'enable_state')] ?? 'enabled',
    stopping: state === 'OPER_DISABLING',
    unavailableModes: unavailableModes(runtime?.modes ?? []),
    netScope: either(host, 'netScope', 'net_scope'),
    hostname: textOf(host, 'hostname'),
  };
}

export function placementView(
  row: PlacementRow,
  now: number,
  seConnected: boolean,
  deadSeMs: number,
): Placement {
  const drained = row.desired_at.getTime() + row.drain_timeout + DRAIN_GRACE_MS;
  return {
    vsUuid: row.vs_uuid,
    vipId: row.vip_id,
    seUuid: row.se_uuid,
    primary: row.primary,
    desired: row.desired,
    observed: row.observed,
    drainExpired: row.desired === 'drain' && now > (seConnected ? drained : drained + deadSeMs),
  };
}

/** The vip_ids that a virtual service has now: those enabled, with an address. */
export function vipIdsOf(objects: ObjectView, vs: StoredObject): string[] {
  const vsvip = objects.get(textOf(vs.spec, 'vsvip_ref'));
  const listed = vsvip === undefined ? listOf(vs.spec, 'vip') : listOf(vsvip.spec, 'vip');
  const ids = listed
    .filter((v) => v['enabled'] !== false && (objectOf(v, 'ip_address') ?? objectOf(v, 'ip6_address')))
    .map((v) => textOf(v, 'vip_id', '0'));
  return [...new Set(ids)];
}

export interface Scale {
  readonly additional: number;
  readonly basis: Basis;
  /** The stored row says otherwise: write this one. */
  readonly changed: boolean;
}

/** The manual factor as it is under the present limits of the group (libs/placement, `rebase`). */
export function scaleOf(row: VsScale | undefined, group: Group, enabled: boolean): Scale {
  const basis = basisOf(group, enabled);
  if (row === undefined) return { additional: 0, basis, changed: true };
  const before = { ...basis, ...(row.basis as Partial<Basis>) };
  const additional = rebase(row.num_additional_se, before, basis);
  const same = (Object.keys(basis) as (keyof Basis)[]).every((k) => before[k] === basis[k]);
  return { additional, basis, changed: !same || additional !== row.num_additional_se };
}

export function vsView(
  objects: ObjectView,
  vs: StoredObject,
  group: Group | undefined,
  scales: ReadonlyMap<string, VsScale>,
): VirtualService {
  const enabled = vs.spec['enabled'] !== false;
  return {
    uuid: vs.uuid,
    name: vs.name,
    groupUuid: textOf(vs.spec, 'se_group_ref'),
    enabled,
    vips: vipIdsOf(objects, vs).map((vipId) => ({
      vipId,
      additional:
        group === undefined ? 0 : scaleOf(scales.get(`${vs.uuid}#${vipId}`), group, enabled).additional,
    })),
  };
}
