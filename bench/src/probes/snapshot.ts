import type { HealthMonitor, Snapshot } from '@spillway/snapshot';

/** Ports of the bench; it has a network namespace to itself. */
export const PORTS = { probed: 18_080, served: 18_081, vip: 8080, vipOfProbed: 8081 } as const;

export const MONITORS = ['none', 'http', 'tcp', 'tcp half open'] as const;
export type MonitorName = (typeof MONITORS)[number];

const CHECKS: Readonly<Record<Exclude<MonitorName, 'none'>, HealthMonitor['check']>> = {
  http: { type: 'http', request: 'GET /100 HTTP/1.1', exact_request: false, response_codes: ['2xx'] },
  tcp: { type: 'tcp', half_open: false },
  'tcp half open': { type: 'tcp', half_open: true },
};

/** Servers that differ by their address, so that ports of connections do not run out. */
const addressOf = (i: number): string => `127.${1 + (i >> 14)}.${(i >> 7) & 127}.${1 + (i & 127)}`;

type Server = Snapshot['pools'][number]['servers'][number];

const server = (address: string, port: number): Server => ({
  address,
  port,
  hostname: '',
  state: 'enabled',
  ratio: 1,
});

const pool = (uuid: string, servers: Server[], monitors: string[]): Snapshot['pools'][number] => ({
  uuid,
  name: uuid,
  enabled: true,
  algorithm: 'round_robin',
  servers,
  health_monitor_uuids: monitors,
  min_servers_up: 1,
  graceful_disable_timeout: 0,
  connect_timeout: 2000,
  max_idle_connections: 256,
});

const service = (uuid: string, port: number, poolUuid: string): Snapshot['virtual_services'][number] => ({
  uuid,
  name: uuid,
  tenant: 'admin',
  enabled: true,
  vips: [{ vip_id: '0', address: '127.0.0.1' }],
  services: [{ port, port_range_end: port }],
  application: {
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
  },
  pool_uuid: poolUuid,
});

/** A pool that takes the load, and one of many servers that is checked each second, or not. */
export function probesSnapshot(servers: number, monitor: MonitorName, generation: number): Snapshot {
  const probed = Array.from({ length: servers }, (_, i) => server(addressOf(i), PORTS.probed));
  return {
    format: 1,
    epoch: 1,
    generation,
    settings: {
      se_uuid: 'serviceengine-bench',
      se_name: 'bench',
      cluster_uuid: 'cluster-bench',
      se_group_uuid: 'serviceenginegroup-bench',
      vip_distribution: 'host',
      dp_hb_frequency: 100,
      dp_hb_timeout_count: 50,
      heartbeat_interval: 1000,
    },
    placements: ['virtualservice-served', 'virtualservice-probed'].map((uuid) => ({
      virtual_service_uuid: uuid,
      vip_id: '0',
      state: 'active',
      primary: true,
      epoch: 1,
      drain_timeout: 1000,
    })),
    virtual_services: [
      service('virtualservice-served', PORTS.vip, 'pool-served'),
      service('virtualservice-probed', PORTS.vipOfProbed, 'pool-probed'),
    ],
    pools: [
      pool('pool-served', [server('127.0.0.1', PORTS.served)], []),
      pool('pool-probed', probed, monitor === 'none' ? [] : ['healthmonitor-bench']),
    ],
    health_monitors:
      monitor === 'none'
        ? []
        : [
            {
              uuid: 'healthmonitor-bench',
              name: 'bench',
              send_interval: 1000,
              receive_timeout: 900,
              successful_checks: 2,
              failed_checks: 3,
              check: CHECKS[monitor],
            },
          ],
  };
}
