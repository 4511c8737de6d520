import { describe, expect, it } from '@jest/globals';
import {
  applyDefaults,
  checkRules,
  parseObject,
  type FieldError,
  type FilledTypes,
  type KindName,
  type RuleContext,
} from '../index.js';

function check<K extends KindName>(kind: K, input: object, context: RuleContext<K> = {}): FieldError[] {
  const { value, errors } = parseObject(kind, input);
  expect(errors).toEqual([]);
  return checkRules(kind, value, context);
}

const fields = (errors: readonly FieldError[]): string[] => errors.map((e) => e.field);
const v4 = (addr: string): object => ({ addr, type: 'V4' });
const v6 = (addr: string): object => ({ addr, type: 'V6' });

const pool = (servers: object[], rest: object = {}): FieldError[] =>
  check('pool', { name: 'p', servers, ...rest });
const group = (rest: object): string[] => fields(check('serviceenginegroup', { name: 'g', ...rest }));

const failing = (fail_action: object): string[] => fields(pool([], { fail_action }));
const redirected = (to: object): string[] =>
  failing({ type: 'FAIL_ACTION_HTTP_REDIRECT', redirect: { host: 'a.example', ...to } });
const paged = (file: object): string[] =>
  failing({ type: 'FAIL_ACTION_HTTP_LOCAL_RSP', local_rsp: { file } });
const named = (...values: string[]): string[] =>
  fields(pool(values.map((prst_hdr_val, i) => ({ ip: v4(`10.0.0.${i + 1}`), prst_hdr_val }))));
const room = (rest: object): string[] => fields(pool([], rest));
const reselecting = (begin: number, end: number): string[] =>
  fields(pool([], { server_reselect: { enabled: true, svr_resp_code: { ranges: [{ begin, end }] } } }));

describe('any kind', () => {
  it.each([
    ['ok name', []],
    ['', ['name']],
    [' x', ['name']],
    ['a\nb', ['name']],
    ['x'.repeat(257), ['name']],
  ])('has a printable name: %j', (name, expected) => {
    expect(fields(check('pool', { name }))).toEqual(expected);
  });
});

const httpProfile = (http_profile: object): string[] =>
  fields(check('applicationprofile', { name: 'a', type: 'APPLICATION_PROFILE_TYPE_HTTP', http_profile }));
const compression = (rest: object): string[] =>
  httpProfile({
    compression_profile: {
      compression: true,
      type: 'AUTO_COMPRESSION',
      remove_accept_encoding_header: true,
      ...rest,
    },
  });
const pages = (...error_pages: object[]): string[] =>
  fields(check('errorpageprofile', { name: 'e', error_pages }));

describe('application profile', () => {
  it('names headers that can be set', () => {
    expect(httpProfile({ xff_alternate_name: 'X-Client', request_id_header: 'X-Request-ID' })).toEqual([]);
    expect(httpProfile({ request_id_header: '' })).toEqual([]);
    expect(httpProfile({ xff_alternate_name: 'Content-Length' })).toEqual([
      'http_profile.xff_alternate_name',
    ]);
    expect(httpProfile({ request_id_header: 'X Y' })).toEqual(['http_profile.request_id_header']);
    expect(httpProfile({ true_client_ip: { headers: ['X:'] } })).toEqual([
      'http_profile.true_client_ip.headers[0]',
    ]);
    expect(
      httpProfile({
        ssl_client_certificate_action: { headers: [{ request_header: 'a' }, { request_header: 'host' }] },
      }),
    ).toEqual(['http_profile.ssl_client_certificate_action.headers[1].request_header']);
  });

  it('compresses at levels that there are, more for those further away', () => {
    expect(compression({ level_normal: 1, level_aggressive: 9 })).toEqual([]);
    expect(compression({ level_normal: 0, level_aggressive: 10 })).toEqual([
      'http_profile.compression_profile.level_normal',
      'http_profile.compression_profile.level_aggressive',
    ]);
    expect(compression({ max_low_rtt: 300 })).toEqual(['http_profile.compression_profile.min_high_rtt']);
  });
});

describe('error page profile', () => {
  it('has something to send for each page', () => {
    expect(pages({ error_page_body_ref: 'x' }, { error_redirect: 'https://a/?b' })).toEqual([]);
    expect(pages({}, { error_redirect: 'a b' }, { error_redirect: 'a\r\nb' })).toEqual([
      'error_pages[0].error_page_body_ref',
      'error_pages[1].error_redirect',
      'error_pages[2].error_redirect',
    ]);
  });
});

