import type { Snapshot } from '@spillway/snapshot';
import type { Application } from '../workloads.js';
import { ORIGIN_PORTS, portOf } from './ports.js';

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

const SERVED: Partial<Record<Application, VirtualService['application']>> = {
  http: HTTP,
  h2: {
    ...HTTP,
    http: {
      ...HTTP.http,
      // Streams and fields as the peers have them; no limit of requests on a connection.
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
  },
  tcp: { type: 'tcp', tcp: { idle_timeout: 0 } },
};

/** Why an application cannot be measured with this SE; undefined when it can. */
export const whyNotServed = (application: Application): string | undefined =>
  SERVED[application] === undefined ? `the SE does not serve ${application} yet` : undefined;

/** A virtual service per application, before the same four servers, without health checks. */
export function benchSnapshot(): Snapshot {
  const services = Object.entries(SERVED) as [Application, VirtualService['application']][];
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
    placements: services.map(([name]) => ({
      virtual_service_uuid: `virtualservice-${name}`,
      vip_id: '1',
      state: 'active',
      primary: true,
      epoch: 1,
      drain_timeout: 0,
    })),
    virtual_services: services.map(([name, application]) => ({
      uuid: `virtualservice-${name}`,
      name,
      tenant: 'admin',
      enabled: true,
      vips: [{ vip_id: '1', address: '127.0.0.1' }],
      services: [
        {
          port: portOf('spillway', name),
          port_range_end: portOf('spillway', name),
          ...(name === 'h2' ? { enable_http2: true } : {}),
        },
      ],
      application,
      pool_uuid: `pool-${name}`,
    })),
    pools: services.map(([name]) => ({
      uuid: `pool-${name}`,
      name,
      enabled: true,
      algorithm: 'least_connections',
      servers: ORIGIN_PORTS.map((port) => ({
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
  };
}
