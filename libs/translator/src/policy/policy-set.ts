import type {
  FilledHTTPPolicySet,
  FilledHTTPRequestRule,
  FilledHTTPResponseRule,
  FilledHTTPSecurityRule,
} from '@spillway/model';
import {
  type HttpPolicySet,
  type RequestRule,
  type ResponseRule,
  type SecurityRule,
  usedBy,
} from '@spillway/snapshot';
import { error, failed, type Lookup, type Translated } from '../types.js';
import {
  hashStringOf,
  headerActions,
  locationRewriteOf,
  redirectOf,
  rewriteOf,
  securityAction,
  switchingOf,
} from './actions.js';
import { requestMatch, responseMatch } from './match.js';
import { Refusals } from './refusals.js';

interface Ordered {
  readonly enable: boolean;
  readonly index: number;
}

/** Enabled rules in the order of their index, each with its path in the object. */
const inOrder = <R extends Ordered>(
  rules: readonly R[] | undefined,
  path: string,
): { rule: R; at: string }[] =>
  (rules ?? [])
    .map((rule, i) => ({ rule, at: `${path}.rules[${i}]` }))
    .filter(({ rule }) => rule.enable)
    .sort((a, b) => a.rule.index - b.rule.index);

export function translateHttpPolicySet(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'httppolicyset')
    return failed(error('POLICY_MISSING', '', `HTTP policy set ${uuid} does not exist`));
  const spec = object.spec as FilledHTTPPolicySet;
  const refusals = new Refusals(`HTTP policy set ${object.name}`);
  const body: HttpPolicySet = {
    uuid,
    name: object.name,
    security: inOrder(spec.http_security_policy?.rules, 'http_security_policy').map(({ rule, at }) =>
      securityRule(rule, at, refusals, lookup),
    ),
    request: inOrder(spec.http_request_policy?.rules, 'http_request_policy').map(({ rule, at }) =>
      requestRule(rule, at, refusals, lookup),
    ),
    response: inOrder(spec.http_response_policy?.rules, 'http_response_policy').map(({ rule, at }) =>
      responseRule(rule, at, refusals, lookup),
    ),
  };
  if (refusals.problems.length > 0) return failed(...refusals.problems);
  const used = usedBy(body);
  return {
    fragment: { type: 'http_policy_set', key: uuid, body },
    uses: [
      ...[...used.pools].map((pool) => ({ type: 'pool' as const, uuid: pool })),
      ...[...used.poolGroups].map((group) => ({ type: 'pool_group' as const, uuid: group })),
      ...[...used.stringGroups].map((group) => ({ type: 'string_group' as const, uuid: group })),
      ...[...used.addressGroups].map((group) => ({ type: 'address_group' as const, uuid: group })),
    ],
    problems: [],
  };
}

function securityRule(
  rule: FilledHTTPSecurityRule,
  at: string,
  refusals: Refusals,
  lookup: Lookup,
): SecurityRule {
  return {
    index: rule.index,
    name: rule.name,
    match: requestMatch(rule.match, `${at}.match`, refusals, lookup),
    action: securityAction(rule.action, `${at}.action`, refusals),
  };
}

function requestRule(
  rule: FilledHTTPRequestRule,
  at: string,
  refusals: Refusals,
  lookup: Lookup,
): RequestRule {
  const { redirect_action, switching_action, rewrite_url_action, hash_string_action } = rule;
  return {
    index: rule.index,
    name: rule.name,
    match: requestMatch(rule.match, `${at}.match`, refusals, lookup),
    ...(redirect_action && { redirect: redirectOf(redirect_action) }),
    ...(switching_action && { switching: switchingOf(switching_action, `${at}.switching_action`, refusals) }),
    ...(rewrite_url_action && { rewrite: rewriteOf(rewrite_url_action) }),
    header_actions: headerActions(rule.hdr_action, `${at}.hdr_action`, refusals),
    ...(hash_string_action && { hash_string: hashStringOf(hash_string_action) }),
  };
}

function responseRule(
  rule: FilledHTTPResponseRule,
  at: string,
  refusals: Refusals,
  lookup: Lookup,
): ResponseRule {
  const { loc_hdr_action } = rule;
  return {
    index: rule.index,
    name: rule.name,
    match: responseMatch(rule.match, `${at}.match`, refusals, lookup),
    ...(loc_hdr_action && { location: locationRewriteOf(loc_hdr_action) }),
    header_actions: headerActions(rule.hdr_action, `${at}.hdr_action`, refusals),
  };
}
