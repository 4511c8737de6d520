import { createDataPlane, type DataPlane, type PlaneConfig, type PlaneOptions } from '@spillway/proxy';
import { bunTransport } from '@spillway/proxy/bun';
import { HEALTH, layoutOf, Mapping } from '@spillway/telemetry';

/** The data plane of a worker. */
export const makePlane = (mapping: Mapping, index: number, options: PlaneOptions = {}): DataPlane =>
  createDataPlane(bunTransport(), mapping, index, options);

const LOOPBACK = '127.0.0.1';
const REQUESTS = 2_000;
/** Milliseconds that warming up may take: a slow machine must not wait for its SE. */
const LIMIT = 400;
const CONNECTIONS = 8;
const SIZE = { workers: 1, virtualServices: 1, servers: 1 };

/**
 * Runs requests through a data plane of its own, on loopback, so that the code is compiled before the first client
 * comes: cold, the first second is two to three times slower.
 */
export async function warmUp(): Promise<void> {
  const mapping = Mapping.format(new Uint8Array(layoutOf(SIZE).totalBytes), SIZE);
  mapping.setUsed(1, 1);
  mapping.setHealth(0, HEALTH.UP);
  mapping.publishHealth();
  const origin = Bun.listen({
    hostname: LOOPBACK,
    port: 0,
    socket: { data: (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwarm\n') },
  });
  const plane = makePlane(mapping, 0);
  try {
    await plane.apply(configuration(origin.port));
    const port = plane.status()[0]?.listeners[0]?.port;
    if (port !== undefined) await load(port);
  } finally {
    plane.close();
    origin.stop(true);
  }
}

/** Keep-alive requests over a few connections, until enough were answered or the time is up. */
async function load(port: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const request = `GET /warm HTTP/1.1\r\nHost: ${LOOPBACK}\r\nUser-Agent: warm\r\nAccept: */*\r\n\r\n`;
  let answered = 0;
  const timer = setTimeout(resolve, LIMIT);
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      Bun.connect({
        hostname: LOOPBACK,
        port,
        socket: {
          data: (socket) => {
            if (++answered >= REQUESTS) resolve();
            else socket.write(request);
          },
        },
      }),
    ),
  );
  for (const socket of sockets) socket.write(request);
  await promise;
  clearTimeout(timer);
  for (const socket of sockets) socket.terminate();
}

/** One HTTP virtual service on a free port. */
const configuration = (originPort: number): PlaneConfig => ({
  snapshot: {
    format: 1,
    epoch: 0,
    generation: 0,
    settings: {
      se_uuid: 'warm',
      se_name: 'warm',
      cluster_uuid: 'warm',
      se_group_uuid: 'warm',
      vip_distribution: 'host',
      dp_hb_frequency: 100,
      dp_hb_timeout_count: 6,
      heartbeat_interval: 1000,
    },
    placements: [
      {
        virtual_service_uuid: 'warm',
        vip_id: '1',
        state: 'active',
        primary: true,
        epoch: 0,
        drain_timeout: 0,
      },
    ],
    virtual_services: [
      {
        uuid: 'warm',
        name: 'warm',
        tenant: 'warm',
        enabled: true,
        vips: [{ vip_id: '1', address: LOOPBACK }],
        services: [{ port: 0, port_range_end: 0 }],
        application: {
          type: 'http',
          http: {
            xff_enabled: true,
            keepalive_timeout: 30_000,
            client_header_timeout: 10_000,
            client_body_timeout: 30_000,
            server_response_timeout: 0,
            max_header_size: 16_384,
            max_header_count: 128,
            max_body_size: 0,
            server_idle_timeout: 60_000,
          },
        },
        pool_uuid: 'warm',
      },
    ],
    pools: [
      {
        uuid: 'warm',
        name: 'warm',
        enabled: true,
        algorithm: 'least_connections',
        servers: [{ address: LOOPBACK, port: originPort, hostname: '', state: 'enabled', ratio: 1 }],
        health_monitor_uuids: [],
        min_servers_up: 1,
        graceful_disable_timeout: 0,
        connect_timeout: 1000,
        max_idle_connections: CONNECTIONS,
      },
    ],
    health_monitors: [],
  },
  slots: { virtual_services: { warm: 0 }, servers: { [`warm/${LOOPBACK}:${originPort}`]: 0 } },
});
