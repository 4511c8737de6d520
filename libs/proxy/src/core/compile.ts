import { isDeepStrictEqual } from 'node:util';
import {
  type PersistenceProfile,
  type Placement,
  type Pool as PoolSpec,
  type PoolGroup as PoolGroupSpec,
  type PoolShare,
  poolsOf,
  type Server,
  type Snapshot,
  usedBy,
  type VirtualService,
} from '@spillway/snapshot';
import { PlaneConfigError, type PlaneConfig } from '../api.js';
import { rulesOf } from '../http/compile-rules.js';
import { compileClientTls, compileServerTls, type CompiledClientTls } from '../tls/compile.js';
import type { Targets } from '../http/policy/policy-rules.js';
import type { PlaneContext } from './context.js';
import { ServiceLimits } from '../limits/service-limits.js';
import { type CompiledPolicies, compilePolicies, type PolicyParts, policyParts } from './policies.js';
import { errorRulesOf } from './errors.js';
import { PoolGroup } from './pool-group.js';
import { L4Rules } from '../tcp/rules.js';
import type { SocketOptions } from '../transport/seam.js';
import { Pool, type Places } from './pool.js';
import { Ranges } from './ranges.js';
import type { Room } from './room.js';
import { ServerRuntime } from './server.js';
import { UpRule } from './up-rule.js';
import { DISABLED, leaving, lifeOf, Lives } from './server-life.js';
import type { ServiceConfig } from './service.js';
import { shareOf } from './share.js';

/** The key of a server in the slots: its identity. */
export const serverKey = (poolUuid: string, s: Pick<Server, 'address' | 'port'>): string =>
  `${poolUuid}/${s.address.includes(':') ? `[${s.address}]` : s.address}:${s.port}`;

/** What was made of one pool, to be used again while the pool stays the same. */
interface CompiledPool {
  readonly spec: PoolSpec;
  /** Identity of each server. */
  readonly keys: readonly string[];
  readonly slots: Int32Array;
  readonly pool: Pool;
  readonly tls: CompiledClientTls;
  readonly profile: PersistenceProfile | null;
}

/** Everything that requests look at, made of one configuration; nothing of it is live before `commit`. */
export interface Compiled {
  readonly pools: Map<string, CompiledPool>;
  readonly servers: Map<string, ServerRuntime>;
  readonly services: Map<string, ServiceConfig>;
  readonly groups: Map<string, PoolGroup>;
  /** By virtual service. */
  readonly policies: Map<string, CompiledPolicies>;
}

/** Frees the TLS contexts of one configuration that another one does not use. */
export function disposeTls(of: Compiled, unlessIn: Compiled): void {
  const used = new Set<unknown>();
  for (const { tls } of unlessIn.services.values()) used.add(tls);
  for (const { tls } of unlessIn.pools.values()) used.add(tls.context);
  for (const { tls } of of.services.values()) if (tls !== null && !used.has(tls)) tls.dispose();
  for (const { tls } of of.pools.values())
    if (tls.context !== null && !used.has(tls.context)) tls.context.dispose();
}

export const nothingCompiled = (): Compiled => ({
  pools: new Map(),
  servers: new Map(),
  services: new Map(),
  groups: new Map(),
  policies: new Map(),
});

/**
 * Makes the immutable objects of a configuration, using again what has not changed. Changes nothing that is live:
 * when it throws, the running configuration is untouched.
 * @throws {PlaneConfigError} naming what has no slot
 */
export function compile(context: PlaneContext, config: PlaneConfig, before: Compiled): Compiled {
  const after = nothingCompiled();
  try {
    compileInto(after, context, config, before);
  } catch (error) {
    disposeTls(after, before);
    throw error;
  }
  return after;
}

function compileInto(after: Compiled, context: PlaneContext, config: PlaneConfig, before: Compiled): void {
  for (const spec of config.snapshot.pools) compilePool(context, config, spec, before, after);
  for (const spec of config.snapshot.pool_groups ?? [])
    compileGroup(spec, context.block.index, before, after);
  const sharers = sharersOf(config.snapshot.placements);
  const parts = policyParts(config.snapshot);
  for (const spec of config.snapshot.virtual_services)
    compileService(context, config, spec, sharers.get(spec.uuid) ?? 1, parts, before, after);
  for (const { virtual_service_uuid: uuid } of config.snapshot.placements) {
    if (!after.services.has(uuid))
      throw new PlaneConfigError(`placement of ${uuid}: the virtual service is not in the snapshot`);
    slotOf(config.slots.virtual_services, uuid, context.mapping.layout.virtualServices, 'virtual service');
  }
}