describe('health monitor', () => {
  it('must end a check before the next begins', () => {
    const monitor = { name: 'M', type: 'HEALTH_MONITOR_TCP', send_interval: 5 };
    expect(check('healthmonitor', { ...monitor, receive_timeout: 4 })).toEqual([]);
    for (const receive_timeout of [5, 6]) {
      const [error] = check('healthmonitor', { ...monitor, receive_timeout });
      expect(error?.message).toMatch(/^Receive timeout of Monitor M cannot be more than Send interval/);
    }
    // The default of 4 s counts.
    expect(fields(check('healthmonitor', { ...monitor, send_interval: 3 }))).toEqual(['receive_timeout']);
  });

  it('asks something that a service engine can ask', () => {
    const monitor = { name: 'M', type: 'HEALTH_MONITOR_TCP' };
    const asks = (rest: object): string[] => fields(check('healthmonitor', { ...monitor, ...rest }));
    for (const [message, field, most] of [
      ['http_monitor', 'http_request', 1024],
      ['https_monitor', 'http_request', 1024],
      ['dns_monitor', 'query_name', 255],
      ['external_monitor', 'command_code', 65_536],
    ] as const) {
      expect(asks({ [message]: { [field]: 'x'.repeat(most) } })).toEqual([]);
      expect(asks({ [message]: { [field]: 'x'.repeat(most + 1) } })).toEqual([`${message}.${field}`]);
      expect(asks({ [message]: { [field]: '' } })).toEqual([`${message}.${field}`]);
    }
    for (const [message, field, most] of [
      ['http_monitor', 'http_response', 512],
      ['https_monitor', 'http_request_body', 4096],
      ['tcp_monitor', 'tcp_request', 4096],
      ['tcp_monitor', 'maintenance_response', 512],
      ['udp_monitor', 'udp_response', 4096],
      ['dns_monitor', 'response_string', 512],
      ['external_monitor', 'command_parameters', 1024],
      ['external_monitor', 'command_variables', 4096],
    ] as const) {
      const of = (length: number) =>
        asks({ [message]: { command_code: 'exit', query_name: 'a', [field]: 'x'.repeat(length) } });
      expect([of(0), of(most)]).toEqual([[], []]);
      expect(of(most + 1)).toEqual([`${message}.${field}`]);
    }
    expect(asks({ type: 'HEALTH_MONITOR_EXTERNAL' })).toEqual(['external_monitor']);
    expect(asks({ http_monitor: {} })).toEqual([]);
    expect(asks({ sip_monitor: { sip_response: 'x'.repeat(513) } })).toEqual(['sip_monitor.sip_response']);
  });
});

/** A pool without ports of servers, and one monitor. */
const checkedBy = (monitor: object): FieldError[] =>
  checkRules(
    'pool',
    applyDefaults('pool', { name: 'p', use_service_port: true, health_monitor_refs: ['m'] }),
    { lookup: (() => applyDefaults('healthmonitor', { name: 'hm', ...monitor } as never)) as never },
  );

