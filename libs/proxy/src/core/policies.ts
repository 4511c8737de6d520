import {
  CompiledNetworkPolicy,
  type Groups,
  HttpPolicy,
  PolicyError,
  type RateLimiters,
} from '@spillway/policy';
import {
  type AddressGroup,
  type HttpPolicySet,
  type NetworkPolicy,
  type Snapshot,
  type StringGroup,
  usedBy,
  type VirtualService,
} from '@spillway/snapshot';
import { PlaneConfigError } from '../api.js';
import { NamedRate } from '../limits/rates.js';
import type { PlaneContext } from './context.js';

/** What was made of the policies of one virtual service, to be used again while nothing of it changes. */
export interface CompiledPolicies {
  /** Everything that it was made of, and the number of SEs that share its rates. */
  readonly made: readonly unknown[];
  /** Null where there are no rules. */
  readonly http: HttpPolicy | null;
  readonly network: CompiledNetworkPolicy | null;
}

/** Policies and groups of a snapshot by uuid. */
export interface PolicyParts {
  readonly sets: ReadonlyMap<string, HttpPolicySet>;
  readonly networks: ReadonlyMap<string, NetworkPolicy>;
  readonly groups: Groups;
}

export function policyParts(snapshot: Snapshot): PolicyParts {
  const strings = snapshot.string_groups ?? [];
  const addresses = snapshot.address_groups ?? [];
  return {
    sets: byUuid(snapshot.http_policy_sets),
    networks: byUuid(snapshot.network_policies),
    groups: { strings: byUuid(strings), addresses: byUuid(addresses) },
  };
}

const byUuid = <T extends { readonly uuid: string }>(list: readonly T[] | undefined): Map<string, T> =>
  new Map((list ?? []).map((one) => [one.uuid, one]));

/**
 * The policies of a virtual service; the same object as before when it would come out the same.
 * @param equal whether two parts say the same
 * @throws {PlaneConfigError} naming what cannot be compiled
 */
export function compilePolicies(
  context: PlaneContext,
  spec: VirtualService,
  sharers: number,
  parts: PolicyParts,
  before: CompiledPolicies | undefined,
  equal: (a: unknown, b: unknown) => boolean,
): CompiledPolicies {
  const sets = (spec.http_policy_set_uuids ?? []).map((uuid) => known(parts.sets, uuid, spec));
  const policy =
    spec.network_policy_uuid === undefined ? null : known(parts.networks, spec.network_policy_uuid, spec);
  if (sets.length === 0 && policy === null) return NONE;
  const made = [sharers, policy, ...sets, ...groupsOf(sets, policy, parts)];
  if (before !== undefined && equal(before.made, made)) return before;
  const limiters: RateLimiters = {
    limiter: (id, rate) => new NamedRate(context.rates, `${spec.uuid} ${id}`, rate, sharers),
  };
  try {
    const http = new HttpPolicy(sets, parts.groups, limiters);
    const network = policy === null ? null : new CompiledNetworkPolicy(policy, parts.groups, limiters);
    return { made, http: http.empty ? null : http, network };
  } catch (err) {
    if (!(err instanceof PolicyError)) throw err;
    throw new PlaneConfigError(`virtual service ${spec.uuid}: ${err.message}`);
  }
}

/** What the rules refer to. */
function groupsOf(
  sets: readonly HttpPolicySet[],
  policy: NetworkPolicy | null,
  { groups }: PolicyParts,
): (StringGroup | AddressGroup | undefined)[] {
  const used = sets.map(usedBy);
  const strings = new Set(used.flatMap(({ stringGroups }) => [...stringGroups]));
  const addresses = new Set(used.flatMap(({ addressGroups }) => [...addressGroups]));
  for (const { client_ip } of policy?.rules ?? [])
    for (const uuid of client_ip?.address_group_uuids ?? []) addresses.add(uuid);
  return [
    ...[...strings].map((uuid) => groups.strings.get(uuid)),
    ...[...addresses].map((uuid) => groups.addresses.get(uuid)),
  ];
}

const NONE: CompiledPolicies = { made: [], http: null, network: null };

function known<T>(map: ReadonlyMap<string, T>, uuid: string, spec: VirtualService): T {
  const found = map.get(uuid);
  if (found === undefined)
    throw new PlaneConfigError(`virtual service ${spec.uuid}: policy ${uuid} is not in the snapshot`);
  return found;
}
