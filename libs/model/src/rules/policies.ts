import type { FieldError } from '../errors.js';
import { requestRule } from './http-policy.js';
import { refuseDuplicates, type Rule } from './rule.js';

type Indexed = { readonly index: number };

/** The index is the order of evaluation. */
const order = (field: string, rules: readonly Indexed[] | undefined): FieldError[] =>
  refuseDuplicates(field, rules, (rule) => String(rule.index), 'index');

export const httpPolicySetRules: Rule<'httppolicyset'> = (set) => [
  ...order('http_request_policy.rules', set.http_request_policy?.rules),
  ...order('http_response_policy.rules', set.http_response_policy?.rules),
  ...order('http_security_policy.rules', set.http_security_policy?.rules),
  ...(set.http_request_policy?.rules ?? []).flatMap((rule, i) =>
    requestRule(rule, `http_request_policy.rules[${i}]`),
  ),
];

export const l4PolicySetRules: Rule<'l4policyset'> = (set) =>
  order('l4_connection_policy.rules', set.l4_connection_policy?.rules);

export const networkSecurityPolicyRules: Rule<'networksecuritypolicy'> = (policy) =>
  order('rules', policy.rules);
