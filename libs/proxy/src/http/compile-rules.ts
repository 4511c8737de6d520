import type { VirtualService } from '@spillway/snapshot';
import { entryFeatures, exitFeatures } from './features/index.js';
import { allRules, type HttpRules } from './rules.js';

/**
 * Everything that is done to the messages of a virtual service, in this order: who the client is and whether its
 * request is to come by another way, then what the profile adds to a request that goes on. Responses pass in the
 * same order.
 */
export function rulesOf(spec: VirtualService): HttpRules | null {
  const { application } = spec;
  if (application.type !== 'http') return null;
  return allRules([...entryFeatures(application.http), ...exitFeatures(application.http, spec)]);
}
