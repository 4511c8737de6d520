import type { FilledApplicationProfile, FilledPool, FilledVirtualService } from '@spillway/model';
import type { VirtualService } from '@spillway/snapshot';
import { httpProfile } from './http-profile.js';
import { withProxy } from './l4-policy.js';
import { networkOf } from './network-profile.js';
import { follow } from './read.js';
import { error, missing, type Lookup, type Problem } from './types.js';

type Application = VirtualService['application'];

/**
 * How a virtual service treats its connections, from its application and network profile; or why it cannot be served.
 * Parts that are left out are added to `problems`.
 */
export function applicationOf(
  vs: FilledVirtualService,
  pool: FilledPool | undefined,
  lookup: Lookup,
  problems: Problem[],
): Application | Problem {
  const l4 = networkOf(vs.network_profile_ref, 'network_profile_ref', lookup);
  if ('code' in l4) return l4;
  const profile = follow(lookup, vs.application_profile_ref, 'applicationprofile');
  if (profile === undefined)
    return error(
      'PROFILE_MISSING',
      'application_profile_ref',
      missing('application profile', vs.application_profile_ref),
    );
  const spec = profile.spec as FilledApplicationProfile;
  if (spec.type === 'APPLICATION_PROFILE_TYPE_HTTP' && l4.type === 'udp')
    return error(
      'PROFILE_NOT_HONOURED',
      'network_profile_ref',
      `application profile ${profile.name} is for HTTP, which needs a network profile for TCP`,
    );
  if (spec.type === 'APPLICATION_PROFILE_TYPE_HTTP')
    return { type: 'http', http: httpProfile(vs, spec, pool, lookup, problems) };
  if (spec.type === 'APPLICATION_PROFILE_TYPE_L4' || spec.type === 'APPLICATION_PROFILE_TYPE_SIP')
    return withProxy(l4, vs, lookup);
  return error(
    'PROFILE_NOT_HONOURED',
    'application_profile_ref',
    `application profile ${profile.name} is of type ${spec.type}, which service engines do not serve yet`,
  );
}
