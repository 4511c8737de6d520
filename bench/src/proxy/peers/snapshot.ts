import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AlgorithmName } from '@spillway/balancing';
import type { Snapshot } from '@spillway/snapshot';
import { SERVER_NAMES, type Certificates } from '../host/certificates.js';
import type { Application } from '../workloads.js';
import { algorithmPort, ORIGIN_PORTS, portOf, UDP_ECHO_PORT } from './ports.js';

type VirtualService = Snapshot['virtual_services'][number];

const HTTP: Extract<VirtualService['application'], { type: 'http' }> = {
  type: 'http',
  http: {
    xff_enabled: true,
    keepalive_timeout: 600_000,
    client_header_timeout: 10_000,
    client_body_timeout: 30_000,
    server_response_timeout: 60_000,
    max_header_size: 49_152,
    max_header_count: 128,
    max_body_size: 0,
    server_idle_timeout: 60_000,
  },
};

/** Streams and fields as the peers have them; no limit of requests on a connection. */
const HTTP2: VirtualService['application'] = {
  ...HTTP,
  http: {
    ...HTTP.http,
    http2: {
      max_concurrent_streams: 128,
      initial_window_size: 65_536,
      max_header_field_size: 4096,
      max_requests: 0,
      max_control_frames: 1000,
      max_empty_data_frames: 1000,
      max_queued_frames: 1000,
    },
  },
};

type Service = VirtualService['services'][number];

/** TLS as nginx.ts and haproxy.ts have it: a certificate per name, clients may show theirs, sessions can be resumed. */
const tlsOf = ({ ca }: Certificates): Pick<VirtualService, 'tls'> => ({
  tls: {
    profile: {
      versions: ['TLSv1.2', 'TLSv1.3'],
      ciphers: 'ECDHE+AESGCM:ECDHE+CHACHA20',
      ciphersuites: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
      groups: '',
      signature_algorithms: '',
      prefer_client_cipher_ordering: false,
      send_close_notify: true,
      session_reuse: true,
      session_timeout: 86_400,
    },
    certificate_uuids: SERVER_NAMES.map((name) => `certificate-${name}`),
    protocols: ['http/1.1'],
    client_certificate: {
      mode: 'request',
      validation: { trusted: [readFileSync(ca, 'utf8')], crls: [], leaf_crl_only: false },
    },
  },
});

/** What makes a port one for an application, and a virtual service one that has such ports. */
const SERVED: Record<
  Application,
  (certificates: Certificates) => {
    application: VirtualService['application'];
    service?: Partial<Service>;
    more?: Pick<VirtualService, 'tls'>;
  }
> = {
  http: () => ({ application: HTTP }),
  tls: (certificates) => ({
    application: HTTP,
    service: { enable_ssl: true },
    more: tlsOf(certificates),
  }),
  h2: () => ({ application: HTTP2, service: { enable_http2: true } }),
  tcp: () => ({ application: { type: 'tcp', tcp: { idle_timeout: 0 } } }),
  udp: () => ({ application: { type: 'udp', udp: { idle_timeout: 10_000, per_datagram: false } } }),
};

const serversOf = (name: Application): readonly number[] => (name === 'udp' ? [UDP_ECHO_PORT] : ORIGIN_PORTS);

/** What a virtual service is made of, and its pool. */
interface Served extends ReturnType<(typeof SERVED)[Application]> {
  name: string;
  port: number;
  servers: readonly number[];
  algorithm: AlgorithmName;
}

/**
 * A virtual service per application, before the same four servers, without health checks; and one for HTTP for each of
 * the algorithms.
 */
export function benchSnapshot(
  certificates: Certificates,
  algorithms: readonly AlgorithmName[] = [],
): Snapshot {
  const services: Served[] = [
    ...(Object.keys(SERVED) as Application[]).map((name) => ({
      ...SERVED[name](certificates),
      name,
      port: portOf('spillway', name),
      servers: serversOf(name),
      algorithm: 'least_connections' as const,
    })),
    ...algorithms.map((algorithm, i) => ({
      ...SERVED.http(certificates),
      name: algorithm,
      port: algorithmPort(i),
      servers: serversOf('http'),
      algorithm,
    })),
  ];
  return {
    format: 1,
    epoch: 1,
    generation: 1,
    settings: {
      se_uuid: 'serviceengine-bench',
      se_name: 'bench',
      cluster_uuid: 'cluster-bench',
      se_group_uuid: 'serviceenginegroup-bench',
      vip_distribution: 'host',
      dp_hb_frequency: 100,
      dp_hb_timeout_count: 6,
      heartbeat_interval: 1000,
    },
    placements: services.map(({ name }) => ({
      virtual_service_uuid: `virtualservice-${name}`,
      vip_id: '1',
      state: 'active',
      primary: true,
      epoch: 1,
      drain_timeout: 0,
    })),
    virtual_services: services.map(({ name, port, application, service, more }) => ({
      ...more,
      uuid: `virtualservice-${name}`,
      name,
      tenant: 'admin',
      enabled: true,
      vips: [{ vip_id: '1', address: '127.0.0.1' }],
      services: [{ port, port_range_end: port, ...service }],
      application,
      pool_uuid: `pool-${name}`,
    })),
    pools: services.map(({ name, algorithm, servers }) => ({
      uuid: `pool-${name}`,
      name,
      enabled: true,
      algorithm,
      servers: servers.map((port) => ({
        address: '127.0.0.1',
        port,
        hostname: '',
        state: 'enabled',
        ratio: 1,
      })),
      health_monitor_uuids: [],
      min_servers_up: 1,
      graceful_disable_timeout: 0,
      connect_timeout: 2000,
      max_idle_connections: 1024,
    })),
    health_monitors: [],
    certificates: certificates.names.map(({ name, certificate, key }) => ({
      uuid: `certificate-${name}`,
      name,
      names: [name],
      key_type: 'ec',
      chain: readFileSync(certificate, 'utf8'),
      private_key: readFileSync(key, 'utf8'),
    })),
    ticket_keys: [
      {
        virtual_service_uuid: 'virtualservice-tls',
        keys: [randomBytes(80).toString('base64')],
      },
    ],
  };
}
