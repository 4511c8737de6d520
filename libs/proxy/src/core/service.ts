import type { CompiledNetworkPolicy } from '@spillway/policy';
import type { VirtualService } from '@spillway/snapshot';
import {
  bucketOf,
  coarseBucketOf,
  codeCell,
  VS,
  VS_GAUGES,
  VS_HISTOGRAM,
  VS_HISTOGRAMS,
  type VsHistogram,
} from '@spillway/telemetry';
import type { TlsProblem } from '../tls/compile.js';
import type { ServerContexts } from '../tls/server-contexts.js';
import type { Targets } from '../http/policy/policy-rules.js';
import type { HttpRules } from '../http/rules.js';
import type { L4Rules } from '../tcp/rules.js';
import type { Socket, SocketOptions } from '../transport/seam.js';
import type { PlaneContext } from './context.js';
import type { ErrorRules } from './errors.js';
import { smoothed } from './rtt.js';
import type { ServiceLimits } from '../limits/service-limits.js';
import type { Pool } from './pool.js';
import type { PoolGroup } from './pool-group.js';
import type { UpRule } from './up-rule.js';

/** Where the sum of a histogram is. */
const SUMS = new Int32Array(VS_HISTOGRAMS);
SUMS[VS_HISTOGRAM.TOTAL] = VS.TOTAL_TIME;
SUMS[VS_HISTOGRAM.APP_RESPONSE] = VS.APP_RESPONSE_TIME;
SUMS[VS_HISTOGRAM.DATA_TRANSFER] = VS.DATA_TRANSFER_TIME;
SUMS[VS_HISTOGRAM.SERVER_CONNECT] = VS.SERVER_CONNECT_TIME;
SUMS[VS_HISTOGRAM.CLIENT_RTT] = VS.CLIENT_RTT;
SUMS[VS_HISTOGRAM.SERVER_RTT] = VS.SERVER_RTT;

/** A virtual service under one configuration; never changes. A request holds the one it began with. */
export interface ServiceConfig {
  readonly spec: VirtualService;
  readonly pool: Pool | null;
  /** In place of one pool. */
  readonly group: PoolGroup | null;
  /** Where connections and flows of an L4 service go instead of `pool`; null when it has no rules. */
  readonly l4: L4Rules | null;
  /** What it takes for errors of servers. */
  readonly errors: ErrorRules;
  /** What is asked of TCP; null for nothing. */
  readonly options: SocketOptions | null;
  /** Whose connections begin with a header of the PROXY protocol; null for nobody's. */
  readonly proxied: ((address: string) => boolean) | null;
  /** SEs that share its limits. */
  readonly sharers: number;
  /** Whether it is up, where nobody can connect to it while it is not; null where that does not matter. */
  readonly up: UpRule | null;
  /** What new connections are held to; null when that is nothing. */
  readonly limits: ServiceLimits | null;
  /** TLS to its clients; null when it has none, or none that can be had. */
  readonly tls: ServerContexts | null;
  /** Why what is asked of TLS cannot be served. */
  readonly tlsProblem: TlsProblem | null;
  /** Who may connect; null for everybody. */
  readonly network: CompiledNetworkPolicy | null;
  /** Where policies may send its requests. */
  readonly targets: Targets;
  /** What policies and profile do to requests and responses; null when that is nothing. */
  readonly rules: HttpRules | null;
}

/** Where the next request or connection goes. */
export const poolFor = (config: ServiceConfig): Pool | null =>
  config.group === null ? config.pool : config.group.choose();

/** A virtual service as this worker knows it: its counters and the configuration for the next request. */
export class ServiceRuntime {
  config: ServiceConfig;
  /** Index of its first counter. */
  counters = 0;
  /** Something may have been counted since the last mark. */
  touched = false;
  /** A round trip of a client may be measured: at most once a tick. */
  rttDue = false;
  /** Smoothed round trip of its clients, microseconds; 0 while unknown. */
  clientRtt = 0;
  private slot = 0;
  private codes = 0;
  /** Index of the first bucket of each histogram. */
  private readonly histograms = new Int32Array(VS_HISTOGRAMS);
  private mark = 0;
  private cell = -1;
  /** Open client connections of this worker. */
  private clients = 0;
  /** `tryConnect` has counted the next one. */
  private reserved = false;

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
    if (this.reserved) this.reserved = false;
    else block.clients[this.cell]!++;
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
    this.rttDue = true;
    this.touched = this.clients > 0;
  }

  private raiseMark(): void {
    this.context.u32[this.mark]!++;
  }

  private place(slot: number): void {
    const { block } = this.context;
    this.slot = slot;
    this.counters = block.service(slot);
    this.codes = block.code(slot, 0) - codeCell(0);
    for (let i = 0; i < VS_HISTOGRAMS; i++) this.histograms[i] = block.histogram(slot, i as VsHistogram);
    this.mark = block.serviceMark(slot);
    this.cell = block.clientCell(slot);
  }

  /** The head of a final response goes out. */
  responds(status: number): void {
    const { f64 } = this.context;
    f64[this.counters + VS.RESPONSES_1XX - 1 + Math.min(5, (status / 100) | 0)]!++;
    f64[this.codes + codeCell(status)]!++;
  }

  /** A request took so long, from its head to the last byte of its response. */
  recordTotal(microseconds: number): void {
    const { f64, u32 } = this.context;
    f64[this.counters + VS.TOTAL_TIME]! += microseconds;
    u32[this.histograms[VS_HISTOGRAM.TOTAL]! + bucketOf(microseconds)]!++;
  }

  /** Any other histogram, with its sum. */
  record(which: Exclude<VsHistogram, 0>, microseconds: number): void {
    const { f64, u32 } = this.context;
    f64[this.counters + SUMS[which]!]! += microseconds;
    u32[this.histograms[which]! + coarseBucketOf(microseconds)]!++;
  }

  /** Takes the round trip of a client where that is due. */
  sampleClient(socket: Socket): void {
    this.rttDue = false;
    const rtt = this.context.rtt.of(socket);
    if (rtt < 0) return;
    this.clientRtt = smoothed(this.clientRtt, rtt);
    this.record(VS_HISTOGRAM.CLIENT_RTT, rtt);
  }

  /**
   * A place for one client connection more, unless that would be more than `limit` over all workers; `connected` takes
   * it.
   */
  tryConnect(limit: number): boolean {
    if (!this.touched) this.touch();
    const { block } = this.context;
    this.reserved = block.tryAdd(block.clients, this.slot, limit);
    return this.reserved;
  }

  /** A connection was refused for one of REFUSED_BY. */
  refused(reason: number): void {
    if (!this.touched) this.touch();
    this.context.f64[this.counters + VS.REFUSED + reason]!++;
  }
}
