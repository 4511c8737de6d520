import type {
  FilledApplicationProfile,
  FilledConnPoolProperties,
  FilledHTTPApplicationProfile,
  FilledNetworkProfile,
  FilledPool,
  FilledTCPFastPathProfile,
  FilledTCPProxyProfile,
  FilledVirtualService,
} from '@spillway/model';
import type { HttpProfile, TcpProfile, VirtualService } from '@spillway/snapshot';
import { clamp, filledMessage, follow, milliseconds } from './read.js';
import { error, type Lookup, type Problem } from './types.js';

type Application = VirtualService['application'];

const KILOBYTE = 1024;
/** What a `server_timeout` of 0 stands for: 60 minutes. */
const DEFAULT_SERVER_TIMEOUT = 3_600_000;
/** What `max_header_count` 0 (unlimited) becomes: as many as a snapshot can say. */
const MOST_HEADERS = 4096;

/** How a virtual service treats its connections, from its application and network profile. */
export function applicationOf(
  vs: FilledVirtualService,
  pool: FilledPool | undefined,
  lookup: Lookup,
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
  if (spec.type === 'APPLICATION_PROFILE_TYPE_HTTP') return { type: 'http', http: httpProfile(spec, pool) };
  if (spec.type === 'APPLICATION_PROFILE_TYPE_L4') return { type: 'tcp', tcp };
  return error(
    'PROFILE_NOT_HONOURED',
    'application_profile_ref',
    `application profile ${profile.name} is of type ${spec.type}, which service engines do not serve yet`,
  );
}

function httpProfile(profile: FilledApplicationProfile, pool: FilledPool | undefined): HttpProfile {
  const http = filledMessage<FilledHTTPApplicationProfile>('HTTPApplicationProfile', profile.http_profile);
  const kept = filledMessage<FilledConnPoolProperties>('ConnPoolProperties', pool?.conn_pool_properties);
  return {
    xff_enabled: http.xff_enabled,
    keepalive_timeout: milliseconds(http.keepalive_timeout),
    client_header_timeout: milliseconds(http.client_header_timeout),
    client_body_timeout: milliseconds(http.client_body_timeout),
    server_response_timeout: milliseconds(pool?.server_timeout || DEFAULT_SERVER_TIMEOUT),
    // The limit of all headers together, unless that of a single one is larger.
    max_header_size: clamp(
      Math.max(http.client_max_request_size, http.client_max_header_size) * KILOBYTE,
      256,
      1_048_576,
    ),
    max_header_count: http.max_header_count === 0 ? MOST_HEADERS : http.max_header_count,
    max_body_size: http.client_max_body_size * KILOBYTE,
    server_idle_timeout: milliseconds(kept.upstream_connpool_conn_idle_tmo),
  };
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
