import { describe, expect, it } from '@jest/globals';
import { kindNames, marksOf, type KindName } from '@spillway/model';
import { canonical } from '@spillway/snapshot';
import { SnapshotSource } from './index.js';
import { objectsOf, type WrittenObject } from './testing/objects.js';
import { PERSISTENCE_CHANGES, PERSISTENCE_OBJECTS } from './testing/persistence-changes.js';
import { FAIL_ACTION_CHANGES } from './testing/fail-action-changes.js';
import { type Change, POLICY_CHANGES, POLICY_OBJECTS, POLICY_REFERENCES } from './testing/policy-changes.js';

const SE = 'serviceengine-1';
const v4 = (addr: string): object => ({ addr, type: 'V4' });
const v6 = (addr: string): object => ({ addr, type: 'V6' });

const selectPool = (pool_ref: string): object => ({ action_type: 'L4_RULE_ACTION_SELECT_POOL', pool_ref });

const object = (uuid: string, spec: object): WrittenObject => ({
  kind: uuid.slice(0, uuid.lastIndexOf('-')) as KindName,
  uuid,
  spec: { name: uuid, ...spec },
});

/** Two virtual services, one for HTTP and one for TCP, that use everything below them. */
function world(): WrittenObject[] {
  return [
    object('serviceenginegroup-1', {}),
    object(SE, { se_group_ref: 'serviceenginegroup-1' }),
    object('applicationprofile-1', {
      type: 'APPLICATION_PROFILE_TYPE_HTTP',
      http_profile: {
        compression_profile: { compression: true, compressible_content_ref: 'stringgroup-1' },
        ssl_client_certificate_action: { headers: [{}] },
      },
      dos_rl_profile: { rl_profile: { http_header_rate_limits: [{}] } },
    }),
    object('applicationprofile-2', { type: 'APPLICATION_PROFILE_TYPE_L4' }),
    object('networkprofile-1', { profile: { type: 'PROTOCOL_TYPE_TCP_PROXY', tcp_proxy_profile: {} } }),
    object('networkprofile-2', {
      profile: { type: 'PROTOCOL_TYPE_TCP_FAST_PATH', tcp_fast_path_profile: {}, tcp_proxy_profile: {} },
    }),
    object('networkprofile-3', {
      profile: { type: 'PROTOCOL_TYPE_UDP_FAST_PATH', udp_fast_path_profile: {}, udp_proxy_profile: {} },
    }),
    object('healthmonitor-1', { type: 'HEALTH_MONITOR_HTTP', http_monitor: {} }),
    object('healthmonitor-2', { type: 'HEALTH_MONITOR_TCP', tcp_monitor: {} }),
    object('ipaddrgroup-1', { addrs: [v4('10.0.1.1')] }),
    object('sslprofile-1', { accepted_versions: [{ type: 'SSL_VERSION_TLS1_3' }] }),
    {
      kind: 'resolvedname',
      uuid: 'resolvedname-app.example',
      spec: {
        name: 'app.example',
        addresses: [{ address: '10.1.0.1' }, { address: '10.1.0.2', gone_at: 1, over: true }],
      },
    },
    object('stringgroup-1', { type: 'SG_TYPE_STRING', kv: [{ key: 'text/html' }] }),
    object('stringgroup-2', { type: 'SG_TYPE_STRING', kv: [{ key: 'text/plain' }] }),
    object('analyticsprofile-1', { exclude_http_error_codes: [404], ranges: [{ begin: 501, end: 503 }] }),
    object('analyticsprofile-2', {}),
    object('errorpagebody-1', { error_page_body: 'sorry' }),
    object('errorpagebody-2', { error_page_body: 'so sorry' }),
    object('errorpageprofile-1', {
      error_pages: [
        { index: 1, error_page_body_ref: 'errorpagebody-1' },
        { index: 2, error_page_body_ref: 'errorpagebody-2' },
      ],
    }),
    object('errorpageprofile-2', { error_pages: [{ error_redirect: '/' }] }),
    ...POLICY_OBJECTS.map(([uuid, spec]) => object(uuid, structuredClone(spec))),
    ...PERSISTENCE_OBJECTS.map(([uuid, spec]) => object(uuid, structuredClone(spec))),
    object('pool-1', {
      application_persistence_profile_ref: 'applicationpersistenceprofile-1',
      health_monitor_refs: ['healthmonitor-1'],
      servers: [{ ip: v4('10.0.0.1') }, { ip: v4('10.0.0.2'), port: 81, enabled: false }],
    }),
    object('pool-2', { health_monitor_refs: ['healthmonitor-2'], ipaddrgroup_ref: 'ipaddrgroup-1' }),
    object('pool-3', {}),
    object('vsvip-1', { vip: [{ vip_id: '0', ip_address: v4('127.0.0.10'), ip6_address: v6('fd00::10') }] }),
    object('vsvip-2', { vip: [{ vip_id: '0', ip_address: v4('127.0.0.12') }] }),
    object('virtualservice-1', {
      vsvip_ref: 'vsvip-1',
      pool_ref: 'pool-1',
      application_profile_ref: 'applicationprofile-1',
      error_page_profile_ref: 'errorpageprofile-1',
      analytics_profile_ref: 'analyticsprofile-1',
      network_profile_ref: 'networkprofile-1',
      http_policies: [{ index: 1, http_policy_set_ref: 'httppolicyset-1' }],
      network_security_policy_ref: 'networksecuritypolicy-1',
      services: [{ port: 80, enable_http2: true }],
    }),
    object('virtualservice-2', {
      vip: [{ vip_id: '0', ip_address: v4('127.0.0.11'), ip6_address: v6('fd00::11') }],
      pool_ref: 'pool-2',
      application_profile_ref: 'applicationprofile-2',
      network_profile_ref: 'networkprofile-2',
      services: [{ port: 90 }, { port: 91, override_network_profile_ref: 'networkprofile-3' }],
      l4_policies: [
        { index: 1, l4_policy_set_ref: 'l4policyset-1' },
        { index: 2, l4_policy_set_ref: 'l4policyset-2' },
      ],
    }),
    object('poolgroup-2', { members: [{ pool_ref: 'pool-2' }] }),
    object('l4policyset-1', {
      l4_connection_policy: {
        rules: [
          {
            name: 'one',
            index: 1,
            match: {
              client_ip: { match_criteria: 'IS_IN', addrs: [v4('10.0.0.7')] },
              port: { match_criteria: 'IS_IN', ports: [90] },
              protocol: { match_criteria: 'IS_IN', protocol: 'PROTOCOL_TCP' },
              server_name: { match_criteria: 'EQUALS', match_str: ['a.example'] },
            },
            action: { select_pool: selectPool('pool-1') },
          },
          { name: 'two', index: 2, action: { select_pool: selectPool('pool-2') } },
        ],
      },
    }),
    object('l4policyset-2', {
      l4_connection_policy: {
        rules: [{ name: 'three', index: 1, action: { select_pool: selectPool('pool-2') } }],
      },
    }),
  ];
}