describe('pool', () => {
  it('has limits of connections and of its queue that make sense', () => {
    expect(room({ max_concurrent_connections_per_server: -1 })).toEqual([
      'max_concurrent_connections_per_server',
    ]);
    expect(room({ max_concurrent_connections_per_server: 5, request_queue_enabled: true })).toEqual([]);
    expect(room({ request_queue_enabled: true, request_queue_depth: 0 })).toEqual(['request_queue_depth']);
    expect(room({ request_queue_enabled: true, request_queue_depth: 1_000_001 })).toEqual([
      'request_queue_depth',
    ]);
    expect(room({ request_queue_depth: 0 })).toEqual([]);
  });

  it('has each server once, by address and effective port', () => {
    expect(
      pool([
        { ip: v4('10.0.0.1'), port: 80 },
        { ip: v4('10.0.0.1'), port: 81 },
      ]),
    ).toEqual([]);
    const twice = pool([{ ip: v4('10.0.0.1'), port: 80 }, { ip: v4('10.0.0.1') }]);
    expect(twice.map((e) => e.message)).toEqual([
      'Field check for servers[1] failed : server 10.0.0.1:80 is already in servers[0]. Remove one of the two',
    ]);
    expect(
      pool([{ ip: v4('10.0.0.1'), port: 80 }, { ip: v4('10.0.0.1') }], { default_server_port: 8080 }),
    ).toEqual([]);
    expect(fields(pool([{ ip: v6('2001:db8::1') }, { ip: v6('2001:DB8:0::1') }]))).toEqual(['servers[1]']);
  });

  it.each([
    [v4('10.0.0.256'), ['servers[0].ip.addr']],
    [v4('10.0.0.01'), ['servers[0].ip.addr']],
    [v4('10.0.0.1/24'), ['servers[0].ip.addr']],
    [v4('::1'), ['servers[0].ip.type']],
    [v6('::ffff:1.2.3.4'), []],
    [v6('1::2::3'), ['servers[0].ip.addr']],
    [v6('1:2:3:4:5:6:7:8:9'), ['servers[0].ip.addr']],
    [{ addr: 'db.example.com', type: 'DNS' }, []],
    [{ addr: 'no host', type: 'DNS' }, ['servers[0].ip.addr']],
  ])('has servers with addresses: %j', (ip, expected) => {
    expect(fields(pool([{ ip }]))).toEqual(expected);
  });

  it('needs the header that it hashes by', () => {
    const hash = {
      lb_algorithm: 'LB_ALGORITHM_CONSISTENT_HASH',
      lb_algorithm_hash: 'LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER',
    };
    const field = 'lb_algorithm_consistent_hash_hdr';
    expect(fields(pool([], hash))).toEqual([field]);
    expect(fields(pool([], { ...hash, [field]: 'a b' }))).toEqual([field]);
    expect(pool([], { ...hash, [field]: 'X-Key' })).toEqual([]);
    expect(pool([], { ...hash, lb_algorithm: 'LB_ALGORITHM_ROUND_ROBIN' })).toEqual([]);
  });

  it('leaves ports of servers out of account only with consistent hash or without port translation', () => {
    const ignore = { ignore_server_port: true };
    const [error] = pool([], ignore);
    expect(error?.message).toBe(
      'Field check for ignore_server_port failed : LB_ALGORITHM_LEAST_CONNECTIONS with use_service_port false has no use for it. Set lb_algorithm to LB_ALGORITHM_CONSISTENT_HASH or use_service_port to true, or set ignore_server_port to false',
    );
    expect(pool([], { ...ignore, lb_algorithm: 'LB_ALGORITHM_CONSISTENT_HASH' })).toEqual([]);
    expect(pool([], { ...ignore, use_service_port: true })).toEqual([]);
  });

  it('takes its servers from one source, and asks for no more monitors than it has', () => {
    expect(fields(pool([{ ip: v4('10.0.0.1') }], { ipaddrgroup_ref: 'g' }))).toEqual(['ipaddrgroup_ref']);
    expect(fields(pool([], { health_monitor_refs: ['a'], min_health_monitors_up: 2 }))).toEqual([
      'min_health_monitors_up',
    ]);
  });

  it('says which features of servers an IP group has not', () => {
    const servers = [{ ip: v4('10.0.0.1'), ratio: 3, enabled: false, prst_hdr_val: 's1', port: 81 }];
    expect(pool(servers, { ipaddrgroup_ref: 'g' })[0]?.message).toBe(
      'Field check for ipaddrgroup_ref failed : a pool takes its servers from a group of addresses or lists them, and servers of a group cannot have: disabling a server, a port of its own, ratio, prst_hdr_val. Remove ipaddrgroup_ref, or remove servers',
    );
  });

  it('lets servers without a port be checked on the port of a monitor only', () => {
    expect(fields(checkedBy({ type: 'HEALTH_MONITOR_TCP' }))).toEqual(['health_monitor_refs[0]']);
    expect(checkedBy({ type: 'HEALTH_MONITOR_TCP', monitor_port: 8080 })).toEqual([]);
    expect(checkedBy({ type: 'HEALTH_MONITOR_PING' })).toEqual([]);
  });

  it('tells servers one Host, and resolves names only', () => {
    const host = { rewrite_host_header_to_server_name: true };
    expect(pool([], host)).toEqual([]);
    expect(fields(pool([], { ...host, rewrite_host_header_to_sni: true }))).toEqual([
      'rewrite_host_header_to_sni',
    ]);
    const resolve = (rest: object): string[] =>
      fields(pool([{ ip: v4('10.0.0.1'), resolve_server_by_dns: true, ...rest }]));
    expect(resolve({})).toEqual(['servers[0].resolve_server_by_dns']);
    expect(resolve({ hostname: 'app.example' })).toEqual([]);
    expect(resolve({ ip: { addr: 'app.example', type: 'DNS' } })).toEqual([]);
  });

  it('names one server by a header value', () => {
    expect(named('a', 'A', '', '', 'b', 'x'.repeat(255))).toEqual([]);
    expect(named('a', 'b', 'a')).toEqual(['servers[2].prst_hdr_val']);
    expect(named('x'.repeat(256))).toEqual(['servers[0].prst_hdr_val']);
  });

  it('says what a fail action lacks', () => {
    expect(fields(pool([], { fail_action: { type: 'FAIL_ACTION_HTTP_REDIRECT' } }))).toEqual([
      'fail_action.redirect',
    ]);
    expect(pool([], { fail_action: {} })).toEqual([]);
  });

  it('sends nothing in a fail action that a client cannot read', () => {
    const at = 'fail_action.redirect';
    for (const host of ['a.example', 'a.example:8443', '192.0.2.1', '[2001:db8::1]:443', 'a:65535'])
      expect(redirected({ host })).toEqual([]);
    for (const host of ['', 'http://a', 'a b', 'a/b', 'a\r\nX: y', 'a:b', 'a:65536', '[::1]:99999'])
      expect(redirected({ host })).toEqual([`${at}.host`]);
    expect(redirected({ path: '/x y' })).toEqual([`${at}.path`]);
    expect(redirected({ path: '/x?y=1' })).toEqual([`${at}.path`]);
    expect(redirected({ path: '/x', query: 'y=1&z' })).toEqual([]);
    expect(redirected({ query: 'a\r\nb' })).toEqual([`${at}.query`]);
    expect(paged({ content_type: 'text/html', file_content: '<p>sorry' })).toEqual([]);
    expect(paged({ content_type: 'a\r\nb', file_content: '' })).toEqual([
      'fail_action.local_rsp.file.content_type',
    ]);
    expect(paged({ content_type: 'a', file_content: 'x'.repeat(1_048_577) })).toEqual([
      'fail_action.local_rsp.file.file_content',
    ]);
    expect(failing({ type: 'FAIL_ACTION_BACKUP_POOL' })).toEqual(['fail_action.backup_pool']);
  });

  it('asks other servers only after errors', () => {
    expect(reselecting(500, 503)).toEqual([]);
    expect(reselecting(200, 503)).toEqual(['server_reselect.svr_resp_code.ranges[0]']);
    expect(reselecting(503, 500)).toContain('server_reselect.svr_resp_code.ranges[0].end');
  });

  it('holds its description to 256 characters', () => {
    expect(parseObject('pool', { name: 'p', description: 'x'.repeat(256) }).errors).toEqual([]);
    expect(fields(parseObject('pool', { name: 'p', description: 'x'.repeat(257) }).errors)).toEqual([
      'description',
    ]);
  });
});

