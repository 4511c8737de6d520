import type { Mapping, WorkerBlock } from '@spillway/telemetry';
import type { Transport } from '../transport/seam.js';
import type { Clock } from './clock.js';

/** What everything in one data plane shares. */
export interface PlaneContext {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly mapping: Mapping;
  readonly block: WorkerBlock;
  /** Counters, see `VS` and `SERVER` of the telemetry library. */
  readonly f64: Float64Array;
  /** Latency buckets. */
  readonly u32: Uint32Array;
}
