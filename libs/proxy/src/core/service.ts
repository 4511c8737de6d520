import type { VirtualService } from '@spillway/snapshot';
import { bucketOf, VS } from '@spillway/telemetry';
import type { HttpRules } from '../http/rules.js';
import type { PlaneContext } from './context.js';
import type { Pool } from './pool.js';

/** A virtual service under one configuration; never changes. A request holds the one it began with. */
export interface ServiceConfig {
  readonly spec: VirtualService;
  readonly pool: Pool | null;
  /** What policies and profile do to requests and responses; null when that is nothing. */
  readonly rules: HttpRules | null;
}

/** A virtual service as this worker knows it: its counters and the configuration for the next request. */
export class ServiceRuntime {
  config: ServiceConfig;
  /** Index of its first counter. */
  counters = 0;
  private latency = 0;

  constructor(
    private readonly context: PlaneContext,
    readonly uuid: string,
    slot: number,
    config: ServiceConfig,
  ) {
    this.config = config;
    this.counters = context.block.service(slot);
    this.latency = context.block.latency(slot);
  }

  /** The slot of the shared mapping; gauges are carried over when it changes. */
  moveTo(slot: number): void {
    const counters = this.context.block.service(slot);
    if (counters === this.counters) return;
    const { f64 } = this.context;
    for (const gauge of [VS.CONNECTIONS_ACTIVE, VS.REQUESTS_ACTIVE]) {
      f64[counters + gauge]! += f64[this.counters + gauge]!;
      f64[this.counters + gauge] = 0;
    }
    this.counters = counters;
    this.latency = this.context.block.latency(slot);
  }

  /** A request took so long, from its head to the last byte of its response. */
  record(milliseconds: number): void {
    this.context.u32[this.latency + bucketOf(milliseconds * 1000)]!++;
  }
}