describe('SE group', () => {
  it('keeps lower bounds below upper ones', () => {
    expect(group({})).toEqual([]);
    expect(group({ min_scaleout_per_vs: 4 })).toEqual([]);
    expect(group({ min_scaleout_per_vs: 5 })).toEqual(['min_scaleout_per_vs']);
    expect(group({ min_se: 11 })).toEqual(['min_se']);
    expect(group({ min_cpu_usage: 60, max_cpu_usage: 50 })).toEqual(['min_cpu_usage']);
  });

  it('knows the capacity that it balances by', () => {
    const rebalance = { auto_rebalance: true, auto_rebalance_criteria: ['SE_AUTO_REBALANCE_PPS'] };
    expect(group(rebalance)).toEqual(['auto_rebalance_capacity_per_se']);
    expect(group({ ...rebalance, auto_rebalance_capacity_per_se: [1000] })).toEqual([]);
  });

  it('does not scale out a legacy pair', () => {
    expect(group({ ha_mode: 'HA_MODE_LEGACY_ACTIVE_STANDBY', min_scaleout_per_vs: 2 })).toEqual([
      'min_scaleout_per_vs',
    ]);
  });
});

describe('VsVip', () => {
  const before = applyDefaults('vsvip', {
    name: 'v',
    vip: [{ vip_id: '1', ip_address: { addr: '10.0.0.1', type: 'V4' } }],
  });
  const update = (vip: object[]): FieldError[] => check('vsvip', { name: 'v', vip }, { previous: before });

  it('keeps the ids of its VIPs', () => {
    expect(update([{ vip_id: '2', ip_address: v4('10.0.0.1') }]).map((e) => e.message)).toEqual([
      "Changing an existing VIP's vip_id is not supported",
    ]);
    expect(update([{ vip_id: '1', ip_address: v4('10.0.0.2') }])).toEqual([]);
    expect(
      update([
        { vip_id: '1', ip_address: v4('10.0.0.1') },
        { vip_id: '2', ip_address: v4('10.0.0.2') },
      ]),
    ).toEqual([]);
    expect(update([{ vip_id: '2', ip_address: v4('10.0.0.9') }])).toEqual([]);
  });

  it('gives every VIP an address of its own', () => {
    expect(fields(check('vsvip', { name: 'v', vip: [{}] }))).toEqual(['vip[0]']);
    expect(check('vsvip', { name: 'v', vip: [{ ip6_address: v6('2001:db8::1') }] })).toEqual([]);
    const same = { ip_address: v4('10.0.0.1') };
    expect(fields(check('vsvip', { name: 'v', vip: [same, same] }))).toEqual(['vip[1]']);
    expect(
      fields(check('vsvip', { name: 'v', vip: [{ ip_address: { addr: 'a.b', type: 'DNS' } }] })),
    ).toEqual(['vip[0].ip_address']);
  });
});

const refusedPersistence = (type: string, rest: object): string[] =>
  fields(
    check('applicationpersistenceprofile', {
      name: 'p',
      persistence_type: `PERSISTENCE_TYPE_${type}`,
      ...rest,
    }),
  );

const refusedCookie = (cookie: object): string[] =>
  refusedPersistence('HTTP_COOKIE', { http_cookie_persistence_profile: cookie });

