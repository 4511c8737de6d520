import { z } from 'zod';

/**
 * The snapshot: everything one SE needs to serve, and nothing else. It is what the translator's golden files
 * hold, what an SE persists on its disk, and what `./spillway engine --snapshot FILE` runs.
 *
 * Every object is strict: an unknown field is refused, so that an SE never half-understands its configuration.
 */
export const FORMAT = 1;

const uuid = z.string().min(1).max(128);
const name = z.string().max(256);
const port = z.int().min(1).max(65535);
const milliseconds = z.int().min(0).max(86_400_000);
const address = z.union([z.ipv4(), z.ipv6()]);

/** What the SE is told about itself and its group. */
export const Settings = z.strictObject({
  se_uuid: uuid,
  se_name: name,
  cluster_uuid: uuid,
  se_group_uuid: uuid,
  /** How several SEs share a VIP (design, VIP distribution). */
  vip_distribution: z.enum(['host', 'relay', 'l2', 'l2-tunnel', 'bgp']),
  /** Beat of supervisor, agent and workers, in milliseconds. */
  dp_hb_frequency: z.int().min(10).max(60_000),
  /** Beats missed before a process counts as hung. */
  dp_hb_timeout_count: z.int().min(2).max(1000),
  /** Heartbeat to the controller, in milliseconds. */
  heartbeat_interval: z.int().min(50).max(60_000),
});
export type Settings = z.infer<typeof Settings>;

/**
 * What this SE has to do for one virtual service.
 * - `prepare`: claim VIP and ports, check the health of the servers, open no listener.
 * - `active`: serve.
 * - `drain`: take no new connection; what is left ends by `drain_timeout`, then it is reset.
 */
export const Placement = z.strictObject({
  virtual_service_uuid: uuid,
  vip_id: z.string().max(64),
  state: z.enum(['prepare', 'active', 'drain']),
  primary: z.boolean(),
  /** Raised each time ownership passes on; an SE refuses a lower one. */
  epoch: z.int().min(0),
  /** Milliseconds from the moment the SE learns of the drain; 0 resets at once. */
  drain_timeout: milliseconds,
});
export type Placement = z.infer<typeof Placement>;

export const Vip = z.strictObject({ vip_id: z.string().max(64), address });
export type Vip = z.infer<typeof Vip>;

export const Service = z
  .strictObject({ port, port_range_end: port })
  .refine((s) => s.port_range_end >= s.port, { message: 'port_range_end must not be below port' });
export type Service = z.infer<typeof Service>;

/** Limits and time-outs of an HTTP application profile; times in milliseconds, sizes in bytes. */
export const HttpProfile = z.strictObject({
  xff_enabled: z.boolean(),
  keepalive_timeout: milliseconds,
  client_header_timeout: milliseconds,
  client_body_timeout: milliseconds,
  /** Longest wait for a server's response head; 0 waits for ever. */
  server_response_timeout: milliseconds,
  max_header_size: z.int().min(256).max(1_048_576),
  max_header_count: z.int().min(1).max(4096),
  /** 0 is unlimited. */
  max_body_size: z.int().min(0),
  /** Kept connections to servers are closed after this long without use. */
  server_idle_timeout: milliseconds,
});
export type HttpProfile = z.infer<typeof HttpProfile>;

export const TcpProfile = z.strictObject({
  /** A connection without traffic either way is closed after this long; 0 never. */
  idle_timeout: milliseconds,
});
export type TcpProfile = z.infer<typeof TcpProfile>;

export const VirtualService = z.strictObject({
  uuid,
  name,
  tenant: name,
  /** False: no listener, as if unplaced, but claims are kept. */
  enabled: z.boolean(),
  vips: z.array(Vip).min(1).max(64),
  services: z.array(Service).min(1).max(512),
  application: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('http'), http: HttpProfile }),
    z.strictObject({ type: z.literal('tcp'), tcp: TcpProfile }),
  ]),
  pool_uuid: uuid.optional(),
});
export type VirtualService = z.infer<typeof VirtualService>;

export const Server = z.strictObject({
  address,
  port,
  hostname: z.string().max(255),
  /**
   * `disabled` resets what is left at once; `draining` finishes requests in flight, closes idle connections at
   * once, and resets the rest after the pool's `graceful_disable_timeout`.
   */
  state: z.enum(['enabled', 'draining', 'disabled']),
  ratio: z.int().min(1).max(20),
});
export type Server = z.infer<typeof Server>;

export const Pool = z.strictObject({
  uuid,
  name,
  enabled: z.boolean(),
  algorithm: z.enum(['round_robin', 'least_connections']),
  servers: z.array(Server).max(5000),
  health_monitor_uuids: z.array(uuid).max(64),
  /** Servers that must be up for the pool to be up. */
  min_servers_up: z.int().min(1).max(5000),
  /** Monitors that must pass for a server to be up; absent: all. */
  min_health_monitors_up: z.int().min(1).max(64).optional(),
  /** Milliseconds; -1 never. */
  graceful_disable_timeout: z.int().min(-1).max(432_000_000),
  connect_timeout: milliseconds,
  /** Kept idle connections per worker and server. */
  max_idle_connections: z.int().min(0).max(65_536),
});
export type Pool = z.infer<typeof Pool>;

export const HealthMonitor = z.strictObject({
  uuid,
  name,
  /** Milliseconds. */
  send_interval: z.int().min(100).max(3_600_000),
  receive_timeout: z.int().min(50).max(2_400_000),
  successful_checks: z.int().min(1).max(50),
  failed_checks: z.int().min(1).max(50),
  /** Probe this port instead of the server's. */
  monitor_port: port.optional(),
  check: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('http'),
      /** First line, without the version where that is left out, as in the published schema: `GET / HTTP/1.0`. */
      request: z.string().min(1).max(1024),
      exact_request: z.boolean(),
      /** `2xx` classes or exact codes. */
      response_codes: z.array(z.string().regex(/^[1-5](xx|\d\d)$/)).max(64),
      /** Must occur in the first 2 kB of the body. */
      response_text: z.string().max(512).optional(),
    }),
    z.strictObject({
      type: z.literal('tcp'),
      send: z.string().max(4096).optional(),
      expect: z.string().max(4096).optional(),
      half_open: z.boolean(),
    }),
  ]),
});
export type HealthMonitor = z.infer<typeof HealthMonitor>;

export const Snapshot = z.strictObject({
  format: z.literal(FORMAT),
  /** Raised by a restore or a failover of the configuration; an SE refuses a lower one. */
  epoch: z.int().min(0),
  /** The change of the configuration that this snapshot is current with. */
  generation: z.int().min(0),
  settings: Settings,
  placements: z.array(Placement).max(10_000),
  virtual_services: z.array(VirtualService).max(10_000),
  pools: z.array(Pool).max(10_000),
  health_monitors: z.array(HealthMonitor).max(10_000),
});
export type Snapshot = z.infer<typeof Snapshot>;