function compilePool(
  context: PlaneContext,
  config: PlaneConfig,
  spec: PoolSpec,
  before: Compiled,
  after: Compiled,
): void {
  const old = before.pools.get(spec.uuid);
  const sameSpec = old !== undefined && equal(old.spec, spec);
  const keys = sameSpec ? old.keys : spec.servers.map((s) => serverKey(spec.uuid, s));
  const most = context.mapping.layout.servers;
  const tls = compileClientTls(spec, config.snapshot, old?.tls);
  const profile = profileOf(config, spec);
  const places = placesOf(context, config, spec);
  const room = old?.pool.room ?? null;
  let same =
    sameSpec &&
    old.tls === tls &&
    equal(old.profile, profile) &&
    room?.slot === places?.slot &&
    room?.most === places?.most;
  const slots = new Int32Array(keys.length);
  const servers = keys.map((key, i) => {
    if (after.servers.has(key)) throw new PlaneConfigError(`server ${key} occurs twice`);
    const slot = slotOf(config.slots.servers, key, most, 'server');
    slots[i] = slot;
    const { address, port } = spec.servers[i]!;
    const server = before.servers.get(key) ?? new ServerRuntime(context, key, address, port, slot);
    after.servers.set(key, server);
    same &&= old!.slots[i] === slot && old!.pool.servers[i] === server;
    return server;
  });
  after.pools.set(
    spec.uuid,
    same && old !== undefined
      ? old
      : {
          spec,
          keys,
          slots,
          pool: new Pool(context, spec, servers, slots, old?.pool ?? null, tls, profile, places),
          tls,
          profile,
        },
  );
}

function profileOf({ snapshot }: PlaneConfig, pool: PoolSpec): PersistenceProfile | null {
  const uuid = pool.persistence_profile_uuid;
  if (uuid === undefined) return null;
  const profile = snapshot.persistence_profiles?.find((p) => p.uuid === uuid);
  if (profile !== undefined) return profile;
  throw new PlaneConfigError(`pool ${pool.uuid}: persistence profile ${uuid} is not in the snapshot`);
}

/** What a pool allows its servers here, and where that is counted; null when it limits nothing. */
function placesOf(
  context: PlaneContext,
  { snapshot, slots }: PlaneConfig,
  { uuid, max_connections: limit }: PoolSpec,
): Places | null {
  if (limit === undefined) return null;
  const slot = slotOf(slots.pools ?? {}, uuid, context.mapping.layout.pools, 'pool');
  let share: PoolShare | undefined;
  for (const { pool_shares: shares } of snapshot.placements)
    share ??= shares?.find((s) => s.pool_uuid === uuid);
  return { slot, most: share === undefined ? limit : shareOf(limit, share.sharers, share.place) };
}

/** Parts that have not changed mostly come as the same object. */
const equal = (a: unknown, b: unknown): boolean => a === b || isDeepStrictEqual(a, b);

/** How many SEs share the limits of each virtual service: as many as serve its widest VIP. */
function sharersOf(placements: readonly Placement[]): Map<string, number> {
  const sharers = new Map<string, number>();
  for (const { virtual_service_uuid: uuid, sharers: n = 1 } of placements)
    sharers.set(uuid, Math.max(n, sharers.get(uuid) ?? 1));
  return sharers;
}