describe('virtual service', () => {
  const vs = { name: 'v', vsvip_ref: 'vip', services: [{ port: 80 }] };

  it('needs a VIP and a port', () => {
    expect(check('virtualservice', vs)).toEqual([]);
    expect(fields(check('virtualservice', { name: 'v' }))).toEqual(['vsvip_ref', 'services']);
    expect(
      check('virtualservice', { name: 'v', vip: [{ ip_address: v4('10.0.0.1') }], services: [{ port: 80 }] }),
    ).toEqual([]);
    expect(fields(check('virtualservice', { name: 'v', type: 'VS_TYPE_VH_CHILD' }))).toEqual([
      'vh_parent_vs_ref',
    ]);
  });

  it('listens on each port once', () => {
    const overlap = [{ port: 80, port_range_end: 90 }, { port: 85 }];
    expect(fields(check('virtualservice', { ...vs, services: overlap }))).toEqual(['services[1].port']);
    expect(
      check('virtualservice', {
        ...vs,
        services: [{ port: 53 }, { port: 53, override_network_profile_ref: 'udp' }],
      }),
    ).toEqual([]);
    expect(fields(check('virtualservice', { ...vs, services: [{ port: 90, port_range_end: 80 }] }))).toEqual([
      'services[0].port_range_end',
    ]);
    expect(fields(check('virtualservice', { ...vs, services: [{ port: 0 }] }))).toEqual(['services[0].port']);
  });

  it('listens on five thousand ports at most', () => {
    const most = [{ port: 80 }, { port: 5001, port_range_end: 9999 }];
    expect(check('virtualservice', { ...vs, services: most })).toEqual([]);
    const [error] = check('virtualservice', { ...vs, services: [...most, { port: 10_000 }] });
    expect(error).toMatchObject({ field: 'services', message: expect.stringMatching(/5001 .*at most 5000/) });
  });

  it('has a pool or a group, and a certificate where it speaks TLS', () => {
    expect(fields(check('virtualservice', { ...vs, pool_ref: 'p', pool_group_ref: 'g' }))).toEqual([
      'pool_group_ref',
    ]);
    const tls = { ...vs, services: [{ port: 443, enable_ssl: true }] };
    expect(fields(check('virtualservice', tls))).toEqual(['ssl_key_and_certificate_refs']);
    expect(check('virtualservice', { ...tls, ssl_key_and_certificate_refs: ['c'] })).toEqual([]);
  });

  const store: { [K in KindName]?: Record<string, object> } = {
    applicationprofile: {
      l4: { name: 'l4', type: 'APPLICATION_PROFILE_TYPE_L4' },
      http: { name: 'http', type: 'APPLICATION_PROFILE_TYPE_HTTP' },
    },
    networkprofile: { udp: { name: 'udp', profile: { type: 'PROTOCOL_TYPE_UDP_FAST_PATH' } } },
    vsvip: { green: { name: 'green', vrf_context_ref: 'green' } },
    poolgroup: { g: { name: 'g', members: [{ pool_ref: 'p' }] } },
    pool: {
      t: { name: 't', application_persistence_profile_ref: 'tls' },
      p: { name: 'p', application_persistence_profile_ref: 'cookie', vrf_ref: 'blue' },
    },
    applicationpersistenceprofile: {
      cookie: { name: 'cookie', persistence_type: 'PERSISTENCE_TYPE_HTTP_COOKIE' },
      tls: { name: 'tls', persistence_type: 'PERSISTENCE_TYPE_TLS' },
    },
  };
  const lookup = <T extends KindName>(kind: T, reference: string): FilledTypes[T] | undefined => {
    const found = store[kind]?.[reference];
    return found && applyDefaults(kind, found as never);
  };

  it('asks for nothing of HTTP at layer 4', () => {
    const l4 = { ...vs, application_profile_ref: 'l4', pool_ref: 'p' };
    expect(fields(check('virtualservice', l4, { lookup }))).toEqual(['pool_ref']);
    expect(check('virtualservice', { ...l4, application_profile_ref: 'http' }, { lookup })).toEqual([]);
    const answering = { name: 'p', fail_action: { type: 'FAIL_ACTION_HTTP_LOCAL_RSP', local_rsp: {} } };
    const answers = ((kind: KindName, ref: string) =>
      kind === 'pool' ? applyDefaults('pool', answering as never) : lookup(kind, ref)) as typeof lookup;
    expect(check('virtualservice', l4, { lookup: answers }).map((e) => e.message)).toEqual([
      'Field check for pool_ref failed : fail action FAIL_ACTION_HTTP_LOCAL_RSP of p answers requests and virtual service v is layer 4. Use FAIL_ACTION_CLOSE_CONN or FAIL_ACTION_BACKUP_POOL, or choose an HTTP application profile',
    ]);
    const policies = {
      ...vs,
      application_profile_ref: 'l4',
      http_policies: [{ index: 1, http_policy_set_ref: 'h' }],
    };
    expect(fields(check('virtualservice', policies, { lookup }))).toEqual(['http_policies']);
  });

  it('persists by what it has, through a group too', () => {
    const l4 = { ...vs, application_profile_ref: 'l4', pool_group_ref: 'g' };
    expect(fields(check('virtualservice', l4, { lookup }))).toEqual(['pool_group_ref']);
    const http = { ...vs, application_profile_ref: 'http', pool_ref: 't' };
    const [error] = check('virtualservice', http, { lookup });
    expect(error).toMatchObject({
      field: 'pool_ref',
      message: expect.stringMatching(/PERSISTENCE_TYPE_TLS of pool t needs TLS sessions.*set enable_ssl/),
    });
    const tls = { services: [{ port: 443, enable_ssl: true }], ssl_key_and_certificate_refs: ['c'] };
    expect(check('virtualservice', { ...http, ...tls }, { lookup })).toEqual([]);
  });

  it('names what its persistence goes by, and keys that are keys', () => {
    expect(refusedPersistence('APP_COOKIE', {})).toEqual(['app_cookie_persistence_profile.prst_hdr_name']);
    expect(
      refusedPersistence('CUSTOM_HTTP_HEADER', { hdr_persistence_profile: { prst_hdr_name: 'a b' } }),
    ).toEqual(['hdr_persistence_profile.prst_hdr_name']);
    const key = { name: 'k', aes_key: 'x'.repeat(44) };
    const at = 'http_cookie_persistence_profile';
    expect(refusedCookie({ cookie_name: 'A', key: [key], encryption_key: 'k' })).toEqual([]);
    expect(refusedCookie({ cookie_name: 'a;b' })).toEqual([`${at}.cookie_name`]);
    expect(refusedCookie({ key: [key, key] })).toEqual([`${at}.key[1]`]);
    expect(refusedCookie({ key: [{ name: 'k', aes_key: 'short' }] })).toEqual([`${at}.key[0].aes_key`]);
    expect(refusedCookie({ key: [key], encryption_key: 'other' })).toEqual([`${at}.encryption_key`]);
    expect(refusedPersistence('CLIENT_IP_ADDRESS', {})).toEqual([]);
  });

  it('speaks HTTP over TCP, and shares the VRF of its pool', () => {
    const http = { ...vs, application_profile_ref: 'http' };
    expect(fields(check('virtualservice', { ...http, network_profile_ref: 'udp' }, { lookup }))).toEqual([
      'network_profile_ref',
    ]);
    const other = check('virtualservice', { ...http, pool_ref: 'p', vrf_context_ref: 'red' }, { lookup });
    expect(other.map((e) => e.message)).toEqual(['VRF Context for v and pool p different']);
    const vip = check('virtualservice', { ...vs, vsvip_ref: 'green', vrf_context_ref: 'red' }, { lookup });
    expect(vip.map((e) => e.message)).toEqual(['VRF Context for v and VsVip green different']);
  });
});

