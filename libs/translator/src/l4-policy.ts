import type {
  FilledApplicationProfile,
  FilledL4PolicySet,
  FilledL4Rule,
  FilledL4RuleMatchTarget,
  FilledStringMatch,
  FilledTCPApplicationProfile,
  FilledVirtualService,
} from '@spillway/model';
import type { AcceptProxy, AddressRange, L4Application, L4Rule, VirtualService } from '@spillway/snapshot';
import { rangesOf } from './policy/groups.js';
import { Refusals } from './policy/refusals.js';
import { filledMessage, follow } from './read.js';
import { error, missing, type Lookup, type Problem } from './types.js';

/** The rules of a virtual service for L4, in their order; whatever cannot be honoured is an error. */
export function l4RulesOf(
  vs: FilledVirtualService,
  application: VirtualService['application'],
  lookup: Lookup,
  problems: Problem[],
): L4Rule[] {
  const listed = (vs.l4_policies ?? []).toSorted((a, b) => a.index - b.index);
  if (listed.length === 0) return [];
  const refusals = new Refusals('L4 policy');
  if (application.type === 'http')
    refusals.unhonoured('l4_policies', 'an L4 policy of a virtual service for HTTP');
  const rules = listed.flatMap(({ l4_policy_set_ref: ref }) => {
    const set = follow(lookup, ref, 'l4policyset');
    if (set === undefined) {
      problems.push(error('POLICY_MISSING', 'l4_policies', missing('L4 policy set', ref)));
      return [];
    }
    const { l4_connection_policy: policy } = set.spec as FilledL4PolicySet;
    return (policy?.rules ?? [])
      .filter((rule) => rule.enable)
      .toSorted((a, b) => a.index - b.index)
      .flatMap((rule) => ruleOf(rule, `l4_policies ${set.name} ${rule.name}`, lookup, refusals));
  });
  problems.push(...refusals.problems);
  return rules;
}

function ruleOf(rule: FilledL4Rule, path: string, lookup: Lookup, refusals: Refusals): L4Rule[] {
  const chosen = rule.action?.select_pool;
  if (chosen === undefined) return [];
  const group = chosen.action_type === 'L4_RULE_ACTION_SELECT_POOLGROUP';
  const target = group
    ? follow(lookup, chosen.pool_group_ref, 'poolgroup')
    : follow(lookup, chosen.pool_ref, 'pool');
  if (target === undefined) {
    const [what, ref] = group ? ['pool group', chosen.pool_group_ref] : ['pool', chosen.pool_ref];
    refusals.missing(path, missing(what, ref));
    return [];
  }
  const match = matchOf(rule.match ?? {}, path, lookup, refusals);
  return [
    { name: rule.name, ...match, ...(group ? { pool_group_uuid: target.uuid } : { pool_uuid: target.uuid }) },
  ];
}

const out = (criteria: 'IS_IN' | 'IS_NOT_IN'): boolean => criteria === 'IS_NOT_IN';

function matchOf(
  match: FilledL4RuleMatchTarget,
  path: string,
  lookup: Lookup,
  refusals: Refusals,
): Pick<L4Rule, 'client' | 'port' | 'protocol' | 'server_name'> {
  const { client_ip: client, port, protocol, server_name: name } = match;
  const ranges = [
    ...(port?.ports ?? []).map((p) => ({ begin: p, end: p })),
    ...(port?.port_ranges ?? []).map((r) => ({ begin: r.start, end: r.end })),
  ];
  if (port !== undefined && ranges.length === 0) refusals.missing(`${path}.port`, 'it names no port');
  return {
    ...(client && {
      client: {
        negated: out(client.match_criteria),
        ranges: [
          ...rangesOf(client, `${path}.client_ip.`, refusals),
          ...(client.group_refs ?? []).flatMap((ref) => groupRanges(ref, path, lookup, refusals)),
        ],
      },
    }),
    ...(port && ranges.length > 0 && { port: { negated: out(port.match_criteria), ranges } }),
    ...(protocol && { protocol: protocolOf(protocol, path, refusals) }),
    ...(name && { server_name: nameOf(name, path, refusals) }),
  };
}

