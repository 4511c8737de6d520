import type { Seed } from './system-objects.js';

const monitor = (suffix: string, type: string, spec: Seed['spec'] = {}): Seed => ({
  kind: 'healthmonitor',
  name: `System-${suffix}`,
  spec: { type, ...spec },
});

const http = { http_request: 'HEAD / HTTP/1.0', http_response_code: ['HTTP_2XX', 'HTTP_3XX'] };

const external = (language: string, command: string): Seed =>
  monitor(`Xternal-${language}`, 'HEALTH_MONITOR_EXTERNAL', { external_monitor: { command_code: command } });

const application = (name: string, type: string, spec: Seed['spec'] = {}): Seed => ({
  kind: 'applicationprofile',
  name: `System-${name}`,
  spec: { type: `APPLICATION_PROFILE_TYPE_${type}`, ...spec },
});

const network = (name: string, type: string, field: string, spec: Seed['spec'] = {}): Seed => ({
  kind: 'networkprofile',
  name: `System-${name}`,
  spec: { profile: { type: `PROTOCOL_TYPE_${type}`, [field]: spec } },
});

const persistence = (name: string, type: string, spec: Seed['spec']): Seed => ({
  kind: 'applicationpersistenceprofile',
  name: `System-Persistence-${name}`,
  spec: { persistence_type: `PERSISTENCE_TYPE_${type}`, ...spec },
});

const tls = (name: string, ciphers: string, versions: readonly string[], type = 'APPLICATION'): Seed => ({
  kind: 'sslprofile',
  name: `System-Standard${name}`,
  spec: {
    type: `SSL_PROFILE_TYPE_${type}`,
    accepted_ciphers: ciphers,
    accepted_versions: versions.map((version) => ({ type: `SSL_VERSION_${version}` })),
  },
});

const FORWARD_SECRECY =
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305';

const group = (name: string, values: readonly string[]): Seed => ({
  kind: 'stringgroup',
  name: `System-${name}`,
  spec: { type: 'SG_TYPE_STRING', kv: values.map((key) => ({ key })) },
});

/** The profiles, monitors and groups that clients look up by name. */
export const PROFILES: readonly Seed[] = [
  monitor('HTTP', 'HEALTH_MONITOR_HTTP', { http_monitor: http }),
  monitor('HTTPS', 'HEALTH_MONITOR_HTTPS', { https_monitor: http }),
  monitor('Ping', 'HEALTH_MONITOR_PING'),
  monitor('TCP', 'HEALTH_MONITOR_TCP', { tcp_monitor: {} }),
  monitor('UDP', 'HEALTH_MONITOR_UDP', { udp_monitor: {} }),
  monitor('DNS', 'HEALTH_MONITOR_DNS', { dns_monitor: { query_name: 'www.example.com' } }),
  monitor('SCTP', 'HEALTH_MONITOR_SCTP', { sctp_monitor: { sctp_request: 'EMPTY' } }),
  external(
    'Perl',
    '#!/usr/bin/perl -w\nuse IO::Socket::INET;\nmy $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Proto => "tcp") or exit 1;\nprint "up\\n";\n',
  ),
  external('Shell', '#!/bin/bash\ncurl -s -o /dev/null "http://$1:$2/" && echo up\n'),
  external(
    'Python',
    '#!/usr/bin/python3\nimport socket, sys\nsocket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()\nprint("up")\n',
  ),
  application('HTTP', 'HTTP', { http_profile: {} }),
  application('Secure-HTTP', 'HTTP', {
    http_profile: {
      http_to_https: true,
      server_side_redirect_to_https: true,
      hsts_enabled: true,
      secure_cookie_enabled: true,
      httponly_enabled: true,
      x_forwarded_proto_enabled: true,
    },
  }),
  application('L4-Application', 'L4'),
  application('SSL-Application', 'SSL'),
  application('DNS', 'DNS', { dns_service_profile: {} }),
  application('Syslog', 'SYSLOG'),
  network('TCP-Proxy', 'TCP_PROXY', 'tcp_proxy_profile'),
  network('TCP-Fast-Path', 'TCP_FAST_PATH', 'tcp_fast_path_profile'),
  network('UDP-Fast-Path', 'UDP_FAST_PATH', 'udp_fast_path_profile'),
  network('UDP-Per-Pkt', 'UDP_FAST_PATH', 'udp_fast_path_profile', { per_pkt_loadbalance: true }),
  network('UDP-No-SNAT', 'UDP_FAST_PATH', 'udp_fast_path_profile', { snat: false }),
  network('SCTP-Proxy', 'SCTP_PROXY', 'sctp_proxy_profile'),
  persistence('Client-IP', 'CLIENT_IP_ADDRESS', { ip_persistence_profile: {} }),
  persistence('Http-Cookie', 'HTTP_COOKIE', { http_cookie_persistence_profile: {} }),
  persistence('TLS', 'TLS', {}),
  persistence('App-Cookie', 'APP_COOKIE', {
    app_cookie_persistence_profile: { prst_hdr_name: 'JSESSIONID' },
  }),
  persistence('Custom-Http-Header', 'CUSTOM_HTTP_HEADER', {
    hdr_persistence_profile: { prst_hdr_name: 'X-Persistence' },
  }),
  { kind: 'analyticsprofile', name: 'System-Analytics-Profile', spec: {} },
  tls('', `${FORWARD_SECRECY}:AES128-GCM-SHA256:AES256-GCM-SHA384`, ['TLS1_2', 'TLS1_3']),
  tls('-PFS', FORWARD_SECRECY, ['TLS1_2', 'TLS1_3']),
  tls('-Portal', FORWARD_SECRECY, ['TLS1_2', 'TLS1_3'], 'SYSTEM'),
  group('Compressible-Content-Types', [
    'text/html',
    'text/xml',
    'text/plain',
    'text/css',
    'text/javascript',
    'application/javascript',
    'application/json',
    'application/xml',
    'application/pdf',
    'image/svg+xml',
  ]),
  group('Cacheable-Resource-Types', [
    'text/css',
    'text/javascript',
    'application/javascript',
    'image/gif',
    'image/jpeg',
    'image/png',
    'image/svg+xml',
    'image/webp',
    'font/woff2',
  ]),
  group('Devices-Mobile', ['Android', 'iPhone', 'iPad', 'Mobile', 'Opera Mini', 'webOS']),
  group('Rewritable-Content-Types', ['text/html', 'text/xml', 'text/plain', 'text/css', 'text/javascript']),
];
