import { SnapshotError } from './error.js';
import type {
  HttpPolicySet,
  Placement,
  Pool,
  RequestMatch,
  Snapshot,
  VirtualService,
} from './schema/index.js';

/** The key of a placement: one per virtual service and VIP. */
export const placementKey = (p: Pick<Placement, 'virtual_service_uuid' | 'vip_id'>): string =>
  `${p.virtual_service_uuid}#${p.vip_id}`;

/** A snapshot whose parts refer to something that is not in it is refused whole. */
export function checkReferences(s: Snapshot): void {
  const known = {
    pool: uuids(s.pools),
    'health monitor': uuids(s.health_monitors),
    'virtual service': uuids(s.virtual_services),
    'pool group': uuids(s.pool_groups),
    'policy set': uuids(s.http_policy_sets),
    'network policy': uuids(s.network_policies),
    'string group': uuids(s.string_groups),
    'address group': uuids(s.address_groups),
    'persistence profile': uuids(s.persistence_profiles),
    certificate: uuids(s.certificates),
  };
  const need = (from: string, what: keyof typeof known, uuid: string | undefined): void => {
    if (uuid !== undefined && !known[what].has(uuid))
      throw new SnapshotError(from, `${what} ${uuid} is not in the snapshot`);
  };
  for (const v of s.virtual_services) {
    const from = `virtual_service/${v.uuid}`;
    need(from, 'pool', v.pool_uuid);
    need(from, 'pool group', v.pool_group_uuid);
    need(from, 'network policy', v.network_policy_uuid);
    for (const set of v.http_policy_set_uuids ?? []) need(from, 'policy set', set);
    for (const rule of v.l4_rules ?? []) {
      need(from, 'pool', rule.pool_uuid);
      need(from, 'pool group', rule.pool_group_uuid);
    }
    for (const c of v.tls?.certificate_uuids ?? []) need(from, 'certificate', c);
  }
  for (const p of s.pools) {
    for (const m of p.health_monitor_uuids) need(`pool/${p.uuid}`, 'health monitor', m);
    need(`pool/${p.uuid}`, 'certificate', p.tls?.certificate_uuid);
    need(`pool/${p.uuid}`, 'persistence profile', p.persistence_profile_uuid);
    need(`pool/${p.uuid}`, 'pool', backupPoolOf(p));
  }
  for (const { uuid, check } of s.health_monitors)
    if (check.type === 'http') need(`health_monitor/${uuid}`, 'certificate', check.tls?.certificate_uuid);
  for (const g of s.pool_groups ?? []) {
    for (const m of g.members) need(`pool_group/${g.uuid}`, 'pool', m.pool_uuid);
    need(`pool_group/${g.uuid}`, 'pool', backupPoolOf(g));
  }
  for (const set of s.http_policy_sets ?? []) {
    const from = `http_policy_set/${set.uuid}`;
    const used = usedBy(set);
    for (const uuid of used.pools) need(from, 'pool', uuid);
    for (const uuid of used.poolGroups) need(from, 'pool group', uuid);
    for (const uuid of used.stringGroups) need(from, 'string group', uuid);
    for (const uuid of used.addressGroups) need(from, 'address group', uuid);
  }
  for (const p of s.network_policies ?? [])
    for (const { client_ip } of p.rules)
      for (const uuid of client_ip?.address_group_uuids ?? [])
        need(`network_policy/${p.uuid}`, 'address group', uuid);
  for (const p of s.placements)
    need(`placement/${placementKey(p)}`, 'virtual service', p.virtual_service_uuid);
}

const uuids = (list: readonly { uuid: string }[] | undefined): ReadonlySet<string> =>
  new Set((list ?? []).map((one) => one.uuid));

/** The pool that serves in place of a pool or group, by its fail action. */
export const backupPoolOf = ({ fail_action: action }: Pick<Pool, 'fail_action'>): string | undefined =>
  action?.type === 'backup_pool' ? action.pool_uuid : undefined;

/** What the rules of a policy set refer to. */
export interface UsedByPolicySet {
  readonly pools: ReadonlySet<string>;
  readonly poolGroups: ReadonlySet<string>;
  readonly stringGroups: ReadonlySet<string>;
  readonly addressGroups: ReadonlySet<string>;
}

export function usedBy(set: HttpPolicySet): UsedByPolicySet {
  const used = {
    pools: new Set<string>(),
    poolGroups: new Set<string>(),
    stringGroups: new Set<string>(),
    addressGroups: new Set<string>(),
  };
  const texts = (tests: readonly ({ string_group_uuids: readonly string[] } | undefined)[]): void => {
    for (const test of tests) for (const uuid of test?.string_group_uuids ?? []) used.stringGroups.add(uuid);
  };
  const requests = (match: RequestMatch): void => {
    for (const test of [match.client_ip, match.source_ip])
      for (const uuid of test?.address_group_uuids ?? []) used.addressGroups.add(uuid);
    texts([match.host, match.path, match.query, match.cookie, ...match.headers]);
  };
  for (const { match } of set.security) requests(match);
  for (const { match, switching } of set.request) {
    requests(match);
    if (switching?.to === 'pool') used.pools.add(switching.pool_uuid);
    if (switching?.to === 'pool_group') used.poolGroups.add(switching.pool_group_uuid);
  }
  for (const { match } of set.response) {
    requests(match.request);
    texts([match.location, ...match.headers]);
  }
  return used;
}

/** The pools that requests of a virtual service may go to: its own, those of its groups, rules, policies and fail actions. */
export function poolsOf(snapshot: Snapshot, vs: VirtualService): Set<string> {
  const pools = new Set<string>();
  const groups = new Set<string>();
  if (vs.pool_uuid !== undefined) pools.add(vs.pool_uuid);
  if (vs.pool_group_uuid !== undefined) groups.add(vs.pool_group_uuid);
  for (const { pool_uuid, pool_group_uuid } of vs.l4_rules ?? []) {
    if (pool_uuid !== undefined) pools.add(pool_uuid);
    if (pool_group_uuid !== undefined) groups.add(pool_group_uuid);
  }
  const sets = new Set(vs.http_policy_set_uuids);
  for (const set of snapshot.http_policy_sets ?? []) {
    if (!sets.has(set.uuid)) continue;
    const used = usedBy(set);
    for (const uuid of used.pools) pools.add(uuid);
    for (const uuid of used.poolGroups) groups.add(uuid);
  }
  for (const group of snapshot.pool_groups ?? [])
    if (groups.has(group.uuid)) {
      for (const { pool_uuid } of group.members) pools.add(pool_uuid);
      const backup = backupPoolOf(group);
      if (backup !== undefined) pools.add(backup);
    }
  addBackups(snapshot, pools);
  return pools;
}

/** With each pool the one that serves in its place. */
function addBackups(snapshot: Snapshot, pools: Set<string>): void {
  const backups = new Map(
    snapshot.pools.flatMap((p) => {
      const backup = backupPoolOf(p);
      return backup === undefined ? [] : [[p.uuid, backup] as const];
    }),
  );
  if (backups.size === 0) return;
  // A set that grows while it is walked is walked to its end.
  for (const uuid of pools) {
    const backup = backups.get(uuid);
    if (backup !== undefined) pools.add(backup);
  }
}
