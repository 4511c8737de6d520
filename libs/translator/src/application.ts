import type {
  FilledApplicationProfile,
  FilledNetworkProfile,
  FilledPool,
  FilledTCPFastPathProfile,
  FilledTCPProxyProfile,
  FilledVirtualService,
} from '@spillway/model';
import type { TcpProfile, VirtualService } from '@spillway/snapshot';
import { httpProfile } from './http-profile.js';
import { filledMessage, follow, milliseconds } from './read.js';
import { error, type Lookup, type Problem } from './types.js';

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
  const tcp = tcpProfileOf(vs, lookup);
  if ('code' in tcp) return tcp;
  const profile = follow(lookup, vs.application_profile_ref, 'applicationprofile');
  if (profile === undefined)
    return error(
      'PROFILE_MISSING',
      'application_profile_ref',
      missing('application profile', vs.application_profile_ref),
    );
  const spec = profile.spec as FilledApplicationProfile;
  if (spec.type === 'APPLICATION_PROFILE_TYPE_HTTP')
    return { type: 'http', http: httpProfile(vs, spec, pool, lookup, problems) };
  if (spec.type === 'APPLICATION_PROFILE_TYPE_L4') return { type: 'tcp', tcp };
  return error(
    'PROFILE_NOT_HONOURED',
    'application_profile_ref',
    `application profile ${profile.name} is of type ${spec.type}, which service engines do not serve yet`,
  );
}

function tcpProfileOf(vs: FilledVirtualService, lookup: Lookup): TcpProfile | Problem {
  const profile = follow(lookup, vs.network_profile_ref, 'networkprofile');
  if (profile === undefined)
    return error(
      'PROFILE_MISSING',
      'network_profile_ref',
      missing('network profile', vs.network_profile_ref),
    );
  const union = (profile.spec as FilledNetworkProfile).profile;
  if (union.type === 'PROTOCOL_TYPE_TCP_PROXY') {
    const tcp = filledMessage<FilledTCPProxyProfile>('TCPProxyProfile', union.tcp_proxy_profile);
    return { idle_timeout: milliseconds(tcp.idle_connection_timeout * 1000) };
  }
  if (union.type === 'PROTOCOL_TYPE_TCP_FAST_PATH') {
    const tcp = filledMessage<FilledTCPFastPathProfile>('TCPFastPathProfile', union.tcp_fast_path_profile);
    return { idle_timeout: milliseconds(tcp.session_idle_timeout * 1000) };
  }
  return error(
    'PROFILE_NOT_HONOURED',
    'network_profile_ref',
    `network profile ${profile.name} is of type ${union.type}, which service engines do not serve yet; use TCP`,
  );
}

const missing = (what: string, ref: string | undefined): string =>
  ref === undefined ? `the virtual service has no ${what}` : `${what} ${ref} does not exist`;
