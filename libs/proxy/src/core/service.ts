import type { VirtualService } from '@spillway/snapshot';
import { bucketOf, VS, VS_GAUGES, VS_HISTOGRAM } from '@spillway/telemetry';
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
  /** Something may have been counted since the last mark. */
  touched = false;
  private latency = 0;
  private mark = 0;
  private cell = -1;
  /** Open client connections of this worker. */
  private clients = 0;

  constructor(
    private readonly context: PlaneContext,
    readonly uuid: string,
    slot: number,
    config: ServiceConfig,
  ) {
    this.config = config;
    this.place(slot);
  }

  /** The slot of the shared mapping; gauges are carried over when it changes. */
  moveTo(slot: number): void {
    const { counters: before } = this;
    if (this.context.block.service(slot) === before) return;
    const { f64, block } = this.context;
    this.raiseMark();
    block.clients[this.cell]! -= this.clients;
    this.place(slot);
    block.clients[this.cell]! += this.clients;
    this.raiseMark();
    for (const gauge of VS_GAUGES) {
      f64[this.counters + gauge]! += f64[before + gauge]!;
      f64[before + gauge] = 0;
    }
    this.touched = true;
  }

  /** A client connection begins. */
  connected(): void {
    if (!this.touched) this.touch();
    const { f64, block } = this.context;
    this.clients++;
    block.clients[this.cell]!++;
    f64[this.counters + VS.CONNECTIONS]!++;
    f64[this.counters + VS.CONNECTIONS_ACTIVE]!++;
  }

  /** It is over. */
  disconnected(): void {
    if (!this.touched) this.touch();
    const { f64, block } = this.context;
    this.clients--;
    block.clients[this.cell]!--;
    f64[this.counters + VS.CONNECTIONS_ACTIVE]!--;
  }

  /** Something is about to be counted outside of a connection. */
  touch(): void {
    this.touched = true;
    this.raiseMark();
  }

  /** On every tick: tells readers of the mapping that what was counted since the last one is there. */
  settle(): void {
    if (!this.touched) return;
    this.raiseMark();
    this.touched = this.clients > 0;
  }

  private raiseMark(): void {
    this.context.u32[this.mark]!++;
  }

  private place(slot: number): void {
    const { block } = this.context;
    this.counters = block.service(slot);
    this.latency = block.histogram(slot, VS_HISTOGRAM.TOTAL);
    this.mark = block.serviceMark(slot);
    this.cell = block.clientCell(slot);
  }

  /** A request took so long, from its head to the last byte of its response. */
  record(milliseconds: number): void {
    this.context.u32[this.latency + bucketOf(milliseconds * 1000)]!++;
  }
}
