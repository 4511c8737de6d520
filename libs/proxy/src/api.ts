import type { ConnectionFacts } from './core/describe.js';
import type { RuleHits } from './core/rule-hits.js';
import type { Snapshot } from '@spillway/snapshot';
import type { SharedMemory } from './udp/sharing.js';

/** Slots of the shared mapping, as the agent has assigned them. */
export interface Slots {
  /** By VS uuid. */
  virtual_services: Record<string, number>;
  /** By `pool_uuid/address:port`, IPv6 addresses in brackets. */
  servers: Record<string, number>;
  /** By pool uuid; only pools with `max_connections` need one. */
  pools?: Record<string, number>;
}

/** What a worker is to run: the snapshot of the SE and where to count. */
export interface PlaneConfig {
  snapshot: Snapshot;
  slots: Slots;
}

/**
 * What a worker makes of one placement.
 * - `prepared`: the configuration is there, no listener is open (also while the VS is disabled and nothing is left).
 * - `active`: every listener is open.
 * - `draining`: no listener is open, connections are left.
 * - `drained`: no listener is open, no connection is left.
 * - `failed`: a listener could not be opened, see `error`; what could be opened serves, the rest is tried again.
 */
export type PlacementState = 'prepared' | 'active' | 'draining' | 'drained' | 'failed';

export interface PlacementError {
  /** `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, … */
  code: string;
  address: string;
  port: number;
  message: string;
}

/** Status of one placement, that is of one virtual service on one of its VIPs. */
export interface PlacementStatus {
  virtual_service_uuid: string;
  vip_id: string;
  state: PlacementState;
  /** Open listeners. */
  listeners: { address: string; port: number }[];
  error?: PlacementError;
  /** Nobody can connect, since the virtual service is down (`remove_listening_port_on_vs_down`). Absent: false. */
  down?: boolean;
  /** Client connections open in this worker; in a drain, what is left. */
  connections: number;
}

/** The configuration cannot be run; the plane keeps what it had. */
export class PlaneConfigError extends Error {
  readonly code = 'PLANE_CONFIG_INVALID';
  readonly status = 400;
  constructor(message: string) {
    super(message);
    this.name = 'PlaneConfigError';
  }
}

/** What a data plane can be given beside its transport and its counters. */
export interface PlaneOptions {
  /** For flows of datagrams that several workers share: without it each worker is alone. */
  shared?: SharedMemory;
  /** Flows of datagrams at a time; each takes a file descriptor. */
  mostFlows?: number;
  /** Bytes that may wait for slow peers; 256 MiB unless told. */
  mostQueued?: number;
  /** Sockets that may be open: the limit of descriptors less what else needs some. */
  mostSockets?: number;
}

/** The data plane of one worker. */
export interface DataPlane {
  /**
   * Makes `config` the running one. Requests in flight end under the configuration they began with; listeners are
   * opened and closed only where addresses, ports or states differ; new ones are open before old ones are closed.
   * Resolves when every listener has been opened or has failed (`status` tells). Calls are taken in order.
   * @throws {PlaneConfigError} when it cannot be run; nothing has changed then.
   */
  apply(config: PlaneConfig): Promise<void>;
  /** One row per placement of the running configuration, and per placement gone that still has connections. */
  status(): PlacementStatus[];
  /** Called, coalesced, after the status has changed; connection counts matter only in a drain. */
  onStatus: (() => void) | null;
  /**
   * What every connection is doing, in the order of placements, then what is kept to servers. Take a few at a time: a
   * connection that comes or goes meanwhile may be missed or be told twice.
   * @param virtualServiceUuid only those of this virtual service and its pools
   */
  describe(virtualServiceUuid?: string): Iterator<ConnectionFacts>;
  /** How often rules of policies have matched since this was last asked. */
  takeRuleHits(): RuleHits[];
  /**
   * Drains everything: listeners close now, what is left after `milliseconds` is reset. Resolves when no connection
   * is left. A shorter time-out given later wins.
   */
  drain(milliseconds: number): Promise<void>;
  /** Resets every connection and closes every listener, at once. */
  close(): void;
}
