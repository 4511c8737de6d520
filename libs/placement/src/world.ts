/**
 * What placement is decided from. Everything is a plain value read at one moment: the same world always gives the
 * same decision, on every controller replica.
 */

/** How several SEs share one VIP (design, "VIP distribution"). */
export type Distribution = 'host' | 'relay' | 'l2' | 'l2-tunnel' | 'bgp';

/** `ha_mode` of the SE group. */
export type HaMode = 'n_plus_m' | 'active_active' | 'legacy_active_standby';

/**
 * `algo` of the SE group. Both spread virtual services over the SEs there are; they differ in when a new SE is made:
 * `packed` only when no SE has room, `distributed` as long as no SE is idle and the group is below `max_se`.
 */
export type PlacementAlgorithm = 'packed' | 'distributed';

export interface Group {
  readonly uuid: string;
  readonly name: string;
  readonly minScaleoutPerVs: number;
  readonly maxScaleoutPerVs: number;
  /** Virtual services that one SE may carry. */
  readonly maxVsPerSe: number;
  /** SEs that the controller may have in the group; those enrolled by hand are not limited by it. */
  readonly maxSe: number;
  /** SE failures that must find room on the SEs that remain. */
  readonly bufferSe: number;
  readonly haMode: HaMode;
  readonly algorithm: PlacementAlgorithm;
  readonly distribution: Distribution;
  /** True where the cloud of the group lets the controller create SEs ("write access"). */
  readonly canCreateSe: boolean;
}

/** `enable_state` of the SE. `disabled_for_placement` keeps what it carries and takes nothing new. */
export type EnableState = 'enabled' | 'disabled_for_placement' | 'disabled';

export interface ServiceEngine {
  readonly uuid: string;
  readonly name: string;
  readonly groupUuid: string;
  /** Its channel is up now. */
  readonly connected: boolean;
  /** Declared gone, after the grace that follows a lost channel: what it carries needs a replacement. */
  readonly lost: boolean;
  readonly enableState: EnableState;
  /** It was told to stop and drains by itself. */
  readonly stopping: boolean;
  /** Distribution modes that it cannot do, with the reason. A mode that is not named is available. */
  readonly unavailableModes: Readonly<Partial<Record<Distribution, string>>>;
  /** Network namespace, comparable between SEs; empty when it never said. */
  readonly netScope: string;
  readonly hostname: string;
}

/** One VIP of one virtual service on one SE: what is wanted, and what the SE said last. */
export interface Placement {
  readonly vsUuid: string;
  readonly vipId: string;
  readonly seUuid: string;
  readonly primary: boolean;
  readonly desired: 'prepare' | 'active' | 'drain';
  readonly observed: 'pending' | 'prepared' | 'active' | 'draining' | 'drained' | 'failed';
  /** The drain had its time (and, for an SE that is away, the time after which it is given up). */
  readonly drainExpired?: boolean;
}

export interface Vip {
  readonly vipId: string;
  /** The manual scale-out factor, `num_additional_se`. */
  readonly additional: number;
}

export interface VirtualService {
  readonly uuid: string;
  readonly name: string;
  readonly groupUuid: string;
  readonly enabled: boolean;
  readonly vips: readonly Vip[];
}

export interface World {
  readonly groups: ReadonlyMap<string, Group>;
  readonly serviceEngines: ReadonlyMap<string, ServiceEngine>;
  readonly placements: readonly Placement[];
}

interface Index {
  readonly byVip: ReadonlyMap<string, readonly Placement[]>;
  readonly bySe: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A world is asked many times and never changes: what is asked by key is sorted once. */
const indices = new WeakMap<readonly Placement[], Index>();

function indexOf(world: World): Index {
  const known = indices.get(world.placements);
  if (known !== undefined) return known;
  const byVip = new Map<string, Placement[]>();
  const bySe = new Map<string, Set<string>>();
  for (const p of world.placements) {
    const key = `${p.vsUuid}#${p.vipId}`;
    const rows = byVip.get(key);
    if (rows === undefined) byVip.set(key, [p]);
    else rows.push(p);
    const on = bySe.get(p.seUuid);
    if (on === undefined) bySe.set(p.seUuid, new Set([p.vsUuid]));
    else on.add(p.vsUuid);
  }
  const made = { byVip, bySe };
  indices.set(world.placements, made);
  return made;
}

/** The placements of one VIP. */
export const placementsOf = (world: World, vsUuid: string, vipId: string): readonly Placement[] =>
  indexOf(world).byVip.get(`${vsUuid}#${vipId}`) ?? [];

/** An SE that keeps what it carries: there, in service, not on its way out. */
export const keeps = (se: ServiceEngine | undefined): se is ServiceEngine =>
  se !== undefined && !se.lost && !se.stopping && se.enableState !== 'disabled';

/** The placements of one VIP that count toward its scale: wanted active, in the right group, on an SE that keeps them. */
export function counted(world: World, vs: VirtualService, vipId: string): Placement[] {
  return placementsOf(world, vs.uuid, vipId).filter((p) => {
    const se = world.serviceEngines.get(p.seUuid);
    return p.desired === 'active' && keeps(se) && se.groupUuid === vs.groupUuid;
  });
}

/** Distinct virtual services that an SE carries, drains included: they still use its capacity. */
export const virtualServicesOn = (world: World, seUuid: string): ReadonlySet<string> =>
  indexOf(world).bySe.get(seUuid) ?? new Set();
