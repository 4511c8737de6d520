import type { CompiledPolicies } from './policies.js';

/** How often one rule of a policy has matched. */
export interface RuleHits {
  virtual_service_uuid: string;
  policy_uuid: string;
  phase: 'network' | 'security' | 'request' | 'response';
  /** The rule's index and name. */
  index: number;
  name: string;
  hits: number;
}

/** What has been counted since it was last taken; rules without a hit are left out. */
export function takeRuleHits(uuid: string, policies: CompiledPolicies): RuleHits[] {
  const { http, network } = policies;
  const found: RuleHits[] = [];
  const take = (
    policy: string,
    phase: RuleHits['phase'],
    rules: readonly { readonly index: number; readonly name: string }[],
    hits: Float64Array,
  ): void => {
    for (const [i, { index, name }] of rules.entries()) {
      if (hits[i] === 0) continue;
      found.push({ virtual_service_uuid: uuid, policy_uuid: policy, phase, index, name, hits: hits[i]! });
      hits[i] = 0;
    }
  };
  if (network !== null) take(network.policy.uuid, 'network', network.policy.rules, network.hits);
  for (const { policy_set_uuid, phase, rules, hits } of http?.hits ?? [])
    take(policy_set_uuid, phase, rules, hits);
  return found;
}