function snapshot(written: readonly WrittenObject[]): string {
  const objects = objectsOf(written);
  const source = new SnapshotSource({ get: (uuid) => objects.get(uuid) }, 'cluster-1');
  source.track(SE);
  for (const vsUuid of ['virtualservice-1', 'virtualservice-2']) {
    source.setPlacement(vsUuid, {
      id: vsUuid,
      vsUuid,
      vipId: '0',
      seUuid: SE,
      primary: true,
      desired: 'active',
      epoch: 1,
      drainTimeout: 30_000,
    });
  }
  return canonical([...source.snapshotOf(SE).fragments.values()]);
}

/** Sets a value at a path, the first element of each list. */
function set(spec: object, path: string, value: unknown): void {
  const steps = path.replaceAll('[]', '.0').split('.');
  let at = spec as Record<string, unknown>;
  for (const step of steps.slice(0, -1)) {
    at[step] ??= {};
    at = at[step] as Record<string, unknown>;
  }
  at[steps.at(-1) as string] = value;
}

const HTTPS = { type: 'HEALTH_MONITOR_HTTPS' };
const DNS = { type: 'HEALTH_MONITOR_DNS', 'dns_monitor.query_name': 'a.example' };
const EXTERNAL = { type: 'HEALTH_MONITOR_EXTERNAL', 'external_monitor.command_code': 'echo ok' };
const QUEUES = { max_concurrent_connections_per_server: 5, request_queue_enabled: true };
const HASH = { lb_algorithm: 'LB_ALGORITHM_CONSISTENT_HASH' };
const RESELECT = { 'server_reselect.enabled': true };
const HEADER_RATE = 'dos_rl_profile.rl_profile.http_header_rate_limits[]';