function protocolOf(
  { match_criteria: criteria, protocol }: NonNullable<FilledL4RuleMatchTarget['protocol']>,
  path: string,
  refusals: Refusals,
): NonNullable<L4Rule['protocol']> {
  if (protocol !== 'PROTOCOL_TCP' && protocol !== 'PROTOCOL_UDP')
    refusals.unhonoured(`${path}.protocol`, protocol);
  return { negated: criteria === 'IS_NOT_IN', protocol: protocol === 'PROTOCOL_UDP' ? 'udp' : 'tcp' };
}

type Operator = NonNullable<L4Rule['server_name']>['operator'];

const OPERATORS: Readonly<Record<string, { operator: Operator; negated: boolean }>> = {
  EQUALS: { operator: 'equals', negated: false },
  DOES_NOT_EQUAL: { operator: 'equals', negated: true },
  BEGINS_WITH: { operator: 'begins_with', negated: false },
  DOES_NOT_BEGIN_WITH: { operator: 'begins_with', negated: true },
  ENDS_WITH: { operator: 'ends_with', negated: false },
  DOES_NOT_END_WITH: { operator: 'ends_with', negated: true },
  CONTAINS: { operator: 'contains', negated: false },
  DOES_NOT_CONTAIN: { operator: 'contains', negated: true },
};

function nameOf(
  match: FilledStringMatch,
  path: string,
  refusals: Refusals,
): NonNullable<L4Rule['server_name']> {
  const how = OPERATORS[match.match_criteria];
  if (how === undefined) refusals.unhonoured(`${path}.server_name`, match.match_criteria);
  if ((match.string_group_refs ?? []).length > 0)
    refusals.unhonoured(`${path}.server_name`, 'string_group_refs');
  return { ...(how ?? { operator: 'equals', negated: false }), values: [...(match.match_str ?? [])] };
}

function groupRanges(ref: string, path: string, lookup: Lookup, refusals: Refusals): AddressRange[] {
  const group = follow(lookup, ref, 'ipaddrgroup');
  if (group !== undefined) return rangesOf(group.spec, `${path}.client_ip.`, refusals);
  refusals.missing(`${path}.client_ip`, missing('IP group', ref));
  return [];
}

/** The pools and groups that rules send to, each once. */
export function usedByRules(rules: readonly L4Rule[]): { type: 'pool' | 'pool_group'; uuid: string }[] {
  const pools = new Set(rules.flatMap((r) => r.pool_uuid ?? []));
  const groups = new Set(rules.flatMap((r) => r.pool_group_uuid ?? []));
  return [
    ...[...pools].map((uuid) => ({ type: 'pool' as const, uuid })),
    ...[...groups].map((uuid) => ({ type: 'pool_group' as const, uuid })),
  ];
}

/** Whose connections begin with a header of the PROXY protocol; undefined for nobody's. */
export function acceptProxyOf(
  vs: FilledVirtualService,
  lookup: Lookup,
  problems: Problem[],
): AcceptProxy | undefined {
  const profile = profileOf(vs, lookup);
  if (profile?.accept_proxy_protocol !== true) return undefined;
  const ref = profile.proxy_protocol_group_ref;
  if (!ref) return {};
  const refusals = new Refusals('proxy_protocol_group_ref');
  const from = groupRanges(ref, 'application_profile_ref', lookup, refusals);
  // Without the group everybody, or nobody, would be believed.
  problems.push(...refusals.problems);
  return { from };
}

/** The application with what the application profile adds for servers of L4. */
export function withProxy(
  application: L4Application,
  vs: FilledVirtualService,
  lookup: Lookup,
): L4Application {
  if (application.type !== 'tcp') return application;
  const tcp = filledMessage<FilledTCPApplicationProfile>(
    'TCPApplicationProfile',
    profileOf(vs, lookup)?.tcp_app_profile,
  );
  if (!tcp.proxy_protocol_enabled) return application;
  const version = tcp.proxy_protocol_version === 'PROXY_PROTOCOL_VERSION_2' ? 2 : 1;
  return { type: 'tcp', tcp: { ...application.tcp, send_proxy: version } };
}

const profileOf = (vs: FilledVirtualService, lookup: Lookup): FilledApplicationProfile | undefined =>
  follow(lookup, vs.application_profile_ref, 'applicationprofile')?.spec as
    | FilledApplicationProfile
    | undefined;
