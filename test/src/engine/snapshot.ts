import { parseSnapshot, type Snapshot } from '@spillway/snapshot';

export interface Endpoint {
  address: string;
  port: number;
}

/** One virtual service of a test; everything that is left out is as the defaults of the API have it. */
export interface ServiceSpec {
  name: string;
  vips: string[];
  ports: ([number, number] | number)[];
  servers: (Endpoint & { state?: 'enabled' | 'draining' })[];
  type?: 'http' | 'tcp';
  state?: 'prepare' | 'active' | 'drain';
  enabled?: boolean;
  drainTimeout?: number;
  /** False: servers are up without a check. */
  monitored?: boolean;
  graceful?: number;
}

export interface SnapshotSpec {
  services: ServiceSpec[];
  se?: string;
  cluster?: string;
  epoch?: number;
  generation?: number;
}

const HTTP: Extract<Snapshot['virtual_services'][number]['application'], { type: 'http' }>['http'] = {
  xff_enabled: true,
  keepalive_timeout: 30_000,
  client_header_timeout: 10_000,
  client_body_timeout: 30_000,
  server_response_timeout: 0,
  max_header_size: 49_152,
  max_header_count: 256,
  max_body_size: 0,
  server_idle_timeout: 60_000,
};

/** A snapshot as the controller would send it. */
export function buildSnapshot(spec: SnapshotSpec): Snapshot {
  const se = spec.se ?? 'se-1';
  return parseSnapshot({
    format: 1,
    epoch: spec.epoch ?? 1,
    generation: spec.generation ?? 1,
    settings: {
      se_uuid: `serviceengine-${se}`,
      se_name: se,
      cluster_uuid: spec.cluster ?? 'cluster-1',
      se_group_uuid: 'serviceenginegroup-1',
      vip_distribution: 'host',
      dp_hb_frequency: 100,
      dp_hb_timeout_count: 6,
      heartbeat_interval: 1000,
    },
    placements: spec.services.flatMap((s) =>
      s.vips.map((_, i) => ({
        virtual_service_uuid: `virtualservice-${s.name}`,
        vip_id: `${i}`,
        state: s.state ?? 'active',
        primary: true,
        epoch: 1,
        drain_timeout: s.drainTimeout ?? 500,
      })),
    ),
    virtual_services: spec.services.map((s) => ({
      uuid: `virtualservice-${s.name}`,
      name: s.name,
      tenant: 'admin',
      enabled: s.enabled ?? true,
      vips: s.vips.map((address, i) => ({ vip_id: `${i}`, address })),
      services: s.ports.map((p) => {
        const [port, port_range_end] = typeof p === 'number' ? [p, p] : p;
        return { port, port_range_end };
      }),
      application:
        s.type === 'tcp' ? { type: 'tcp', tcp: { idle_timeout: 0 } } : { type: 'http', http: HTTP },
      pool_uuid: `pool-${s.name}`,
    })),
    pools: spec.services.map((s) => ({
      uuid: `pool-${s.name}`,
      name: s.name,
      enabled: true,
      algorithm: 'round_robin',
      servers: s.servers.map(({ address, port, state = 'enabled' }) => ({
        address,
        port,
        hostname: '',
        state,
        ratio: 1,
      })),
      health_monitor_uuids: s.monitored === false ? [] : [`healthmonitor-${s.type ?? 'http'}`],
      min_servers_up: 1,
      graceful_disable_timeout: s.graceful ?? 0,
      connect_timeout: 2000,
      max_idle_connections: 64,
    })),
    health_monitors: [
      monitor('http', {
        type: 'http',
        request: 'GET /health',
        exact_request: false,
        response_codes: ['2xx'],
      }),
      monitor('tcp', { type: 'tcp', half_open: false }),
    ],
  });
}

const monitor = (name: string, check: unknown) => ({
  uuid: `healthmonitor-${name}`,
  name,
  send_interval: 1000,
  receive_timeout: 500,
  successful_checks: 2,
  failed_checks: 2,
  check,
});