/** Changes of every part of a rate; `given` makes it one. */
function rateChanges(path: string, more: Record<string, unknown> = {}): Record<string, Change> {
  const base = { [`${path}.rate_limiter.count`]: 10, [`${path}.rate_limiter.period`]: 1, ...more };
  const given = (type: string): Record<string, unknown> => ({
    ...base,
    [`${path}.action.type`]: type,
    ...(type === 'RL_ACTION_REDIRECT' ? { [`${path}.action.redirect.protocol`]: 'HTTPS' } : {}),
  });
  const answered = path.includes('connections') ? 'RL_ACTION_RESET_CONN' : 'RL_ACTION_LOCAL_RSP';
  const changes: Record<string, Change> = {
    'rate_limiter.count': { to: 20, given: given(answered) },
    'rate_limiter.period': { to: 2, given: given(answered) },
    'rate_limiter.burst_sz': { to: 50, given: given(answered) },
    'action.type': { to: 'RL_ACTION_CLOSE_CONN', given: given(answered) },
  };
  if (!path.includes('connections')) {
    changes['action.status_code'] = { to: 'HTTP_LOCAL_RESPONSE_STATUS_CODE_403', given: given(answered) };
    changes['action.file.*'] = {
      to: { content_type: 'text/plain', file_content: 'slow down' },
      at: 'action.file',
      given: given(answered),
    };
    changes['action.redirect.*'] = {
      to: { protocol: 'HTTP', keep_query: false, status_code: 'HTTP_REDIRECT_STATUS_CODE_307' },
      at: 'action.redirect',
      given: given('RL_ACTION_REDIRECT'),
    };
  }
  return Object.fromEntries(
    Object.entries(changes).map(([field, change]) => [
      `${path}.${field}`,
      change.at === undefined ? change : { ...change, at: `${path}.${change.at}` },
    ]),
  );
}

const PROOF = 'libs/translator/src/honoured.spec.ts';
const marked = (kind: KindName): string[] =>
  marksOf(kind).flatMap((mark) => (mark.proof === PROOF ? mark.paths : []));

const CERTIFICATE_HEADER = 'http_profile.ssl_client_certificate_action.headers[]';

/** Each value that is marked, in place of another one. */
function certificateFacts(): Record<string, Change> {
  const path = `${CERTIFICATE_HEADER}.request_header_value`;
  const values = marked('applicationprofile').filter((p) => p.startsWith(`${path}=`));
  return Object.fromEntries(
    values.map((p, i) => {
      const other = values[(i + 1) % values.length] as string;
      const valueOf = (mark: string): string => mark.slice(path.length + 1);
      const given = { [`${CERTIFICATE_HEADER}.request_header`]: 'X-A', [path]: valueOf(other) };
      return [p, { to: valueOf(p), given }];
    }),
  );
}

