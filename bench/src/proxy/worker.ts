import { createDataPlane } from '@spillway/proxy';
import { bunTransport } from '@spillway/proxy/bun';
import type { Snapshot } from '@spillway/snapshot';
import { HEALTH, layoutOf, Mapping } from '@spillway/telemetry';

/**
 * One worker's data plane and nothing else: no agent, no health checks, all servers up.
 *
 *   bun bench/dist/proxy/worker.js PORT SERVER_PORT...
 *
 * Prints `ready` when it serves.
 */
const [port = 0, ...serverPorts] = process.argv.slice(2).map(Number);
const size = { workers: 1, virtualServices: 4, servers: 64 };
const mapping = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
mapping.setUsed(1, serverPorts.length);
serverPorts.forEach((_, slot) => mapping.setHealth(slot, HEALTH.UP));
mapping.publishHealth();

const snapshot: Snapshot = {
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
  placements: [
    {
      virtual_service_uuid: 'virtualservice-bench',
      vip_id: '1',
      state: 'active',
      primary: true,
      epoch: 1,
      drain_timeout: 0,
    },
  ],
  virtual_services: [
    {
      uuid: 'virtualservice-bench',
      name: 'bench',
      tenant: 'admin',
      enabled: true,
      vips: [{ vip_id: '1', address: '127.0.0.1' }],
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
      pool_uuid: 'pool-bench',
    },
  ],
  pools: [
    {
      uuid: 'pool-bench',
      name: 'bench',
      enabled: true,
      algorithm: 'least_connections',
      servers: serverPorts.map((p) => ({
        address: '127.0.0.1',
        port: p,
        hostname: '',
        state: 'enabled',
        ratio: 1,
      })),
      health_monitor_uuids: [],
      min_servers_up: 1,
      graceful_disable_timeout: 0,
      connect_timeout: 2000,
      max_idle_connections: 1024,
    },
  ],
  health_monitors: [],
};

const slots = {
  virtual_services: { 'virtualservice-bench': 0 },
  servers: Object.fromEntries(serverPorts.map((p, slot) => [`pool-bench/127.0.0.1:${p}`, slot])),
};
await createDataPlane(bunTransport(), mapping, 0).apply({ snapshot, slots });
process.stdout.write('ready\n');
process.once('SIGTERM', () => process.exit(0));
