import { z } from 'zod';
import { ConnectionRamp } from './connection-ramp.js';
import { HostHeader } from './host-header.js';
import { milliseconds, name, uuid } from './primitives.js';
import { RequestQueue } from './room.js';
import { Server } from './server.js';
import { FailAction } from './fail-action.js';
import { Reselect } from './reselect.js';
import { ClientTls } from './tls.js';

export const ConsistentHash = z.strictObject({
  /**
   * `uri` is host and path; `header` the value of `header_name`; `call_id` is that of SIP, of a virtual service with
   * `sip`; `custom_string` is what a rule has set (`hash_string`). What has none goes by address and port.
   */
  key: z.enum(['client_ip', 'client_ip_and_port', 'uri', 'header', 'call_id', 'custom_string']),
  header_name: z.string().min(1).max(128).optional(),
  /** Servers count by address alone, so that pools of the same servers on other ports choose the same one. */
  ignore_server_port: z.boolean(),
});
export type ConsistentHash = z.infer<typeof ConsistentHash>;

export const Pool = z.strictObject({
  uuid,
  name,
  enabled: z.boolean(),
  algorithm: z.enum([
    'round_robin',
    'least_connections',
    'consistent_hash',
    'random',
    'power_of_two',
    'core_affinity',
    'least_load',
    'fastest_response',
    'fewest_servers',
    'fewest_tasks',
  ]),
  /** What consistent hash goes by; absent: the client's address. */
  consistent_hash: ConsistentHash.optional(),
  /** Workers that use a server, with core affinity; absent: 2. */
  core_nonaffinity: z.int().min(1).max(65_535).optional(),
  /** The workers of an SE take turns together, with round robin. Absent: each by itself. */
  turns_per_se: z.boolean().optional(),
  /** Milliseconds between two times that what monitors tell of tasks is taken over, with fewest tasks; absent: 10 s. */
  tasks_feedback_delay: z.int().min(1000).max(300_000).optional(),
  /** Servers that join others get their part of the traffic by and by; absent: at once. */
  connection_ramp: ConnectionRamp.optional(),
  /** The capacity of the servers is estimated, as it always is with fewest servers. Absent: false. */
  capacity_estimation: z.boolean().optional(),
  /**
   * Milliseconds to the first byte from which a server is at capacity; absent: found out from how its latency changes
   * with its load.
   */
  capacity_ttfb_threshold: z.int().min(1).max(5000).optional(),
  servers: z.array(Server).max(5000),
  health_monitor_uuids: z.array(uuid).max(64),
  /** Servers that must be up for the pool to be up. */
  min_servers_up: z.int().min(1).max(5000),
  /** Monitors that must pass for a server to be up; absent: all. */
  min_health_monitors_up: z.int().min(1).max(64).optional(),
  /** Milliseconds; -1 never. */
  graceful_disable_timeout: z.int().min(-1).max(432_000_000),
  /** Until its time is up a server that drains is still chosen for clients that persistence knows. Absent: false. */
  drain_keeps_persistence: z.boolean().optional(),
  /**
   * Milliseconds that connections to a server live on after its monitors have marked it down; 0 ends them at once,
   * absent never.
   */
  down_timeout: z.int().min(0).max(432_000_000).optional(),
  /** What the servers are told as Host. Absent: what the client said. */
  host_header: HostHeader.optional(),
  /** Rules may name a server of the pool by its name. Absent: false. */
  lookup_server_by_name: z.boolean().optional(),
  connect_timeout: milliseconds,
  /** Kept idle connections per worker and server. */
  max_idle_connections: z.int().min(0).max(65_536),
  /** Requests go to the servers by HTTP/2. Absent: false. */
  enable_http2: z.boolean().optional(),
  /** A connection to a server takes no further request when it is so old; 0 or absent: no limit. */
  connection_life_time: milliseconds.optional(),
  /** Requests that one connection to a server serves after its first; 0 or absent: no limit. */
  connection_max_reuse: z.int().min(0).max(4_294_967_295).optional(),
  /**
   * Connections that a server may have at a time, over all SEs: placements say which part is this one's. Absent: no limit.
   */
  max_connections: z.int().min(1).max(2_147_483_647).optional(),
  /** What requests do that find all servers full; only with `max_connections`. Absent: they do not wait. */
  request_queue: RequestQueue.optional(),
  /** Clients come back to their server. */
  persistence_profile_uuid: uuid.optional(),
  /** The passive monitor throttles servers whose answers are worse than those of the others. Absent: true. */
  passive_monitor: z.boolean().optional(),
  /** Servers are spoken to with TLS. */
  tls: ClientTls.optional(),
  /** Longest wait for a response head of its servers; absent: as the application profile says. */
  server_timeout: milliseconds.optional(),
  reselect: Reselect.optional(),
  fail_action: FailAction.optional(),
});
export type Pool = z.infer<typeof Pool>;