function compileService(
  context: PlaneContext,
  config: PlaneConfig,
  spec: VirtualService,
  sharers: number,
  parts: PolicyParts,
  before: Compiled,
  after: Compiled,
): void {
  const pool = spec.pool_uuid === undefined ? null : (after.pools.get(spec.pool_uuid)?.pool ?? undefined);
  if (pool === undefined)
    throw new PlaneConfigError(`virtual service ${spec.uuid}: pool ${spec.pool_uuid} is not in the snapshot`);
  const group = groupOf(spec, after);
  const policies = compilePolicies(context, spec, sharers, parts, before.policies.get(spec.uuid), equal);
  after.policies.set(spec.uuid, policies);
  const targets = targetsOf(spec, parts, after);
  const old = before.services.get(spec.uuid);
  const { contexts: tls, problem: tlsProblem } = compileServerTls(
    spec,
    config.snapshot,
    old && { contexts: old.tls, problem: old.tlsProblem },
  );
  if (tls !== null && persistsByTls(config.snapshot, spec)) tls.markSessions();
  const l4 = l4RulesOf(spec, after);
  const up = upRuleOf(spec, config.snapshot, after);
  const same =
    old !== undefined &&
    old.pool === pool &&
    old.group === group &&
    old.sharers === sharers &&
    old.tls === tls &&
    old.tlsProblem?.message === tlsProblem?.message &&
    policies === before.policies.get(spec.uuid) &&
    sameTargets(targets, before) &&
    sameOf(old.l4?.targets, l4?.targets) &&
    sameOf(old.up?.pools, up?.pools) &&
    equal(old.spec, spec);
  after.services.set(
    spec.uuid,
    same
      ? old
      : {
          spec,
          pool,
          tls,
          tlsProblem,
          group,
          l4,
          errors: errorRulesOf(spec.error_exclusions),
          options: optionsOf(spec),
          proxied: proxiedOf(spec),
          sharers,
          network: policies.network,
          targets,
          up,
          limits: limitsOf(context, spec, sharers),
          rules: rulesOf(context, spec, sharers, policies.http, targets),
        },
  );
}

/** One of its pools leads clients back by their TLS session. */
function persistsByTls(snapshot: Snapshot, spec: VirtualService): boolean {
  const profiles = (snapshot.persistence_profiles ?? []).filter((p) => p.by.type === 'tls');
  if (profiles.length === 0) return false;
  const pools = poolsOf(snapshot, spec);
  return snapshot.pools.some(
    (pool) => pools.has(pool.uuid) && profiles.some((p) => p.uuid === pool.persistence_profile_uuid),
  );
}

function compileGroup(spec: PoolGroupSpec, turn: number, before: Compiled, after: Compiled): void {
  const pools = new Map<string, Pool>();
  for (const { pool_uuid: uuid } of spec.members) {
    const pool = after.pools.get(uuid)?.pool;
    if (pool === undefined)
      throw new PlaneConfigError(`pool group ${spec.uuid}: pool ${uuid} is not in the snapshot`);
    pools.set(uuid, pool);
  }
  const old = before.groups.get(spec.uuid);
  const same =
    old !== undefined &&
    equal(old.spec, spec) &&
    [...pools].every(([uuid, pool]) => before.pools.get(uuid)?.pool === pool);
  after.groups.set(spec.uuid, same ? old : new PoolGroup(spec, pools, old ?? null, turn));
}

function groupOf({ uuid, pool_group_uuid }: VirtualService, after: Compiled): PoolGroup | null {
  if (pool_group_uuid === undefined) return null;
  const group = after.groups.get(pool_group_uuid);
  if (group !== undefined) return group;
  throw new PlaneConfigError(`virtual service ${uuid}: pool group ${pool_group_uuid} is not in the snapshot`);
}

/** Pools and groups that the policies of a virtual service may send requests to. */
function targetsOf(spec: VirtualService, parts: PolicyParts, after: Compiled): Targets {
  const pools = new Map<string, Pool>();
  const groups = new Map<string, PoolGroup>();
  for (const uuid of spec.http_policy_set_uuids ?? []) {
    const used = usedBy(parts.sets.get(uuid)!);
    for (const pool of used.pools) pools.set(pool, target(after.pools.get(pool)?.pool, spec, pool));
    for (const uuidOfGroup of used.poolGroups) {
      const group = target(after.groups.get(uuidOfGroup), spec, uuidOfGroup);
      groups.set(uuidOfGroup, group);
      for (const { pool_uuid: pool } of group.spec.members)
        pools.set(pool, target(after.pools.get(pool)?.pool, spec, pool));
    }
  }
  return { pools, groups };
}

function target<T>(found: T | undefined, spec: VirtualService, uuid: string): T {
  if (found !== undefined) return found;
  throw new PlaneConfigError(`virtual service ${spec.uuid}: ${uuid} is not in the snapshot`);
}

const sameTargets = ({ pools, groups }: Targets, before: Compiled): boolean =>
  [...pools].every(([uuid, pool]) => before.pools.get(uuid)?.pool === pool) &&
  [...groups].every(([uuid, group]) => before.groups.get(uuid) === group);

