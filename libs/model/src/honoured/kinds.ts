import type { KindName } from '../generated/types.js';
import { FAIL_ACTION } from './fail-action.js';
import type { Mark } from './marks.js';
import { HONOURED_POLICIES } from './policies.js';

/** Changes what a service engine is sent, field by field. */
const TRANSLATED = 'libs/translator/src/honoured.spec.ts';
/** Decides which service engines serve what. */
const CANDIDATES = 'libs/placement/src/candidates.spec.ts';
const SCALE = 'libs/placement/src/scale.spec.ts';
/** Refuses what does not fit together. */
const RULES = 'libs/model/src/rules/rules.spec.ts';

/** The controller's own behaviour, over its API. */
const VS_API = 'apps/controller/src/rest/kinds/virtualservice.spec.ts';
const POOL_API = 'apps/controller/src/rest/kinds/pool.spec.ts';
const OBJECTS_API = 'apps/controller/src/rest/wire/objects.spec.ts';
const DOCS_API = 'apps/controller/src/rest/docs/docs.spec.ts';
const SESSIONS = 'apps/controller/src/identity/session.spec.ts';
const ROLES = 'apps/controller/src/identity/roles.spec.ts';
const SE_OPERATIONS = 'apps/controller/src/operation/se-operations.spec.ts';
const SCALING = 'test/src/scaling/scale.test.ts';
const SERVER_LIFE = 'test/src/pools/server-life.test.ts';

const SERVERS = [
  'ip.*',
  'port',
  'hostname',
  'enabled',
  'disable_immediately',
  'ratio',
  'resolve_server_by_dns',
  'rewrite_host_header',
].map((field) => `servers[].${field}`);

/** A rate: how many, and what becomes of what is too many. */
const rate = (path: string): string[] =>
  [
    'rate_limiter.count',
    'rate_limiter.period',
    'rate_limiter.burst_sz',
    'action.type',
    ...(path.includes('connections') ? [] : ['action.status_code', 'action.file.*', 'action.redirect.*']),
  ].map((field) => `${path}.${field}`);

const VIPS = ['vip_id', 'enabled', 'ip_address.*', 'ip6_address.*'].map((field) => `vip[].${field}`);

/** What a header can tell of the client; names of users and other headers are no part of it. */
const CERTIFICATE_FACTS = [
  'CLIENT_IP',
  'SOURCE_IP',
  'VS_PORT',
  'VS_IP',
  'SSL_CLIENT_FINGERPRINT',
  'SSL_CLIENT_SERIAL',
  'SSL_CLIENT_ISSUER',
  'SSL_CLIENT_SUBJECT',
  'SSL_CLIENT_RAW',
  'SSL_CLIENT_ESCAPED',
  'SSL_PROTOCOL',
  'SSL_SERVER_NAME',
  'SSL_CIPHER',
  'REQUEST_ID',
  'SSL_CLIENT_VERSION',
  'SSL_CLIENT_SIGALG',
  'SSL_CLIENT_NOTVALIDBEFORE',
  'SSL_CLIENT_NOTVALIDAFTER',
].map((fact) => `ssl_client_certificate_action.headers[].request_header_value=HTTP_POLICY_VAR_${fact}`);

const HTTP_PROFILE = [
  'xff_enabled',
  'xff_alternate_name',
  'xff_update',
  'max_rps_cip',
  'max_rps_uri',
  'max_rps_cip_uri',
  'x_forwarded_proto_enabled',
  'use_true_client_ip',
  'true_client_ip.*',
  'request_id_header',
  'request_id_update',
  'http_to_https',
  'server_side_redirect_to_https',
  'hsts_enabled',
  'hsts_max_age',
  'hsts_subdomains_enabled',
  'secure_cookie_enabled',
  'httponly_enabled',
  'ssl_client_certificate_action.headers[].request_header',
  ...CERTIFICATE_FACTS,
  'compression_profile.compression',
  'compression_profile.type',
  'compression_profile.remove_accept_encoding_header',
  'compression_profile.compressible_content_ref',
  'compression_profile.mobile_str_ref',
  'compression_profile.min_length',
  'compression_profile.level_normal',
  'compression_profile.level_aggressive',
  'compression_profile.max_low_rtt',
  'compression_profile.min_high_rtt',
  'compression_profile.filter[].*',
  'pass_through_x_accel_headers',
  'post_accept_timeout',
  'client_header_timeout',
  'client_body_timeout',
  'client_max_request_size',
  'client_max_header_size',
  'client_max_body_size',
  'max_header_count',
  'max_response_headers_size',
  'keepalive_timeout',
  'keepalive_header',
  'use_app_keepalive_timeout',
  'max_keepalive_requests',
  'respond_with_100_continue',
  'websockets_enabled',
  'connection_multiplexing_enabled',
  'detect_ntlm_app',
  'fwd_close_hdr_for_bound_connections',
  'close_server_side_connection_on_error',
  ...[
    'http2_initial_window_size',
    'max_http2_concurrent_streams_per_connection',
    'max_http2_header_field_size',
    'max_http2_requests_per_connection',
    'max_http2_control_frames_per_connection',
    'max_http2_empty_data_frames_per_connection',
    'max_http2_queued_frames_to_client_per_connection',
  ].map((field) => `http2_profile.${field}`),
].map((field) => `http_profile.${field}`);