/** For each field that a service engine is told of: a change that it must notice. */
const CHANGES: { readonly [K in KindName]?: Readonly<Record<string, Change>> } = {
  virtualservice: {
    ...POLICY_REFERENCES,
    enabled: { to: false },
    traffic_enabled: { to: false },
    vsvip_ref: { to: 'vsvip-2' },
    'vip[].vip_id': { to: '7', of: 2 },
    'vip[].enabled': { to: false, of: 2 },
    'vip[].ip_address.*': { to: '127.0.0.99', at: 'vip[].ip_address.addr', of: 2 },
    'vip[].ip6_address.*': { to: 'fd00::99', at: 'vip[].ip6_address.addr', of: 2 },
    'services[].port': { to: 82 },
    'services[].port_range_end': { to: 89 },
    'services[].enable_http2': { to: false },
    'l4_policies[].index': { to: 9, of: 2 },
    'l4_policies[].l4_policy_set_ref': { to: 'l4policyset-2', of: 2 },
    'services[].override_network_profile_ref': { to: 'networkprofile-3', of: 2 },
    application_profile_ref: { to: 'applicationprofile-2' },
    network_profile_ref: { to: 'networkprofile-1', of: 2 },
    error_page_profile_ref: { to: 'errorpageprofile-2' },
    analytics_profile_ref: { to: 'analyticsprofile-2' },
    'performance_limits.max_concurrent_connections': { to: 100 },
    max_cps_per_client: { to: 50 },
    ...rateChanges('connections_rate_limit'),
    ...rateChanges('requests_rate_limit'),
    pool_ref: { to: 'pool-2' },
    min_pools_up: { to: 2, given: { remove_listening_port_on_vs_down: true } },
    remove_listening_port_on_vs_down: { to: true },
  },
  vsvip: {
    'vip[].vip_id': { to: '7' },
    'vip[].enabled': { to: false },
    'vip[].ip_address.*': { to: '127.0.0.99', at: 'vip[].ip_address.addr' },
    'vip[].ip6_address.*': { to: 'fd00::99', at: 'vip[].ip6_address.addr' },
  },
  pool: {
    enabled: { to: false },
    enable_http2: { to: true },
    default_server_port: { to: 8080 },
    'lb_algorithm=LB_ALGORITHM_LEAST_CONNECTIONS': {
      to: 'LB_ALGORITHM_LEAST_CONNECTIONS',
      given: { lb_algorithm: 'LB_ALGORITHM_ROUND_ROBIN' },
    },
    'lb_algorithm=LB_ALGORITHM_ROUND_ROBIN': { to: 'LB_ALGORITHM_ROUND_ROBIN' },
    'lb_algorithm=LB_ALGORITHM_CONSISTENT_HASH': { to: 'LB_ALGORITHM_CONSISTENT_HASH' },
    'lb_algorithm=LB_ALGORITHM_RANDOM': { to: 'LB_ALGORITHM_RANDOM' },
    'lb_algorithm=LB_ALGORITHM_CORE_AFFINITY': { to: 'LB_ALGORITHM_CORE_AFFINITY' },
    'lb_algorithm=LB_ALGORITHM_POWER_OF_TWO': { to: 'LB_ALGORITHM_POWER_OF_TWO' },
    'lb_algorithm=LB_ALGORITHM_LEAST_LOAD': { to: 'LB_ALGORITHM_LEAST_LOAD' },
    'lb_algorithm=LB_ALGORITHM_FASTEST_RESPONSE': { to: 'LB_ALGORITHM_FASTEST_RESPONSE' },
    'lb_algorithm=LB_ALGORITHM_FEWEST_SERVERS': { to: 'LB_ALGORITHM_FEWEST_SERVERS' },
    capacity_estimation: { to: true },
    capacity_estimation_ttfb_thresh: { to: 40 },
    'lb_algorithm=LB_ALGORITHM_FEWEST_TASKS': { to: 'LB_ALGORITHM_FEWEST_TASKS' },
    'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS': {
      to: 'LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS',
      given: { ...HASH, lb_algorithm_hash: 'LB_ALGORITHM_CONSISTENT_HASH_URI' },
    },
    'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS_AND_PORT': {
      to: 'LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS_AND_PORT',
      given: HASH,
    },
    'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_URI': {
      to: 'LB_ALGORITHM_CONSISTENT_HASH_URI',
      given: HASH,
    },
    'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER': {
      to: 'LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER',
      given: HASH,
    },
    'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_CALLID': {
      to: 'LB_ALGORITHM_CONSISTENT_HASH_CALLID',
      given: HASH,
    },
    'lb_algorithm_hash=LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_STRING': {
      to: 'LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_STRING',
      given: HASH,
    },
    lb_algorithm_consistent_hash_hdr: {
      to: 'X-Other',
      given: { ...HASH, lb_algorithm_hash: 'LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER' },
    },
    lb_algo_rr_per_se: { to: true, given: { lb_algorithm: 'LB_ALGORITHM_ROUND_ROBIN' } },
    lb_algorithm_core_nonaffinity: { to: 3, given: { lb_algorithm: 'LB_ALGORITHM_CORE_AFFINITY' } },
    ignore_server_port: { to: true, given: HASH },
    'servers[].ip.*': { to: '10.0.0.9', at: 'servers[].ip.addr' },
    'servers[].port': { to: 8080 },
    'servers[].hostname': { to: 'one.example' },
    'servers[].enabled': { to: false },
    'servers[].disable_immediately': { to: true, given: { 'servers[].enabled': false } },
    'servers[].ratio': { to: 3 },
    'servers[].resolve_server_by_dns': { to: true, given: { 'servers[].hostname': 'app.example' } },
    'servers[].rewrite_host_header': { to: true },
    use_service_port: { to: true },
    delete_server_on_dns_refresh: {
      to: false,
      given: { servers: [{ ip: { addr: 'app.example', type: 'DNS' } }] },
    },
    lookup_server_by_name: { to: true },
    rewrite_host_header_to_server_name: { to: true },
    rewrite_host_header_to_sni: {
      to: true,
      given: { ssl_profile_ref: 'sslprofile-1', server_name: 'a.example' },
    },
    append_port: { to: 'NEVER', given: { rewrite_host_header_to_server_name: true } },
    graceful_hm_down_disable_timeout: { to: 30 },
    ipaddrgroup_ref: { to: 'ipaddrgroup-1' },
    health_monitor_refs: { to: ['healthmonitor-2'] },
    application_persistence_profile_ref: { to: 'applicationpersistenceprofile-2' },
    'servers[].prst_hdr_val': { to: 's1' },
    min_servers_up: { to: 2 },
    min_health_monitors_up: { to: 1 },
    graceful_disable_timeout: { to: 7 },
    max_concurrent_connections_per_server: { to: 5 },
    request_queue_enabled: { to: true, given: { max_concurrent_connections_per_server: 5 } },
    request_queue_depth: { to: 9, given: QUEUES },
    request_queue_timeout: { to: 900, given: QUEUES },
    fewest_tasks_feedback_delay: { to: 5, given: { lb_algorithm: 'LB_ALGORITHM_FEWEST_TASKS' } },
    connection_ramp_duration: { to: 3 },
    connection_ramp_duration_secs: { to: 4 },
    server_timeout: { to: 5000 },
    ...FAIL_ACTION_CHANGES,
    'server_reselect.enabled': { to: true },
    'server_reselect.num_retries': { to: 2, given: RESELECT },
    'server_reselect.retry_nonidempotent': { to: true, given: RESELECT },
    'server_reselect.retry_timeout': { to: 300, given: RESELECT },
    'server_reselect.svr_resp_code.*': {
      to: { codes: [404], ranges: [{ begin: 500, end: 502 }] },
      at: 'server_reselect.svr_resp_code',
      given: RESELECT,
    },
    inline_health_monitor: { to: false },
    'conn_pool_properties.upstream_connpool_conn_idle_tmo': { to: 5000 },
    'conn_pool_properties.upstream_connpool_conn_life_tmo': { to: 5000 },
    'conn_pool_properties.upstream_connpool_conn_max_reuse': { to: 5 },
    'conn_pool_properties.upstream_connpool_server_max_cache': { to: 5 },
  },
  applicationpersistenceprofile: PERSISTENCE_CHANGES,
  analyticsprofile: {
    exclude_http_error_codes: { to: [410] },
    exclude_sip_error_codes: { to: [503] },
    'ranges[].*': { to: 599, at: 'ranges[].end' },
    resp_code_block: { to: ['AP_HTTP_RSP_4XX'] },
    exclude_server_tcp_reset_as_error: { to: true },
    exclude_syn_retransmit_as_error: { to: true },
  },
  errorpageprofile: {
    'error_pages[].enable': { to: false },
    'error_pages[].index': { to: 9 },
    'error_pages[].match.*': {
      to: { match_criteria: 'IS_NOT_IN', status_codes: [502] },
      at: 'error_pages[].match',
    },
    'error_pages[].error_page_body_ref': { to: 'errorpagebody-2' },
    'error_pages[].error_redirect': {
      to: '/sorry',
      given: { 'error_pages[].error_page_body_ref': undefined },
    },
  },
  errorpagebody: {
    error_page_body: { to: 'other' },
    format: { to: 'ERROR_PAGE_FORMAT_JSON' },
  },
  ...POLICY_CHANGES,
  poolgroup: { ...POLICY_CHANGES.poolgroup, ...FAIL_ACTION_CHANGES },
  healthmonitor: {
    'type=HEALTH_MONITOR_HTTP': { to: 'HEALTH_MONITOR_HTTP', of: 2 },
    'type=HEALTH_MONITOR_TCP': { to: 'HEALTH_MONITOR_TCP' },
    'type=HEALTH_MONITOR_HTTPS': { to: 'HEALTH_MONITOR_HTTPS' },
    'type=HEALTH_MONITOR_UDP': { to: 'HEALTH_MONITOR_UDP' },
    'type=HEALTH_MONITOR_DNS': {
      to: 'HEALTH_MONITOR_DNS',
      given: { 'dns_monitor.query_name': 'a.example' },
    },
    'type=HEALTH_MONITOR_SIP': { to: 'HEALTH_MONITOR_SIP' },
    'type=HEALTH_MONITOR_PING': { to: 'HEALTH_MONITOR_PING' },
    'type=HEALTH_MONITOR_EXTERNAL': {
      to: 'HEALTH_MONITOR_EXTERNAL',
      given: { 'external_monitor.command_code': 'echo ok' },
    },
    send_interval: { to: 7 },
    receive_timeout: { to: 3 },
    successful_checks: { to: 5 },
    failed_checks: { to: 5 },
    monitor_port: { to: 8080 },
    disable_quickstart: { to: true },
    allow_duplicate_monitors: { to: true },
    shared_probing: { to: true },
    'http_monitor.http_request': { to: 'GET /health HTTP/1.0' },
    'http_monitor.exact_http_request': { to: true },
    'http_monitor.http_response_code': { to: ['HTTP_4XX'] },
    'http_monitor.http_response': { to: 'ok' },
    'http_monitor.http_request_body': { to: 'hello' },
    'http_monitor.response_size': { to: 4096 },
    'http_monitor.maintenance_code': { to: [503] },
    'http_monitor.maintenance_response': { to: 'closed' },
    'http_monitor.auth_type=AUTH_BASIC': {
      to: 'AUTH_BASIC',
      given: { authentication: { username: 'u', password: 'p' } },
    },
    'authentication.*': {
      to: { username: 'u', password: 'p' },
      at: 'authentication',
      given: { 'http_monitor.auth_type': 'AUTH_BASIC' },
    },
    'https_monitor.http_request': { to: 'GET /health HTTP/1.0', given: HTTPS },
    'https_monitor.exact_http_request': { to: true, given: HTTPS },
    'https_monitor.http_response_code': { to: ['HTTP_4XX'], given: HTTPS },
    'https_monitor.http_response': { to: 'ok', given: HTTPS },
    'https_monitor.http_request_body': { to: 'hello', given: HTTPS },
    'https_monitor.response_size': { to: 4096, given: HTTPS },
    'https_monitor.maintenance_code': { to: [503], given: HTTPS },
    'https_monitor.maintenance_response': { to: 'closed', given: HTTPS },
    'https_monitor.auth_type=AUTH_BASIC': {
      to: 'AUTH_BASIC',
      given: { ...HTTPS, authentication: { username: 'u', password: 'p' } },
    },
    'udp_monitor.udp_request': { to: 'ping', given: { type: 'HEALTH_MONITOR_UDP' } },
    'udp_monitor.udp_response': { to: 'pong', given: { type: 'HEALTH_MONITOR_UDP' } },
    'udp_monitor.maintenance_response': { to: 'closed', given: { type: 'HEALTH_MONITOR_UDP' } },
    'dns_monitor.query_name': { to: 'b.example', given: DNS },
    'dns_monitor.record_type': { to: 'DNS_RECORD_AAAA', given: DNS },
    'dns_monitor.qtype': { to: 'DNS_ANY_TYPE', given: DNS },
    'dns_monitor.rcode': { to: 'RCODE_ANYTHING', given: DNS },
    'dns_monitor.response_string': { to: '10.0.0.1', given: DNS },
    'sip_monitor.sip_monitor_transport': { to: 'SIP_TCP_PROTO', given: { type: 'HEALTH_MONITOR_SIP' } },
    'sip_monitor.sip_response': { to: '200 OK', given: { type: 'HEALTH_MONITOR_SIP' } },
    'external_monitor.command_code': { to: 'echo no', given: EXTERNAL },
    'external_monitor.command_parameters': { to: '-v', given: EXTERNAL },
    'external_monitor.command_variables': { to: 'A=b', given: EXTERNAL },
    'tcp_monitor.maintenance_response': { to: 'closed', of: 2 },
    'tcp_monitor.tcp_half_open': { to: true, of: 2 },
    'tcp_monitor.tcp_request': { to: 'ping', of: 2 },
    'tcp_monitor.tcp_response': { to: 'pong', of: 2 },
  },
  applicationprofile: {
    'type=APPLICATION_PROFILE_TYPE_HTTP': { to: 'APPLICATION_PROFILE_TYPE_HTTP', of: 2 },
    'type=APPLICATION_PROFILE_TYPE_L4': { to: 'APPLICATION_PROFILE_TYPE_L4' },
    'type=APPLICATION_PROFILE_TYPE_SIP': { to: 'APPLICATION_PROFILE_TYPE_SIP', of: 2 },
    'sip_service_profile.transaction_timeout': {
      to: 9,
      of: 2,
      given: { type: 'APPLICATION_PROFILE_TYPE_SIP' },
    },
    'tcp_app_profile.proxy_protocol_enabled': { to: true, of: 2 },
    'tcp_app_profile.proxy_protocol_version': {
      to: 'PROXY_PROTOCOL_VERSION_2',
      of: 2,
      given: { 'tcp_app_profile.proxy_protocol_enabled': true },
    },
    accept_proxy_protocol: { to: true },
    proxy_protocol_group_ref: { to: 'ipaddrgroup-1', given: { accept_proxy_protocol: true } },
    'http_profile.xff_enabled': { to: false },
    'http_profile.max_rps_cip': { to: 20 },
    'http_profile.max_rps_uri': { to: 20 },
    'http_profile.max_rps_cip_uri': { to: 20 },
    'http_profile.xff_alternate_name': { to: 'X-Client' },
    'http_profile.xff_update': { to: 'ADD_NEW_XFF_HEADER' },
    'http_profile.x_forwarded_proto_enabled': { to: true },
    'http_profile.use_true_client_ip': { to: true },
    'http_profile.true_client_ip.*': {
      to: 'RIGHT',
      at: 'http_profile.true_client_ip.direction',
      given: { 'http_profile.use_true_client_ip': true },
    },
    'http_profile.request_id_header': { to: 'X-Trace' },
    'http_profile.request_id_update': {
      to: 'REPLACE_REQUEST_ID',
      given: { 'http_profile.request_id_header': 'X-Trace' },
    },
    'http_profile.http_to_https': { to: true },
    'http_profile.server_side_redirect_to_https': { to: true },
    'http_profile.hsts_enabled': { to: true },
    'http_profile.hsts_max_age': { to: 7, given: { 'http_profile.hsts_enabled': true } },
    'http_profile.hsts_subdomains_enabled': { to: false, given: { 'http_profile.hsts_enabled': true } },
    'http_profile.secure_cookie_enabled': { to: true },
    'http_profile.httponly_enabled': { to: true },
    'http_profile.ssl_client_certificate_action.headers[].request_header': {
      to: 'X-Cipher',
      given: { [`${CERTIFICATE_HEADER}.request_header_value`]: 'HTTP_POLICY_VAR_SSL_CIPHER' },
    },
    ...certificateFacts(),
    'http_profile.compression_profile.compression': { to: false },
    'http_profile.compression_profile.type': { to: 'CUSTOM_COMPRESSION' },
    'http_profile.compression_profile.remove_accept_encoding_header': { to: false },
    'http_profile.compression_profile.compressible_content_ref': { to: 'stringgroup-2' },
    'http_profile.compression_profile.mobile_str_ref': { to: 'stringgroup-2' },
    'http_profile.compression_profile.min_length': { to: 7 },
    'http_profile.compression_profile.level_normal': { to: 7 },
    'http_profile.compression_profile.level_aggressive': { to: 7 },
    'http_profile.compression_profile.max_low_rtt': { to: 7 },
    'http_profile.compression_profile.min_high_rtt': { to: 77 },
    'http_profile.compression_profile.filter[].*': {
      to: [{ index: 1, name: 'all', level: 'NORMAL_COMPRESSION' }],
      at: 'http_profile.compression_profile.filter',
      given: { 'http_profile.compression_profile.type': 'CUSTOM_COMPRESSION' },
    },
    'http_profile.pass_through_x_accel_headers': { to: true },
    'http_profile.post_accept_timeout': { to: 15_000 },
    'http_profile.max_response_headers_size': { to: 64 },
    'http_profile.keepalive_header': { to: true },
    'http_profile.use_app_keepalive_timeout': {
      to: true,
      given: { 'http_profile.keepalive_header': true },
    },
    'http_profile.max_keepalive_requests': { to: 7 },
    'http_profile.respond_with_100_continue': { to: false },
    'http_profile.websockets_enabled': { to: false },
    'http_profile.connection_multiplexing_enabled': { to: false },
    'http_profile.detect_ntlm_app': { to: false },
    'http_profile.fwd_close_hdr_for_bound_connections': { to: false },
    'http_profile.close_server_side_connection_on_error': { to: true },
    'http_profile.http2_profile.http2_initial_window_size': { to: 128 },
    'http_profile.http2_profile.max_http2_concurrent_streams_per_connection': { to: 7 },
    'http_profile.http2_profile.max_http2_header_field_size': { to: 8000 },
    'http_profile.http2_profile.max_http2_requests_per_connection': { to: 7 },
    'http_profile.http2_profile.max_http2_control_frames_per_connection': { to: 7 },
    'http_profile.http2_profile.max_http2_empty_data_frames_per_connection': { to: 7 },
    'http_profile.http2_profile.max_http2_queued_frames_to_client_per_connection': { to: 7 },
    'http_profile.keepalive_timeout': { to: 15_000 },
    'http_profile.client_header_timeout': { to: 15_000 },
    'http_profile.client_body_timeout': { to: 15_000 },
    'http_profile.client_max_request_size': { to: 64 },
    'http_profile.client_max_header_size': { to: 64 },
    'http_profile.client_max_body_size': { to: 64 },
    'http_profile.max_header_count': { to: 64 },
    ...rateChanges('dos_rl_profile.rl_profile.client_ip_connections_rate_limit'),
    ...rateChanges('dos_rl_profile.rl_profile.client_ip_requests_rate_limit'),
    ...rateChanges('dos_rl_profile.rl_profile.uri_requests_rate_limit'),
    ...rateChanges('dos_rl_profile.rl_profile.client_ip_to_uri_requests_rate_limit'),
    ...rateChanges(HEADER_RATE, { [`${HEADER_RATE}.http_header`]: 'X-Key' }),
    [`${HEADER_RATE}.http_header`]: {
      to: 'X-Other',
      given: {
        [`${HEADER_RATE}.http_header`]: 'X-Key',
        [`${HEADER_RATE}.rate_limiter.count`]: 10,
        [`${HEADER_RATE}.rate_limiter.period`]: 1,
        [`${HEADER_RATE}.action.type`]: 'RL_ACTION_RESET_CONN',
      },
    },
  },
  l4policyset: {
    'l4_connection_policy.rules[].name': { to: 'other' },
    'l4_connection_policy.rules[].index': { to: 9 },
    'l4_connection_policy.rules[].enable': { to: false },
    'l4_connection_policy.rules[].match.client_ip.*': {
      to: [v4('10.0.0.8')],
      at: 'l4_connection_policy.rules[].match.client_ip.addrs',
    },
    'l4_connection_policy.rules[].match.port.*': {
      to: 'IS_NOT_IN',
      at: 'l4_connection_policy.rules[].match.port.match_criteria',
    },
    'l4_connection_policy.rules[].match.protocol.*': {
      to: 'PROTOCOL_UDP',
      at: 'l4_connection_policy.rules[].match.protocol.protocol',
    },
    'l4_connection_policy.rules[].match.server_name.match_criteria': { to: 'ENDS_WITH' },
    'l4_connection_policy.rules[].match.server_name.match_str': { to: ['b.example'] },
    'l4_connection_policy.rules[].action.select_pool.action_type=L4_RULE_ACTION_SELECT_POOL': {
      to: 'L4_RULE_ACTION_SELECT_POOL',
      given: {
        'l4_connection_policy.rules[].action.select_pool.action_type': 'L4_RULE_ACTION_SELECT_POOLGROUP',
      },
    },
    'l4_connection_policy.rules[].action.select_pool.pool_ref': { to: 'pool-2' },
    'l4_connection_policy.rules[].action.select_pool.action_type=L4_RULE_ACTION_SELECT_POOLGROUP': {
      to: 'L4_RULE_ACTION_SELECT_POOLGROUP',
      given: { 'l4_connection_policy.rules[].action.select_pool.pool_group_ref': 'poolgroup-1' },
    },
    'l4_connection_policy.rules[].action.select_pool.pool_group_ref': {
      to: 'poolgroup-2',
      given: {
        'l4_connection_policy.rules[].action.select_pool.action_type': 'L4_RULE_ACTION_SELECT_POOLGROUP',
        'l4_connection_policy.rules[].action.select_pool.pool_group_ref': 'poolgroup-1',
      },
    },
  },
  networkprofile: {
    'profile.tcp_proxy_profile.nagles_algorithm': { to: true },
    'profile.tcp_proxy_profile.ip_dscp': { to: 46 },
    'profile.tcp_proxy_profile.max_segment_size': { to: 1000 },
    'profile.tcp_proxy_profile.idle_connection_type': {
      to: 'CLOSE_IDLE',
      of: 2,
      given: { 'profile.type': 'PROTOCOL_TYPE_TCP_PROXY' },
    },
    'profile.type=PROTOCOL_TYPE_TCP_PROXY': { to: 'PROTOCOL_TYPE_TCP_PROXY', of: 2 },
    'profile.type=PROTOCOL_TYPE_TCP_FAST_PATH': {
      to: 'PROTOCOL_TYPE_TCP_FAST_PATH',
      of: 2,
      given: { 'profile.type': 'PROTOCOL_TYPE_TCP_PROXY' },
    },
    'profile.tcp_proxy_profile.idle_connection_timeout': {
      to: 77,
      of: 2,
      given: { 'profile.type': 'PROTOCOL_TYPE_TCP_PROXY' },
    },
    'profile.tcp_fast_path_profile.session_idle_timeout': { to: 77, of: 2 },
    'profile.type=PROTOCOL_TYPE_UDP_FAST_PATH': { to: 'PROTOCOL_TYPE_UDP_FAST_PATH', of: 2 },
    'profile.type=PROTOCOL_TYPE_UDP_PROXY': { to: 'PROTOCOL_TYPE_UDP_PROXY', of: 2 },
    'profile.udp_fast_path_profile.session_idle_timeout': { to: 77, of: 3 },
    'profile.udp_fast_path_profile.per_pkt_loadbalance': { to: true, of: 3 },
    'profile.udp_proxy_profile.session_idle_timeout': {
      to: 77,
      of: 3,
      given: { 'profile.type': 'PROTOCOL_TYPE_UDP_PROXY' },
    },
  },
  serviceenginegroup: {
    'vip_distribution=host': { to: 'host', given: { vip_distribution: 'relay' } },
    dp_hb_frequency: { to: 50 },
    dp_hb_timeout_count: { to: 9 },
  },
};

