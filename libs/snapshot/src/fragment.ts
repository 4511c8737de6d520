import { SnapshotError } from './error.js';
import { checkReferences, placementKey } from './references.js';
import {
  Certificate,
  AddressGroup,
  FORMAT,
  HealthMonitor,
  HttpPolicySet,
  NetworkPolicy,
  PersistenceProfile,
  Placement,
  Pool,
  PoolGroup,
  Settings,
  Snapshot,
  StringGroup,
  TicketKeys,
  VirtualService,
  type HealthMonitor as HealthMonitorSpec,
} from './schema/index.js';

/**
 * A fragment is the part of a snapshot that changes as one. A snapshot is a set of fragments, at most one per key,
 * and a delta is the fragments put and the keys removed.
 */
export type Fragment =
  | { type: 'settings'; key: 'self'; body: Settings }
  | { type: 'placement'; key: string; body: Placement }
  | { type: 'virtual_service'; key: string; body: VirtualService }
  | { type: 'pool'; key: string; body: Pool }
  | { type: 'health_monitor'; key: string; body: HealthMonitorSpec }
  | { type: 'pool_group'; key: string; body: PoolGroup }
  | { type: 'http_policy_set'; key: string; body: HttpPolicySet }
  | { type: 'network_policy'; key: string; body: NetworkPolicy }
  | { type: 'string_group'; key: string; body: StringGroup }
  | { type: 'address_group'; key: string; body: AddressGroup }
  | { type: 'persistence_profile'; key: string; body: PersistenceProfile }
  | { type: 'certificate'; key: string; body: Certificate }
  | { type: 'ticket_keys'; key: string; body: TicketKeys };

export type FragmentType = Fragment['type'];

/** `type/key`, unique in a snapshot. */
export type FragmentId = string;

export interface Delta {
  put: Fragment[];
  remove: FragmentId[];
}

export const fragmentId = (f: Pick<Fragment, 'type' | 'key'>): FragmentId => `${f.type}/${f.key}`;

/** Lists that a snapshot has when there is something in them, with the fragments that they are made of. */
const WHERE_USED = [
  ['pool_group', 'pool_groups'],
  ['http_policy_set', 'http_policy_sets'],
  ['network_policy', 'network_policies'],
  ['string_group', 'string_groups'],
  ['address_group', 'address_groups'],
  ['persistence_profile', 'persistence_profiles'],
] as const;

/** Takes a snapshot apart. */
export function fragmentsOf(snapshot: Snapshot): Fragment[] {
  return [
    { type: 'settings', key: 'self', body: snapshot.settings },
    ...snapshot.placements.map((body): Fragment => ({ type: 'placement', key: placementKey(body), body })),
    ...snapshot.virtual_services.map((body): Fragment => ({ type: 'virtual_service', key: body.uuid, body })),
    ...snapshot.pools.map((body): Fragment => ({ type: 'pool', key: body.uuid, body })),
    ...snapshot.health_monitors.map((body): Fragment => ({ type: 'health_monitor', key: body.uuid, body })),
    ...WHERE_USED.flatMap(([type, list]) =>
      (snapshot[list] ?? []).map((body) => ({ type, key: body.uuid, body }) as Fragment),
    ),
    ...(snapshot.certificates ?? []).map((body): Fragment => ({ type: 'certificate', key: body.uuid, body })),
    ...(snapshot.ticket_keys ?? []).map((body): Fragment => ({
      type: 'ticket_keys',
      key: body.virtual_service_uuid,
      body,
    })),
  ];
}

/** Puts a snapshot together; the order of the fragments does not matter. */
export function assemble(fragments: Iterable<Fragment>, epoch: number, generation: number): Snapshot {
  const by = <T extends FragmentType>(type: T) =>
    sorted.filter((f): f is Extract<Fragment, { type: T }> => f.type === type).map((f) => f.body);
  const sorted = [...fragments].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const settings = sorted.find((f) => f.type === 'settings');
  if (settings === undefined) throw new SnapshotError('settings/self', 'a snapshot needs its settings');
  return {
    format: FORMAT,
    epoch,
    generation,
    settings: settings.body,
    placements: by('placement') as Placement[],
    virtual_services: by('virtual_service') as VirtualService[],
    pools: by('pool') as Pool[],
    health_monitors: by('health_monitor') as HealthMonitorSpec[],
    ...Object.fromEntries(
      WHERE_USED.flatMap(([type, list]) => {
        const bodies = by(type);
        return bodies.length === 0 ? [] : [[list, bodies]];
      }),
    ),
    ...some('certificates', by('certificate') as Certificate[]),
    ...some('ticket_keys', by('ticket_keys') as TicketKeys[]),
  };
}

const some = <K extends string, T>(name: K, list: T[]): { [P in K]?: T[] } =>
  (list.length === 0 ? {} : { [name]: list }) as { [P in K]?: T[] };

/** What has to be sent so that `from` becomes `to`. Bodies are compared by their canonical JSON. */
export function difference(from: Iterable<Fragment>, to: Iterable<Fragment>): Delta {
  const had = new Map<FragmentId, string>();
  for (const f of from) had.set(fragmentId(f), canonical(f.body));
  const put: Fragment[] = [];
  for (const f of to) {
    const id = fragmentId(f);
    if (had.get(id) !== canonical(f.body)) put.push(f);
    had.delete(id);
  }
  return { put, remove: [...had.keys()] };
}

/** The fragments after a delta, keyed by their id. */
export function applyDelta(
  fragments: ReadonlyMap<FragmentId, Fragment>,
  delta: Delta,
): Map<FragmentId, Fragment> {
  const next = new Map(fragments);
  for (const id of delta.remove) next.delete(id);
  for (const f of delta.put) next.set(fragmentId(f), f);
  return next;
}

const BODY = {
  settings: Settings,
  placement: Placement,
  virtual_service: VirtualService,
  pool: Pool,
  health_monitor: HealthMonitor,
  pool_group: PoolGroup,
  http_policy_set: HttpPolicySet,
  network_policy: NetworkPolicy,
  string_group: StringGroup,
  address_group: AddressGroup,
  persistence_profile: PersistenceProfile,
  certificate: Certificate,
  ticket_keys: TicketKeys,
} as const;

/** Validates one fragment as it came off the wire. */
export function parseFragment(type: string, key: string, body: unknown): Fragment {
  if (!Object.hasOwn(BODY, type)) throw new SnapshotError(`${type}/${key}`, `unknown fragment type ${type}`);
  const parsed = BODY[type as FragmentType].safeParse(body);
  if (!parsed.success) throw invalid(`${type}/${key}`, parsed.error.issues);
  return { type, key, body: parsed.data } as Fragment;
}

/** Validates a whole snapshot, with the references inside it. */
export function parseSnapshot(input: unknown): Snapshot {
  const parsed = Snapshot.safeParse(input);
  if (!parsed.success) throw invalid('snapshot', parsed.error.issues);
  checkReferences(parsed.data);
  return parsed.data;
}

function invalid(
  where: string,
  issues: readonly { path: readonly PropertyKey[]; message: string }[],
): SnapshotError {
  const first = issues[0];
  return new SnapshotError(
    [where, ...(first?.path ?? []).map(String)].join('.'),
    first?.message ?? 'not valid',
  );
}

/** JSON with sorted keys, so that equal bodies are equal strings. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}
