import { applyDefaults } from '../defaults.js';
import type { FieldError } from '../errors.js';
import type { KindName, KindTypes } from '../generated/types.js';
import { kinds } from '../kinds.js';
import type { Json } from '../walk.js';
import { analyticsProfileRules } from './analyticsprofile.js';
import { applicationPersistenceProfileRules } from './applicationpersistenceprofile.js';
import { applicationProfileRules, errorPageProfileRules } from './applicationprofile.js';
import { nameRule } from './common.js';
import { healthMonitorRules } from './healthmonitor.js';
import { checkMessages } from './messages.js';
import { httpPolicySetRules, l4PolicySetRules, networkSecurityPolicyRules } from './policies.js';
import { poolRules } from './pool.js';
import { poolGroupRules } from './poolgroup.js';
import { roleRules } from './role.js';
import type { Rule, RuleContext } from './rule.js';
import { serverAutoScalePolicyRules } from './serverautoscalepolicy.js';
import { serviceEngineGroupRules } from './serviceenginegroup.js';
import { stringGroupRules } from './stringgroup.js';
import { systemConfigurationRules } from './systemconfiguration.js';
import { userRules } from './user.js';
import { virtualServiceRules } from './virtualservice.js';
import { vsVipRules } from './vsvip.js';

const RULES: { readonly [K in KindName]?: Rule<K> } = {
  analyticsprofile: analyticsProfileRules,
  applicationpersistenceprofile: applicationPersistenceProfileRules,
  applicationprofile: applicationProfileRules,
  errorpageprofile: errorPageProfileRules,
  healthmonitor: healthMonitorRules,
  httppolicyset: httpPolicySetRules,
  l4policyset: l4PolicySetRules,
  networksecuritypolicy: networkSecurityPolicyRules,
  pool: poolRules,
  poolgroup: poolGroupRules,
  role: roleRules,
  serverautoscalepolicy: serverAutoScalePolicyRules,
  serviceenginegroup: serviceEngineGroupRules,
  stringgroup: stringGroupRules,
  systemconfiguration: systemConfigurationRules,
  user: userRules,
  virtualservice: virtualServiceRules,
  vsvip: vsVipRules,
};

/**
 * The cross-field rules of a kind, over a parsed object without errors. Run it after parseObject; an empty list means
 * that the object may be stored as far as the model can tell. References are not checked for existence.
 */
export function checkRules<K extends KindName>(
  kind: K,
  value: KindTypes[K],
  context: RuleContext<K> = {},
): FieldError[] {
  const filled = applyDefaults(kind, value);
  const rule = RULES[kind];
  return [
    ...nameRule(value as unknown as Json),
    ...checkMessages(kinds[kind].type, filled as unknown as Json),
    ...(rule ? rule(filled, context) : []),
  ];
}

export type { RuleContext };
