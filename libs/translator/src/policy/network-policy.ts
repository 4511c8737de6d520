import type { FilledNetworkSecurityPolicy, FilledNetworkSecurityRule } from '@spillway/model';
import type { NetworkPolicy } from '@spillway/snapshot';
import { error, failed, type Lookup, type Translated } from '../types.js';
import { addressTest, isNegated } from './match.js';
import { Refusals } from './refusals.js';

type NetworkRule = NetworkPolicy['rules'][number];

/** What service engines have no data for. */
const NOT_HONOURED = ['geo_matches', 'ip_reputation_type', 'microservice'] as const;

export function translateNetworkPolicy(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'networksecuritypolicy')
    return failed(error('POLICY_MISSING', '', `network security policy ${uuid} does not exist`));
  const spec = object.spec as FilledNetworkSecurityPolicy;
  const refusals = new Refusals(`network security policy ${object.name}`);
  const rules = (spec.rules ?? [])
    .map((rule, i) => ({ rule, at: `rules[${i}]` }))
    .filter(({ rule }) => rule.enable)
    .sort((a, b) => a.rule.index - b.rule.index)
    .map(({ rule, at }) => networkRule(rule, at, refusals));
  if (refusals.problems.length > 0) return failed(...refusals.problems);
  const groups = new Set(rules.flatMap((rule) => rule.client_ip?.address_group_uuids ?? []));
  return {
    fragment: { type: 'network_policy', key: uuid, body: { uuid, name: object.name, rules } },
    uses: [...groups].map((group) => ({ type: 'address_group' as const, uuid: group })),
    problems: [],
  };
}

function networkRule(rule: FilledNetworkSecurityRule, at: string, refusals: Refusals): NetworkRule {
  const { client_ip, client_port, vs_port } = rule.match;
  for (const field of NOT_HONOURED) {
    const value = rule.match[field];
    if (value !== undefined && !(Array.isArray(value) && value.length === 0))
      refusals.unhonoured(`${at}.match.${field}`, field);
  }
  if (rule.age !== 0) refusals.unhonoured(`${at}.age`, 'age');
  return {
    index: rule.index,
    name: rule.name,
    ...(client_ip && { client_ip: addressTest(client_ip, `${at}.match.client_ip`, refusals) }),
    ...(client_port && {
      client_port: {
        negated: isNegated(client_port.match_criteria),
        ranges: [
          ...(client_port.ports ?? []).map((port) => ({ begin: port, end: port })),
          ...(client_port.ranges ?? []).map(({ start, end }) => ({ begin: start, end })),
        ],
      },
    }),
    ...(vs_port && {
      vs_port: { negated: isNegated(vs_port.match_criteria), values: [...(vs_port.ports ?? [])] },
    }),
    action: actionOf(rule, at, refusals),
  };
}

function actionOf(rule: FilledNetworkSecurityRule, at: string, refusals: Refusals): NetworkRule['action'] {
  switch (rule.action) {
    case 'NETWORK_SECURITY_POLICY_ACTION_TYPE_ALLOW':
      return { type: 'allow' };
    case 'NETWORK_SECURITY_POLICY_ACTION_TYPE_DENY':
      return { type: 'deny' };
    case 'NETWORK_SECURITY_POLICY_ACTION_TYPE_RATE_LIMIT':
    default:
      if (rule.rl_param !== undefined)
        return { type: 'rate_limit', rate: rule.rl_param.max_rate, burst: rule.rl_param.burst_size };
      refusals.missing(`${at}.rl_param`, 'the action needs it');
      return { type: 'deny' };
  }
}
