import type {
  FilledHTTPPolicySet,
  FilledHTTPRequestRule,
  FilledHTTPSecurityRule,
  FilledVirtualService,
} from '@spillway/model';
import { clamp, follow } from './read.js';
import type { Lookup } from './types.js';

/** What makes a virtual service up, beside being served (pools document, Fail Action, Note). */
export interface UpRule {
  /** Pools that must be up. */
  readonly min_pools_up: number;
  /** A policy redirects requests without any pool: then it is up in any case. */
  readonly redirects: boolean;
}

export const upRuleOf = (vs: FilledVirtualService, lookup: Lookup): UpRule => ({
  min_pools_up: clamp(vs.min_pools_up ?? 1, 1, 65_535),
  redirects: (vs.http_policies ?? []).some(({ http_policy_set_ref: ref }) => {
    const set = follow(lookup, ref, 'httppolicyset');
    return set !== undefined && redirects(set.spec as FilledHTTPPolicySet);
  }),
});

/** By the version of a set, which may have thousands of rules. */
const known = new WeakMap<object, boolean>();

function redirects(set: FilledHTTPPolicySet): boolean {
  const before = known.get(set);
  if (before !== undefined) return before;
  const found =
    (set.http_request_policy?.rules ?? []).some(isRedirect) ||
    (set.http_security_policy?.rules ?? []).some(leadsToHttps);
  known.set(set, found);
  return found;
}

const isRedirect = ({ enable, redirect_action: to }: FilledHTTPRequestRule): boolean =>
  enable && to !== undefined;

const leadsToHttps = ({ enable, action }: FilledHTTPSecurityRule): boolean =>
  enable && action?.action === 'HTTP_SECURITY_ACTION_REDIRECT_TO_HTTPS';
