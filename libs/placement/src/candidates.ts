import { tieBreak } from './hash.js';
import { refuse, refuseSe, type Refusal, type SeRefusal } from './refusal.js';
import {
  placementsOf,
  virtualServicesOn,
  type Group,
  type ServiceEngine,
  type VirtualService,
  type World,
} from './world.js';

export interface CandidateRequest {
  readonly vs: VirtualService;
  readonly vipId: string;
  /** Only this SE will do. */
  readonly toSe?: string;
  /** SEs that leave the VIP as part of the same change; their network does not bind the choice. */
  readonly leaving?: readonly string[];
  /** SEs that failed in this operation before, with the reason. */
  readonly tried?: Readonly<Record<string, string>>;
  /** A standby of this VIP may be chosen: it becomes active. */
  readonly promoteStandby?: boolean;
}

export interface Candidates {
  /** The SE to use; absent when none can. */
  readonly chosen?: string;
  /** All that could, best first. */
  readonly ranked: readonly string[];
  /** Every other SE of the world, each with its reason. */
  readonly refused: readonly SeRefusal[];
  /** A new SE is better than `chosen` (algorithm `distributed`), or needed (nothing chosen), and may be made. */
  readonly createSe: boolean;
}

/**
 * Which SE takes one more placement of a VIP, and why not the others. Order: a standby that is promoted; SEs on hosts
 * that do not carry the VIP yet; fewer virtual services; the hash of SE and VIP.
 */
export function candidates(world: World, request: CandidateRequest): Candidates {
  const { vs, vipId } = request;
  const group = world.groups.get(vs.groupUuid);
  const refused: SeRefusal[] = [];
  const able: ServiceEngine[] = [];
  for (const se of world.serviceEngines.values()) {
    const why = group === undefined ? groupGone(se, vs) : whyNot(world, group, se, request);
    if (why === undefined) able.push(se);
    else refused.push(why);
  }
  const load = new Map(able.map((se) => [se.uuid, virtualServicesOn(world, se.uuid).size]));
  const own = placementsOf(world, vs.uuid, vipId);
  const standby = new Set(own.filter((p) => p.desired === 'prepare').map((p) => p.seUuid));
  const hosts = new Set(own.map((p) => world.serviceEngines.get(p.seUuid)?.hostname));
  const byHash = tieBreak(vs.uuid, vipId);
  able.sort(
    (a, b) =>
      Number(standby.has(b.uuid)) - Number(standby.has(a.uuid)) ||
      Number(hosts.has(a.hostname)) - Number(hosts.has(b.hostname)) ||
      (load.get(a.uuid) ?? 0) - (load.get(b.uuid) ?? 0) ||
      byHash(a.uuid, b.uuid),
  );
  const ranked = able.map((se) => se.uuid);
  const best = ranked[0];
  return {
    ...(best === undefined ? {} : { chosen: best }),
    ranked,
    refused,
    createSe:
      request.toSe === undefined &&
      group !== undefined &&
      wantsNewSe(world, group, best, best !== undefined ? (load.get(best) ?? 0) : 0),
  };
}

function wantsNewSe(world: World, group: Group, best: string | undefined, bestLoad: number): boolean {
  if (!mayCreateSe(world, group) || (best === undefined && comesBack(world, group))) return false;
  return best === undefined || (group.algorithm === 'distributed' && bestLoad > 0);
}

/** An SE of the group whose channel is interrupted may be back in a moment; whether it is lost shows soon. */
function comesBack(world: World, group: Group): boolean {
  for (const se of world.serviceEngines.values())
    if (
      se.groupUuid === group.uuid &&
      se.enableState === 'enabled' &&
      !se.connected &&
      !se.lost &&
      !se.stopping
    )
      return true;
  return false;
}

/** The cloud lets the controller create one more SE in this group. */
export function mayCreateSe(world: World, group: Group): boolean {
  if (!group.canCreateSe) return false;
  let members = 0;
  for (const se of world.serviceEngines.values()) if (se.groupUuid === group.uuid) members++;
  return members < group.maxSe;
}

const groupGone = (se: ServiceEngine, vs: VirtualService) =>
  refuseSe(se, 'NOT_IN_GROUP', { group: vs.groupUuid });

