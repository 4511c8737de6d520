import type {
  FilledApplicationProfile,
  FilledConnPoolProperties,
  FilledHTTP2ApplicationProfile,
  FilledHTTPApplicationProfile,
  FilledPool,
  FilledTrueClientIPConfig,
  FilledVirtualService,
} from '@spillway/model';
import { type HttpProfile, isSettableField } from '@spillway/snapshot';
import { clientCertificateHeaders } from './client-certificate-headers.js';
import { compressionOf } from './compression.js';
import { errorPagesOf } from './error-pages.js';
import { clamp, filledMessage, milliseconds } from './read.js';
import { type Lookup, type Problem, warning } from './types.js';

const KILOBYTE = 1024;
/** What a `server_timeout` of 0 stands for, of whatever pool: 60 minutes. */
const DEFAULT_SERVER_TIMEOUT = 3_600_000;
/** What `max_header_count` 0 (unlimited) becomes: as many as a snapshot can say. */
const MOST_HEADERS = 4096;
const DAY = 86_400;
/** Where clients are sent when the virtual service itself has no port with TLS. */
const HTTPS = 443;

interface Profile {
  readonly vs: FilledVirtualService;
  readonly pool: FilledPool | undefined;
  readonly http: FilledHTTPApplicationProfile;
  readonly lookup: Lookup;
  readonly problems: Problem[];
}

/** How a virtual service treats HTTP messages. What cannot be done as written is left out, with a warning. */
export function httpProfile(
  vs: FilledVirtualService,
  profile: FilledApplicationProfile,
  pool: FilledPool | undefined,
  lookup: Lookup,
  problems: Problem[],
): HttpProfile {
  const http = filledMessage<FilledHTTPApplicationProfile>('HTTPApplicationProfile', profile.http_profile);
  const p: Profile = { vs, pool, http, lookup, problems };
  return { ...limits(p), ...requestHeaders(p), ...security(p), ...connections(p), ...http2(p), ...bodies(p) };
}

/** Sizes and times that have no `absent`. */
function limits({ http, pool }: Profile) {
  const kept = filledMessage<FilledConnPoolProperties>('ConnPoolProperties', pool?.conn_pool_properties);
  const largestField = http.client_max_header_size * KILOBYTE;
  return {
    post_accept_timeout: milliseconds(http.post_accept_timeout),
    keepalive_timeout: milliseconds(http.keepalive_timeout),
    client_header_timeout: milliseconds(http.client_header_timeout),
    client_body_timeout: milliseconds(http.client_body_timeout),
    server_response_timeout: DEFAULT_SERVER_TIMEOUT,
    // The limit of all headers together, unless that of a single one is larger.
    max_header_size: clamp(Math.max(http.client_max_request_size * KILOBYTE, largestField), 256, 1_048_576),
    max_field_size: clamp(largestField, 256, 1_048_576),
    max_header_count: http.max_header_count === 0 ? MOST_HEADERS : http.max_header_count,
    max_body_size: http.client_max_body_size * KILOBYTE,
    max_response_header_size: clamp(http.max_response_headers_size * KILOBYTE, 256, 1_048_576),
    max_response_header_count: http.max_header_count === 0 ? MOST_HEADERS : http.max_header_count,
    server_idle_timeout: milliseconds(kept.upstream_connpool_conn_idle_tmo),
  } satisfies Partial<HttpProfile>;
}

const XFF_UPDATE = {
  REPLACE_XFF_HEADERS: 'replace',
  APPEND_TO_THE_XFF_HEADER: 'append',
  ADD_NEW_XFF_HEADER: 'add',
} as const satisfies Record<FilledHTTPApplicationProfile['xff_update'], HttpProfile['xff_update']>;

const DEFAULT_XFF = 'X-Forwarded-For';

function requestHeaders(p: Profile) {
  const { http, problems } = p;
  const requestId = settable(http.request_id_header, 'request_id_header', problems);
  const xff = settable(http.xff_alternate_name, 'xff_alternate_name', problems) ?? DEFAULT_XFF;
  const headers = clientCertificateHeaders(http.ssl_client_certificate_action?.headers ?? [], problems);
  return {
    xff_enabled: http.xff_enabled,
    ...(xff.toLowerCase() === DEFAULT_XFF.toLowerCase() ? {} : { xff_header: xff }),
    xff_update: XFF_UPDATE[http.xff_update],
    ...(http.x_forwarded_proto_enabled ? { x_forwarded_proto: true } : {}),
    ...(http.use_true_client_ip ? { true_client_ip: trueClientIp(p) } : {}),
    ...(requestId === undefined
      ? {}
      : { request_id: { header: requestId, keep: http.request_id_update === 'KEEP_REQUEST_ID' } }),
    ...(headers.length === 0 ? {} : { client_certificate_headers: headers }),
  } satisfies Partial<HttpProfile>;
}