describe('other kinds', () => {
  it.each<[KindName, object, string[]]>([
    ['poolgroup', { name: 'g', members: [{ pool_ref: 'a' }, { pool_ref: 'a' }] }, ['members[1]']],
    [
      'poolgroup',
      { name: 'g', implicit_priority_labels: true, members: [{ pool_ref: 'a', priority_label: 'x' }] },
      ['members[0].priority_label'],
    ],
    ['stringgroup', { name: 's', kv: [{ key: 'a' }, { key: 'a' }] }, ['kv[1]']],
    [
      'ipaddrgroup',
      { name: 'i', ranges: [{ begin: v4('10.0.0.9'), end: v4('10.0.0.1') }] },
      ['ranges[0].end'],
    ],
    ['ipaddrgroup', { name: 'i', prefixes: [{ ip_addr: v4('10.0.0.0'), mask: 33 }] }, ['prefixes[0].mask']],
    ['ipaddrgroup', { name: 'i', prefixes: [{ ip_addr: v6('2001:db8::'), mask: 64 }] }, []],
    ['serverautoscalepolicy', { name: 's', min_size: 3, max_size: 2 }, ['min_size']],
    ['user', { name: 'u', password: 'short' }, ['password']],
    ['user', { name: 'u', password: 'long enough' }, []],
    [
      'systemconfiguration',
      { portal_configuration: { enable_http: false, enable_https: false } },
      ['portal_configuration.enable_https'],
    ],
    [
      'analyticsprofile',
      { name: 'a', hs_max_anomaly_penalty: 60, hs_max_resources_penalty: 50 },
      ['hs_max_resources_penalty'],
    ],
    [
      'analyticsprofile',
      { name: 'a', ranges: [{ begin: 404, end: 404 }], exclude_sip_error_codes: [603] },
      [],
    ],
    ['analyticsprofile', { name: 'a', exclude_sip_error_codes: [200] }, ['exclude_sip_error_codes[0]']],
    ['analyticsprofile', { name: 'a', ranges: [{ begin: 410, end: 404 }] }, ['ranges[0].end']],
    [
      'analyticsprofile',
      { name: 'a', exclude_http_error_codes: [404, 200] },
      ['exclude_http_error_codes[1]'],
    ],
    [
      'httppolicyset',
      {
        name: 'h',
        http_request_policy: {
          rules: [
            { index: 1, name: 'a', enable: true },
            { index: 1, name: 'b', enable: true },
          ],
        },
      },
      ['http_request_policy.rules[1]'],
    ],
  ])('%s %j', (kind, input, expected) => {
    expect(fields(check(kind, input))).toEqual(expected);
  });
});

