import type {
  FilledApplicationProfile,
  FilledPool,
  FilledSipServiceApplicationProfile,
  FilledVirtualService,
} from '@spillway/model';
import type { SipProfile } from '@spillway/snapshot';
import { clamp, filledMessage, follow } from './read.js';
import { type Lookup, type Problem, warning } from './types.js';

/** What a virtual service for SIP does with messages; undefined for any other. */
export function sipOf(
  vs: FilledVirtualService,
  pool: FilledPool | undefined,
  lookup: Lookup,
  problems: Problem[],
): SipProfile | undefined {
  const profile = follow(lookup, vs.application_profile_ref, 'applicationprofile');
  const spec = profile?.spec as FilledApplicationProfile | undefined;
  if (spec?.type === 'APPLICATION_PROFILE_TYPE_SIP') {
    const sip = filledMessage<FilledSipServiceApplicationProfile>(
      'SipServiceApplicationProfile',
      spec.sip_service_profile,
    );
    return { transaction_timeout: clamp(sip.transaction_timeout, 2, 512) * 1000 };
  }
  if (
    pool?.lb_algorithm === 'LB_ALGORITHM_CONSISTENT_HASH' &&
    pool.lb_algorithm_hash === 'LB_ALGORITHM_CONSISTENT_HASH_CALLID'
  )
    problems.push(
      warning(
        'ALGORITHM_NOT_HONOURED',
        'application_profile_ref',
        `pool ${pool.name} goes by Call-ID, which needs an application profile of type APPLICATION_PROFILE_TYPE_SIP; with ${profile?.name ?? 'this one'} it goes by the client's address and port`,
      ),
    );
  return undefined;
}