function trueClientIp({ http, problems }: Profile): NonNullable<HttpProfile['true_client_ip']> {
  const config = filledMessage<FilledTrueClientIPConfig>('TrueClientIPConfig', http.true_client_ip);
  return {
    header: settable(config.headers?.[0], 'true_client_ip.headers[0]', problems) ?? DEFAULT_XFF,
    from: config.direction === 'RIGHT' ? 'right' : 'left',
    index: clamp(config.index_in_header, 1, 1000),
  };
}

/** The name of a header that may be set; absent when it is empty, or, with a warning, when it may not. */
function settable(field: string | undefined, path: string, problems: Problem[]): string | undefined {
  if (field === undefined || field === '') return undefined;
  if (isSettableField(field)) return field;
  problems.push(
    warning(
      'PROFILE_PART_UNUSABLE',
      `application_profile_ref.http_profile.${path}`,
      `${JSON.stringify(field)} is not a header that may be set; choose another name`,
    ),
  );
  return undefined;
}

function security({ vs, http }: Profile) {
  const tls = vs.services?.find((service) => service.enable_ssl);
  return {
    ...(http.http_to_https ? { https_redirect: { port: tls?.port ?? HTTPS } } : {}),
    ...(http.server_side_redirect_to_https ? { https_locations: true } : {}),
    ...(http.hsts_enabled
      ? { hsts: { max_age: http.hsts_max_age * DAY, include_subdomains: http.hsts_subdomains_enabled } }
      : {}),
    ...(http.secure_cookie_enabled ? { secure_cookies: true } : {}),
    ...(http.httponly_enabled ? { http_only_cookies: true } : {}),
    ...(http.pass_through_x_accel_headers ? { pass_x_accel: true } : {}),
  } satisfies Partial<HttpProfile>;
}

function connections({ http }: Profile) {
  return {
    ...(http.max_keepalive_requests > 0 ? { max_keepalive_requests: http.max_keepalive_requests } : {}),
    ...keepAliveHeader(http),
    ...(http.respond_with_100_continue ? { respond_with_100_continue: true } : {}),
    ...(http.websockets_enabled ? {} : { websockets_enabled: false }),
    ...(http.connection_multiplexing_enabled ? {} : { connection_multiplexing: false }),
    ...(http.detect_ntlm_app ? { detect_ntlm: true } : {}),
    ...(http.fwd_close_hdr_for_bound_connections ? { forward_close: true } : {}),
    ...(http.close_server_side_connection_on_error ? { close_server_connection_on_error: true } : {}),
  } satisfies Partial<HttpProfile>;
}

function keepAliveHeader(http: FilledHTTPApplicationProfile): Pick<HttpProfile, 'keepalive_header'> {
  if (!http.keepalive_header) return {};
  return { keepalive_header: http.use_app_keepalive_timeout ? 'server' : 'own' };
}

/** Limits of HTTP/2, where a port of the virtual service speaks it. */
function http2({ vs, http }: Profile): Pick<HttpProfile, 'http2'> {
  if (vs.services?.some((service) => service.enable_http2) !== true) return {};
  const given = filledMessage<FilledHTTP2ApplicationProfile>('HTTP2ApplicationProfile', http.http2_profile);
  return {
    http2: {
      max_concurrent_streams: given.max_http2_concurrent_streams_per_connection,
      initial_window_size: clamp(given.http2_initial_window_size * KILOBYTE, 65_536, 33_554_432),
      max_header_field_size: given.max_http2_header_field_size,
      max_requests: given.max_http2_requests_per_connection,
      max_control_frames: given.max_http2_control_frames_per_connection,
      max_empty_data_frames: given.max_http2_empty_data_frames_per_connection,
      max_queued_frames: given.max_http2_queued_frames_to_client_per_connection,
    },
  };
}

function bodies({ vs, http, lookup, problems }: Profile) {
  const compression = compressionOf(http.compression_profile, lookup, problems);
  const pages = errorPagesOf(vs.error_page_profile_ref, lookup, problems);
  return {
    ...(compression === undefined ? {} : { compression }),
    ...(pages.length === 0 ? {} : { error_pages: pages }),
  } satisfies Partial<HttpProfile>;
}
