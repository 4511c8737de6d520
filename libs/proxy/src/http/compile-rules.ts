import type { HttpPolicy } from '@spillway/policy';
import type { VirtualService } from '@spillway/snapshot';
import type { PlaneContext } from '../core/context.js';
import { RequestRates } from '../limits/request-rates.js';
import { entryFeatures, exitFeatures, profileRedirect } from './features/index.js';
import { PolicyRules, type Targets } from './policy/policy-rules.js';
import { allRules, type HttpRules, type SomeRules } from './rules.js';

/**
 * Everything that is done to the messages of a virtual service, in this order: who the client is and how often it may
 * ask, what policies say, whether the profile wants another way, then what the profile adds to a request that goes on.
 * Responses pass in the same order.
 */
export function rulesOf(
  context: PlaneContext,
  spec: VirtualService,
  sharers: number,
  policy: HttpPolicy | null,
  targets: Targets,
): HttpRules | null {
  const { application } = spec;
  if (application.type !== 'http') return null;
  const { http } = application;
  const entry: (SomeRules | null)[] = entryFeatures(http);
  // Rates are those of the true client, and what is answered at once counts too.
  const rates = RequestRates.of(context, spec.uuid, spec.limits?.rates ?? [], sharers);
  entry.splice(http.true_client_ip === undefined ? 0 : 1, 0, rates);
  // Policies know better than the profile when a request is to come by HTTPS, and where to (policies document).
  const policies = policy === null ? null : new PolicyRules(context, policy, targets);
  return allRules([...entry, policies, ...profileRedirect(http), ...exitFeatures(http, spec)]);
}