const policySet = (policy: object): FieldError[] => check('httppolicyset', { name: 'p', ...policy });
const uri = (...tokens: object[]): object => ({ type: 'URI_PARAM_TYPE_TOKENIZED', tokens });
const policies = (...list: object[]): string[] =>
  fields(
    check('virtualservice', { name: 'v', vsvip_ref: 'v', services: [{ port: 80 }], http_policies: list }),
  );

const requestRule = (rule: object): string[] =>
  fields(policySet({ http_request_policy: { rules: [{ name: 'r', index: 1, enable: true, ...rule }] } })).map(
    (field) => field.replace('http_request_policy.rules[0].', ''),
  );

const matchOf = (name: string, value: object): string[] =>
  requestRule({ match: { [name]: name === 'hdrs' ? [value] : value } }).map((field) =>
    field.replace('match.', ''),
  );
const pathMatch = (match_criteria: string, ...match_str: string[]): string[] =>
  matchOf('path', { match_criteria, match_str });

describe('HTTP policy set', () => {
  it.each([
    [['BEGINS_WITH', '/a'], []],
    [['BEGINS_WITH', 'a b'], []],
    [['EQUALS'], ['path.match_str']],
    [['EQUALS', '/a/../b'], ['path.match_str[0]']],
    [['EQUALS', '/ok', '/a/.'], ['path.match_str[1]']],
    [['BEGINS_WITH', '/a%20b'], ['path.match_str[0]']],
    [['BEGINS_WITH', '/a?b'], ['path.match_str[0]']],
    [['REGEX_MATCH', '^/a+(b|c)?$'], []],
    [['REGEX_MATCH', '/a', '(a)\\1'], ['path.match_str[1]']],
    [['REGEX_DOES_NOT_MATCH', '(?=a)'], ['path.match_str[0]']],
  ])('compares paths with what they can be: %j', ([criteria = '', ...values], expected) => {
    expect(pathMatch(criteria, ...values)).toEqual(expected);
  });

  it('takes encoded paths where it does not decode', () => {
    expect(
      matchOf('path', { match_criteria: 'EQUALS', match_str: ['/a%20b'], match_decoded_string: false }),
    ).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    ['query', { match_criteria: 'QUERY_MATCH_EXISTS' }, []],
    ['query', { match_criteria: 'QUERY_MATCH_CONTAINS' }, ['query.match_str']],
    ['query', { match_criteria: 'QUERY_MATCH_REGEX_MATCH', match_str: ['['] }, ['query.match_str[0]']],
    ['host_hdr', { match_criteria: 'HDR_EXISTS' }, []],
    ['host_hdr', { match_criteria: 'HDR_EQUALS' }, ['host_hdr.value']],
    ['hdrs', { hdr: 'a b', match_criteria: 'HDR_EXISTS' }, ['hdrs[0].hdr']],
    ['cookie', { name: 'sid', match_criteria: 'HDR_EQUALS' }, ['cookie.value']],
    ['cookie', { name: 's=d', match_criteria: 'HDR_EXISTS' }, ['cookie.name']],
    ['client_ip', { match_criteria: 'IS_IN' }, ['client_ip']],
    [
      'client_ip',
      { match_criteria: 'IS_IN', addrs: [{ addr: 'a.example', type: 'DNS' }] },
      ['client_ip.addrs[0].type'],
    ],
    ['client_ip', { match_criteria: 'IS_IN', group_refs: ['g'] }, []],
  ])('needs something to compare %s with: %j', (name, value, expected) => {
    expect(matchOf(name, value)).toEqual(expected);
  });

  it.each<[object, string[]]>([
    [{ switching_action: { action: 'HTTP_SWITCHING_SELECT_POOL' } }, ['switching_action.pool_ref']],
    [
      { switching_action: { action: 'HTTP_SWITCHING_SELECT_POOLGROUP' } },
      ['switching_action.pool_group_ref'],
    ],
    [{ switching_action: { action: 'HTTP_SWITCHING_SELECT_LOCAL' } }, ['switching_action.status_code']],
    [{ switching_action: { action: 'HTTP_SWITCHING_SELECT_LOCAL', other_status_code: 404 } }, []],
    [{ hdr_action: [{ action: 'HTTP_ADD_HDR' }] }, ['hdr_action[0].hdr.name']],
    [{ hdr_action: [{ action: 'HTTP_ADD_HDR', hdr: { name: 'X-A' } }] }, ['hdr_action[0].hdr.value']],
    [
      { hdr_action: [{ action: 'HTTP_ADD_HDR', hdr: { name: 'X-A', value: { val: 'a\r\nb' } } }] },
      ['hdr_action[0].hdr.value.val'],
    ],
    [
      { hdr_action: [{ action: 'HTTP_REMOVE_HDR', hdr: { name: 'Content-Length' } }] },
      ['hdr_action[0].hdr.name'],
    ],
    [{ hdr_action: [{ action: 'HTTP_REMOVE_HDR', hdr: { name: 'Host' } }] }, ['hdr_action[0].hdr.name']],
    [{ hdr_action: [{ action: 'HTTP_REPLACE_HDR', hdr: { name: 'Host', value: { val: 'a' } } }] }, []],
    [
      { hdr_action: [{ action: 'HTTP_ADD_HDR', cookie: { name: 'a', value: 'b;c' } }] },
      ['hdr_action[0].cookie.value'],
    ],
    [
      {
        redirect_action: { protocol: 'HTTPS' },
        switching_action: { action: 'HTTP_SWITCHING_SELECT_LOCAL', other_status_code: 404 },
      },
      ['switching_action'],
    ],
    [
      { redirect_action: { protocol: 'HTTPS', path: uri({ type: 'URI_TOKEN_TYPE_REGEX' }) } },
      ['redirect_action'],
    ],
    [{ rewrite_url_action: { path: uri({ type: 'URI_TOKEN_TYPE_STRING_GROUP' }) } }, ['rewrite_url_action']],
    [
      { rewrite_url_action: { path: uri({ type: 'URI_TOKEN_TYPE_STRING' }) } },
      ['rewrite_url_action.path.tokens[0].str_value'],
    ],
    [
      { rewrite_url_action: { path: uri({ type: 'URI_TOKEN_TYPE_PATH', start_index: 2, end_index: 1 }) } },
      ['rewrite_url_action.path.tokens[0].end_index'],
    ],
    [{ hash_string_action: {} }, ['hash_string_action.tokens']],
    [
      { hash_string_action: { tokens: [{ type: 'URI_TOKEN_TYPE_COOKIE' }] } },
      ['hash_string_action.tokens[0].name'],
    ],
    [
      { hash_string_action: { tokens: [{ type: 'URI_TOKEN_TYPE_HEADER', name: 'a b' }] } },
      ['hash_string_action.tokens[0].name'],
    ],
    [
      { hash_string_action: { tokens: [{ type: 'URI_TOKEN_TYPE_PATH', start_index: 2, end_index: 1 }] } },
      ['hash_string_action.tokens[0].end_index'],
    ],
    [
      { hash_string_action: { tokens: [{ type: 'URI_TOKEN_TYPE_STRING' }] } },
      ['hash_string_action.tokens[0].str_value'],
    ],
    [{ hash_string_action: { tokens: [{ type: 'URI_TOKEN_TYPE_REGEX' }] } }, ['hash_string_action']],
    [
      {
        redirect_action: { protocol: 'HTTPS' },
        hash_string_action: { tokens: [{ type: 'URI_TOKEN_TYPE_CLIENT_IP' }] },
      },
      ['hash_string_action'],
    ],
    [{ hash_string_action: { tokens: [{ type: 'URI_TOKEN_TYPE_QUERY', name: 'user' }] } }, []],
  ])('has actions that can be taken: %j', (rule, expected) => expect(requestRule(rule)).toEqual(expected));

  it('has rates that can be counted, and rules in one order', () => {
    const security = (action: object): string[] =>
      fields(policySet({ http_security_policy: { rules: [{ name: 's', index: 1, enable: true, action }] } }));
    const at = 'http_security_policy.rules[0].action';
    expect(security({ action: 'HTTP_SECURITY_ACTION_RATE_LIMIT' })).toEqual([`${at}.rate_profile`]);
    const rate_profile = { rate_limiter: { count: 1, period: 1 }, action: { type: 'RL_ACTION_REDIRECT' } };
    expect(security({ action: 'HTTP_SECURITY_ACTION_RATE_LIMIT', rate_profile })).toEqual([
      `${at}.rate_profile.action.redirect`,
    ]);
    const rule = { name: 'r', index: 1, enable: true };
    expect(fields(policySet({ http_request_policy: { rules: [rule, rule] } }))).toEqual([
      'http_request_policy.rules[1]',
    ]);
  });

  it('is attached once, at one place', () => {
    const [a, b] = ['a', 'b'].map((http_policy_set_ref, i) => ({ http_policy_set_ref, index: i }));
    expect(policies(a!, b!)).toEqual([]);
    expect(policies(a!, { ...b, index: 0 })).toEqual(['http_policies[1]']);
    expect(policies(a!, { ...a, index: 1 })).toEqual(['http_policies[1]']);
  });
});