const HTTP_MONITOR = [
  'http_request',
  'exact_http_request',
  'http_response_code',
  'http_response',
  'http_request_body',
  'response_size',
  'maintenance_code',
  'maintenance_response',
  'auth_type=AUTH_BASIC',
];

/** What acts today, per kind. Add a path together with the test that proves it. */
export const HONOURED: Partial<Record<KindName, readonly Mark[]>> = {
  virtualservice: [
    {
      proof: TRANSLATED,
      paths: [
        'enabled',
        'traffic_enabled',
        'vsvip_ref',
        ...VIPS,
        'services[].port',
        'services[].port_range_end',
        'services[].enable_http2',
        'services[].override_network_profile_ref',
        'l4_policies[].index',
        'l4_policies[].l4_policy_set_ref',
        'application_profile_ref',
        'network_profile_ref',
        'error_page_profile_ref',
        'pool_ref',
        'pool_group_ref',
        'http_policies[].*',
        'network_security_policy_ref',
      ],
    },
    {
      proof: TRANSLATED,
      paths: [
        'analytics_profile_ref',
        'performance_limits.max_concurrent_connections',
        'max_cps_per_client',
        ...rate('connections_rate_limit'),
        ...rate('requests_rate_limit'),
      ],
    },
    { proof: CANDIDATES, paths: ['se_group_ref'] },
    { proof: RULES, paths: ['vrf_context_ref'] },
    { proof: VS_API, paths: SERVERS },
  ],
  vsvip: [
    { proof: TRANSLATED, paths: VIPS },
    { proof: RULES, paths: ['vrf_context_ref'] },
  ],
  pool: [
    { proof: SERVER_LIFE, paths: ['server_disable_type'] },
    {
      proof: TRANSLATED,
      paths: [
        'enabled',
        'default_server_port',
        'lb_algorithm=LB_ALGORITHM_LEAST_CONNECTIONS',
        'lb_algorithm=LB_ALGORITHM_ROUND_ROBIN',
        'lb_algorithm=LB_ALGORITHM_CONSISTENT_HASH',
        'lb_algorithm=LB_ALGORITHM_RANDOM',
        'lb_algorithm=LB_ALGORITHM_CORE_AFFINITY',
        'lb_algorithm=LB_ALGORITHM_POWER_OF_TWO',
        'lb_algorithm=LB_ALGORITHM_LEAST_LOAD',
        'lb_algorithm=LB_ALGORITHM_FASTEST_RESPONSE',
        'lb_algorithm=LB_ALGORITHM_FEWEST_SERVERS',
        'capacity_estimation',
        'capacity_estimation_ttfb_thresh',
        'lb_algorithm=LB_ALGORITHM_FEWEST_TASKS',
        'fewest_tasks_feedback_delay',
        'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS',
        'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS_AND_PORT',
        'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_URI',
        'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER',
        'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_CALLID',
        'lb_algorithm_consistent_hash_hdr',
        'lb_algorithm_core_nonaffinity',
        'ignore_server_port',
        'connection_ramp_duration',
        'connection_ramp_duration_secs',
        'use_service_port',
        'delete_server_on_dns_refresh',
        'lookup_server_by_name',
        'rewrite_host_header_to_server_name',
        'rewrite_host_header_to_sni',
        'append_port',
        'graceful_hm_down_disable_timeout',
        ...SERVERS,
        'ipaddrgroup_ref',
        'health_monitor_refs',
        'application_persistence_profile_ref',
        'min_servers_up',
        'min_health_monitors_up',
        'graceful_disable_timeout',
        'server_timeout',
        ...FAIL_ACTION,
        'server_reselect.enabled',
        'server_reselect.num_retries',
        'server_reselect.retry_nonidempotent',
        'server_reselect.retry_timeout',
        'server_reselect.svr_resp_code.*',
        'inline_health_monitor',
        'enable_http2',
        'conn_pool_properties.upstream_connpool_conn_idle_tmo',
        'conn_pool_properties.upstream_connpool_conn_life_tmo',
        'conn_pool_properties.upstream_connpool_conn_max_reuse',
        'conn_pool_properties.upstream_connpool_server_max_cache',
      ],
    },
    { proof: RULES, paths: ['vrf_ref'] },
  ],
  applicationpersistenceprofile: [
    {
      proof: TRANSLATED,
      paths: [
        ...[
          'HTTP_COOKIE',
          'APP_COOKIE',
          'CLIENT_IP_ADDRESS',
          'CLIENT_IPV6_ADDRESS',
          'TLS',
          'CUSTOM_HTTP_HEADER',
        ].map((type) => `persistence_type=PERSISTENCE_TYPE_${type}`),
        'server_hm_down_recovery',
        ...[
          'cookie_name',
          'encryption_key',
          'key[].name',
          'key[].aes_key',
          'key[].hmac_key',
          'timeout',
          'http_only',
          'is_persistent_cookie',
          'always_send_cookie',
        ].map((field) => `http_cookie_persistence_profile.${field}`),
        'app_cookie_persistence_profile.prst_hdr_name',
        'app_cookie_persistence_profile.timeout',
        'ip_persistence_profile.ip_mask',
        'ip_persistence_profile.ip_persistent_timeout',
        'hdr_persistence_profile.prst_hdr_name',
      ],
    },
  ],
  analyticsprofile: [
    {
      proof: TRANSLATED,
      paths: [
        'exclude_http_error_codes',
        'ranges[].*',
        'resp_code_block',
        'exclude_server_tcp_reset_as_error',
        'exclude_syn_retransmit_as_error',
      ],
    },
  ],
  errorpageprofile: [
    {
      proof: TRANSLATED,
      paths: [
        'error_pages[].enable',
        'error_pages[].index',
        'error_pages[].match.*',
        'error_pages[].error_page_body_ref',
        'error_pages[].error_redirect',
      ],
    },
  ],
  errorpagebody: [{ proof: TRANSLATED, paths: ['error_page_body', 'format'] }],
  ...HONOURED_POLICIES,
  healthmonitor: [
    {
      proof: TRANSLATED,
      paths: [
        'type=HEALTH_MONITOR_HTTP',
        'type=HEALTH_MONITOR_TCP',
        'type=HEALTH_MONITOR_HTTPS',
        'type=HEALTH_MONITOR_UDP',
        'type=HEALTH_MONITOR_DNS',
        'type=HEALTH_MONITOR_SIP',
        'type=HEALTH_MONITOR_PING',
        'type=HEALTH_MONITOR_EXTERNAL',
        'send_interval',
        'receive_timeout',
        'successful_checks',
        'failed_checks',
        'monitor_port',
        'disable_quickstart',
        'allow_duplicate_monitors',
        'authentication.*',
        ...HTTP_MONITOR.flatMap((field) => [`http_monitor.${field}`, `https_monitor.${field}`]),
        'tcp_monitor.tcp_half_open',
        'tcp_monitor.tcp_request',
        'tcp_monitor.tcp_response',
        'tcp_monitor.maintenance_response',
        'udp_monitor.udp_request',
        'udp_monitor.udp_response',
        'udp_monitor.maintenance_response',
        'dns_monitor.query_name',
        'dns_monitor.record_type',
        'dns_monitor.qtype',
        'dns_monitor.rcode',
        'dns_monitor.response_string',
        'sip_monitor.sip_monitor_transport',
        'sip_monitor.sip_response',
        'external_monitor.command_code',
        'external_monitor.command_parameters',
        'external_monitor.command_variables',
      ],
    },
  ],
  applicationprofile: [
    {
      proof: TRANSLATED,
      paths: [
        'type=APPLICATION_PROFILE_TYPE_HTTP',
        'type=APPLICATION_PROFILE_TYPE_L4',
        'type=APPLICATION_PROFILE_TYPE_SIP',
        'sip_service_profile.transaction_timeout',
        'tcp_app_profile.proxy_protocol_enabled',
        'tcp_app_profile.proxy_protocol_version',
        'accept_proxy_protocol',
        'proxy_protocol_group_ref',
        ...HTTP_PROFILE,
      ],
    },
    {
      proof: TRANSLATED,
      paths: [
        ...rate('dos_rl_profile.rl_profile.client_ip_connections_rate_limit'),
        ...rate('dos_rl_profile.rl_profile.client_ip_requests_rate_limit'),
        ...rate('dos_rl_profile.rl_profile.uri_requests_rate_limit'),
        ...rate('dos_rl_profile.rl_profile.client_ip_to_uri_requests_rate_limit'),
        ...rate('dos_rl_profile.rl_profile.http_header_rate_limits[]'),
        'dos_rl_profile.rl_profile.http_header_rate_limits[].http_header',
      ],
    },
  ],
  l4policyset: [
    {
      proof: TRANSLATED,
      paths: [
        'l4_connection_policy.rules[].name',
        'l4_connection_policy.rules[].index',
        'l4_connection_policy.rules[].enable',
        'l4_connection_policy.rules[].match.client_ip.*',
        'l4_connection_policy.rules[].match.port.*',
        'l4_connection_policy.rules[].match.protocol.*',
        'l4_connection_policy.rules[].match.server_name.match_criteria',
        'l4_connection_policy.rules[].match.server_name.match_str',
        'l4_connection_policy.rules[].action.select_pool.action_type=L4_RULE_ACTION_SELECT_POOL',
        'l4_connection_policy.rules[].action.select_pool.action_type=L4_RULE_ACTION_SELECT_POOLGROUP',
        'l4_connection_policy.rules[].action.select_pool.pool_group_ref',
        'l4_connection_policy.rules[].action.select_pool.pool_ref',
      ],
    },
  ],
  networkprofile: [
    {
      proof: TRANSLATED,
      paths: [
        'profile.type=PROTOCOL_TYPE_TCP_PROXY',
        'profile.type=PROTOCOL_TYPE_TCP_FAST_PATH',
        'profile.tcp_proxy_profile.idle_connection_timeout',
        'profile.tcp_proxy_profile.idle_connection_type',
        'profile.tcp_proxy_profile.nagles_algorithm',
        'profile.tcp_proxy_profile.ip_dscp',
        'profile.tcp_proxy_profile.max_segment_size',
        'profile.tcp_fast_path_profile.session_idle_timeout',
        'profile.type=PROTOCOL_TYPE_UDP_FAST_PATH',
        'profile.type=PROTOCOL_TYPE_UDP_PROXY',
        'profile.udp_fast_path_profile.session_idle_timeout',
        'profile.udp_fast_path_profile.per_pkt_loadbalance',
        'profile.udp_proxy_profile.session_idle_timeout',
      ],
    },
  ],
  serviceenginegroup: [
    { proof: TRANSLATED, paths: ['vip_distribution=host', 'dp_hb_frequency', 'dp_hb_timeout_count'] },
    { proof: SCALE, paths: ['min_scaleout_per_vs', 'max_scaleout_per_vs', 'ha_mode'] },
    { proof: CANDIDATES, paths: ['max_vs_per_se', 'max_se', 'buffer_se', 'algo'] },
    { proof: SE_OPERATIONS, paths: ['se_name_prefix'] },
    { proof: SCALING, paths: ['vs_scalein_timeout'] },
  ],
  user: [
    { proof: SESSIONS, paths: ['password', 'username', 'is_superuser'] },
    {
      proof: ROLES,
      paths: [
        'access[].tenant_ref',
        'access[].role_ref',
        'access[].all_tenants',
        'default_tenant_ref',
        'is_active',
      ],
    },
  ],
  role: [{ proof: ROLES, paths: ['privileges[].resource', 'privileges[].type'] }],
  systemconfiguration: [
    { proof: POOL_API, paths: ['allow_pool_sharing'] },
    { proof: OBJECTS_API, paths: ['portal_configuration.use_uuid_from_input'] },
    { proof: DOCS_API, paths: ['portal_configuration.disable_swagger'] },
    {
      proof: SESSIONS,
      paths: [
        'portal_configuration.allow_basic_authentication',
        'portal_configuration.minimum_password_length',
        'portal_configuration.max_login_failure_count',
        'portal_configuration.account_lock_timeout',
      ],
    },
  ],
  cloud: [{ proof: SE_OPERATIONS, paths: ['connector'] }],
  controllerproperties: [
    { proof: SESSIONS, paths: ['api_idle_timeout'] },
    { proof: SE_OPERATIONS, paths: ['se_spawn_retry_interval'] },
  ],
  serviceengine: [{ proof: CANDIDATES, paths: ['enable_state', 'se_group_ref'] }],
};