describe('what the model marks as honoured by translation', () => {
  const cases = kindNames().flatMap((kind) => marked(kind).map((path) => ({ kind, path })));

  it('is what is tried here', () => {
    for (const kind of kindNames()) {
      expect({ kind, paths: Object.keys(CHANGES[kind] ?? {}).sort() }).toEqual({
        kind,
        paths: marked(kind).sort(),
      });
    }
  });

  it.each(cases)('reaches the service engine: $kind $path', ({ kind, path }) => {
    const change = CHANGES[kind]?.[path];
    expect(change).toBeDefined();
    const { to, of = 1, at = path.replace(/=.*$/, ''), given = {} } = change as Change;
    const [before, after] = [world(), world()].map((objects) => {
      const { spec } = objects.find((o) => o.uuid === `${kind}-${of}`) as WrittenObject;
      for (const [p, value] of Object.entries(given)) set(spec, p, structuredClone(value));
      return { objects, spec };
    }) as [{ objects: WrittenObject[]; spec: object }, { objects: WrittenObject[]; spec: object }];
    set(after.spec, at, structuredClone(to));
    expect(snapshot(after.objects)).not.toBe(snapshot(before.objects));
  });

  it('is told apart from what is only stored', () => {
    const objects = world();
    const pool = objects.find((o) => o.uuid === 'pool-1') as WrittenObject;
    set(pool.spec, 'east_west', true);
    expect(snapshot(objects)).toBe(snapshot(world()));
  });
});
