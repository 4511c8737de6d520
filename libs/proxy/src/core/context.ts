import type { Pool as PoolSpec } from '@spillway/snapshot';
import type { Mapping, PersistenceTable, RateTable, WorkerBlock } from '@spillway/telemetry';
import type { ServerProtocol } from '../http/server-link.js';
import type { Transport } from '../transport/seam.js';
import type { FlowSharing } from '../udp/sharing.js';
import type { Budget } from './budget.js';
import type { Clock } from './clock.js';
import type { Rooms } from './rooms.js';
import type { RttSampler } from './rtt.js';

/** What everything in one data plane shares. */
export interface PlaneContext {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly mapping: Mapping;
  readonly block: WorkerBlock;
  /** Counters, see `VS` and `SERVER` of the telemetry library. */
  readonly f64: Float64Array;
  /** How requests get to the servers of a pool. */
  readonly protocolOf: (pool: PoolSpec) => ServerProtocol;
  /** Latency buckets. */
  readonly u32: Uint32Array;
  /** Rate limits, over all workers of the SE; their clock is `transport.now()`. */
  readonly rates: RateTable;
  readonly persistence: SharedClients;
  readonly rtt: RttSampler;
  readonly budget: Budget;
  /** The pools that limit connections. */
  readonly rooms: Rooms;
  /** Flows of datagrams of this worker. */
  readonly flows: Flows;
}

/** Which client belongs to which server, over all workers of the SE; the clock of the table is `transport.now()`. */
export interface SharedClients {
  readonly table: PersistenceTable;
  /** This SE, see `originOf`. */
  origin: number;
}

/** What all flows of a worker have in common. */
export interface Flows {
  /** Which worker serves which flow; null where there are no others. */
  readonly sharing: FlowSharing | null;
  count: number;
  /** Each flow has a socket: so many are allowed. */
  readonly most: number;
}