function l4RulesOf({ uuid, l4_rules: rules }: VirtualService, after: Compiled): L4Rules | null {
  if (rules === undefined || rules.length === 0) return null;
  return new L4Rules(rules, ({ name, pool_uuid: pool = '', pool_group_uuid: group = '' }) => {
    const found = after.pools.get(pool)?.pool ?? after.groups.get(group);
    if (found === undefined)
      throw new PlaneConfigError(
        `virtual service ${uuid}: ${pool}${group} of rule ${name} is not in the snapshot`,
      );
    return found;
  });
}

function upRuleOf(spec: VirtualService, snapshot: Snapshot, after: Compiled): UpRule | null {
  if (spec.close_when_down === undefined) return null;
  return UpRule.of(
    spec,
    [...poolsOf(snapshot, spec)].flatMap((uuid) => after.pools.get(uuid)?.pool ?? []),
  );
}

const sameOf = (a: readonly unknown[] = [], b: readonly unknown[] = []): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

const optionsOf = ({ tcp_options: options }: VirtualService): SocketOptions | null =>
  options === undefined
    ? null
    : { nagle: options.nagle ?? false, dscp: options.dscp ?? 0, maxSegment: options.max_segment ?? 0 };

function proxiedOf({ accept_proxy: accept }: VirtualService): ((address: string) => boolean) | null {
  if (accept === undefined) return null;
  if (accept.from === undefined) return () => true;
  const ranges = new Ranges(accept.from);
  return (address) => ranges.has(address);
}

function limitsOf(
  context: PlaneContext,
  { uuid, limits }: VirtualService,
  sharers: number,
): ServiceLimits | null {
  const matter = limits?.max_connections !== undefined || limits?.rates.some((r) => r.of === 'connections');
  return limits === undefined || matter !== true ? null : new ServiceLimits(context, uuid, limits, sharers);
}

export function slotOf(slots: Record<string, number>, key: string, most: number, what: string): number {
  const slot = Object.hasOwn(slots, key) ? slots[key]! : -1;
  if (!Number.isInteger(slot) || slot < 0 || slot >= most)
    throw new PlaneConfigError(`${what} ${key} has no slot in the shared mapping (0 to ${most - 1})`);
  return slot;
}

/**
 * Makes the servers of `after` what its pools say of them, and lets the others go: those that were taken out of their
 * pool at once, those whose pool nobody uses any more gracefully.
 */
export function commitServers(before: Compiled, after: Compiled, now: number): ServerRuntime[] {
  const gone: ServerRuntime[] = [];
  const lives = new Lives();
  for (const [uuid, compiled] of before.pools)
    if (after.pools.get(uuid)?.pool !== compiled.pool)
      compiled.pool.retire(after.pools.get(uuid)?.pool ?? null);
  for (const [key, server] of before.servers) {
    if (after.servers.has(key)) continue;
    const { spec } = server.pool ?? {};
    const removed = spec !== undefined && after.pools.has(spec.uuid);
    if (removed) lives.set(server, DISABLED);
    else if (server.state === 'enabled') lives.set(server, leaving(spec));
    gone.push(server);
  }
  linkBackups(after);
  for (const { spec, slots, pool } of after.pools.values())
    pool.servers.forEach((server, place) => {
      server.pool = pool;
      server.place = place;
      server.feed = pool.feed;
      server.maxIdle = spec.max_idle_connections;
      server.moveTo(slots[place]!);
      lives.set(server, lifeOf(spec, spec.servers[place]!, now));
    });
  lives.enforce();
  for (const [uuid, { pool }] of after.pools)
    if (before.pools.get(uuid)?.pool !== pool) pool.room?.adopt(pool);
  return gone;
}

/** Fail actions name pools, which may have changed though they themselves have not. */
function linkBackups(after: Compiled): void {
  const poolOf = (uuid: string): Pool | null => after.pools.get(uuid)?.pool ?? null;
  for (const { pool } of after.pools.values()) pool.failAction?.link(poolOf);
  for (const group of after.groups.values()) group.failAction?.link(poolOf);
}

/** The rooms of `after`, and those of `before` that none of them goes on with. */
export function roomsOf(before: Compiled, after: Compiled): { live: Room[]; left: Room[] } {
  const live: Room[] = [];
  for (const { pool } of after.pools.values()) if (pool.room !== null) live.push(pool.room);
  const left: Room[] = [];
  for (const [uuid, { pool }] of before.pools)
    if (pool.room !== null && (after.pools.get(uuid)?.pool.room ?? null) === null) left.push(pool.room);
  return { live, left };
}