/** Why this SE cannot take the VIP; undefined when it can. */
export function whyNot(
  world: World,
  group: Group,
  se: ServiceEngine,
  request: CandidateRequest,
): SeRefusal | undefined {
  if (request.toSe !== undefined && se.uuid !== request.toSe) return refuseSe(se, 'NOT_ASKED_FOR');
  if (se.groupUuid !== group.uuid) return refuseSe(se, 'NOT_IN_GROUP', { group: group.name });
  if (se.enableState !== 'enabled') return refuseSe(se, 'SE_DISABLED', { state: se.enableState });
  if (se.stopping) return refuseSe(se, 'SE_STOPPING');
  if (!se.connected || se.lost) return refuseSe(se, 'DISCONNECTED');
  const mine = placementsOf(world, request.vs.uuid, request.vipId).find((p) => p.seUuid === se.uuid);
  if (mine?.desired === 'drain') return refuseSe(se, 'STILL_DRAINING');
  if (mine !== undefined && !(mine.desired === 'prepare' && request.promoteStandby === true))
    return refuseSe(se, 'ALREADY_SERVING');
  const carried = virtualServicesOn(world, se.uuid);
  if (!carried.has(request.vs.uuid) && carried.size >= group.maxVsPerSe)
    return refuseSe(se, 'NO_SPARE_CAPACITY', { used: carried.size, max: group.maxVsPerSe });
  const unreachable = vipUnreachable(world, group, se, request);
  if (unreachable !== undefined) return refuseSe(se, 'VIP_NOT_REACHABLE', { why: unreachable });
  const tried = request.tried?.[se.uuid];
  return tried === undefined ? undefined : refuseSe(se, 'TRIED_BEFORE', { why: tried });
}

/**
 * Why a VIP cannot be carried from there under the group's distribution mode. In `host` mode the SEs of a VIP share
 * one network namespace: an SE in another one would answer for the same address somewhere else.
 */
function vipUnreachable(
  world: World,
  group: Group,
  se: ServiceEngine,
  request: CandidateRequest,
): string | undefined {
  const mode = group.distribution;
  const unavailable = se.unavailableModes[mode];
  if (unavailable !== undefined) return `it cannot do VIP distribution ${mode} (${unavailable})`;
  if (mode !== 'host') return undefined;
  for (const p of placementsOf(world, request.vs.uuid, request.vipId)) {
    if (p.desired === 'drain' || request.leaving?.includes(p.seUuid) === true) continue;
    const other = world.serviceEngines.get(p.seUuid);
    if (other === undefined || other.lost || other.uuid === se.uuid) continue;
    if (other.netScope !== '' && se.netScope !== '' && other.netScope !== se.netScope)
      return `VIP distribution host shares the VIP inside one network namespace, and service engine ${other.name} has it in another one`;
  }
  return undefined;
}

/** The refusal of a request that found no SE, naming each SE of the group with its reason. */
export function noCandidate(group: Group, vs: VirtualService, found: Candidates): Refusal {
  const mine = found.refused.filter((r) => r.code !== 'NOT_IN_GROUP');
  const because = (why: string): Refusal => refuse('NO_CANDIDATE', { group: group.name, vs: vs.name, why });
  if (mine.length === 0) return because('the group has no service engines: start one that enrols into it');
  if (mine.every(servesAlready)) {
    const why = `all it has (${mine.length}) serve it already: start another that enrols into the group`;
    return { ...because(why), code: 'NO_SPARE_CAPACITY' };
  }
  const refusal = because(mine.map((r) => r.reason).join('; '));
  // When all refuse for one cause, the cause is the answer.
  const only = mine[0]?.code;
  const same = only !== undefined && mine.every((r) => r.code === only);
  return same ? { ...refusal, code: only } : withCapacity(refusal, mine);
}

const servesAlready = (r: SeRefusal): boolean => r.code === 'ALREADY_SERVING' || r.code === 'STILL_DRAINING';

/** Where every SE that is not serving already is full, the answer is "no spare capacity". */
function withCapacity(refusal: Refusal, mine: readonly SeRefusal[]): Refusal {
  const others = mine.filter((r) => !servesAlready(r));
  const full = others.length > 0 && others.every((r) => r.code === 'NO_SPARE_CAPACITY');
  return full ? { ...refusal, code: 'NO_SPARE_CAPACITY' } : refusal;
}
