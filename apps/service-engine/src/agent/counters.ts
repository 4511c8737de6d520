import {
  CODE_CELLS,
  cumulative,
  emptyServerTotals,
  emptyServiceTotals,
  histogramOf,
  SERVER,
  SERVER_COUNTERS,
  VS,
  VS_BUCKETS,
  VS_COUNTERS,
  VS_HISTOGRAMS,
  type Mapping,
  type VsHistogram,
} from '@spillway/telemetry';
import type { SlotTable } from './slot-table.js';

/** Upper bounds of the buckets that others are told of, in microseconds; one more holds the rest. */
export const BOUNDS: readonly number[] = [
  500, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7, 3e7,
];

/** Totals of one virtual service since the agent started; active connections are those of now. */
export interface ServiceCounters {
  uuid: string;
  connectionsOpened: number;
  connectionsActive: number;
  requests: number;
  /** Index 0 is 1xx. */
  responses: [number, number, number, number, number];
  bytesIn: number;
  bytesOut: number;
  /** Responses that the client did not get whole. */
  failedRequests: number;
  /** Indexed by `VS`; gauges are those of now. */
  counters: Float64Array;
  /** Indexed by `codeCell`. */
  codes: Float64Array;
  /** Per histogram (`VS_HISTOGRAM`): counts up to each bound, then all. They are cumulative. */
  histograms: readonly Float64Array[];
}

/** Totals of one server of a pool since the agent started. */
export interface ServerCounters {
  poolUuid: string;
  server: string;
  connectionsOpened: number;
  /** Requests and L4 connections under way. */
  connectionsActive: number;
  requests: number;
  failures: number;
  /** Indexed by `SERVER`; gauges are those of now. */
  counters: Float64Array;
}

interface ServiceEntry {
  readonly slot: number;
  mark: number;
  /** What was counted for an earlier agent. */
  readonly base: { readonly counters: Float64Array; readonly codes: Float64Array };
  /** As read last: the cells wrap. */
  readonly buckets: Uint32Array;
  readonly told: ServiceCounters;
}

interface ServerEntry {
  readonly slot: number;
  mark: number;
  readonly base: Float64Array;
  readonly told: ServerCounters;
}

/** Totals are read into these. */
const service = emptyServiceTotals();
const server = emptyServerTotals();
const grown = new Uint32Array(VS_BUCKETS);
const nothing = { counters: new Float64Array(VS_COUNTERS), codes: new Float64Array(CODE_CELLS) };

/**
 * Reads what the workers count, where a mark says that something was. Totals begin at 0 with each agent, since that is
 * what its boot id stands for: what was counted for an earlier agent of the same SE is taken off.
 */
export class Counters {
  readonly #services = new Map<string, ServiceEntry>();
  readonly #servers = new Map<string, ServerEntry>();

  constructor(
    private readonly mapping: Mapping,
    private readonly serviceSlots: SlotTable,
    private readonly serverSlots: SlotTable,
  ) {
    for (const [key, slot] of serviceSlots.entries()) {
      const { counters, codes, buckets } = mapping.serviceTotals(slot);
      this.#services.set(key, serviceEntry(key, slot, { counters, codes }, buckets));
    }
    for (const [key, slot] of serverSlots.entries())
      this.#servers.set(key, serverEntry(key, slot, mapping.serverTotals(slot).counters));
  }

  services(): ServiceCounters[] {
    const told: ServiceCounters[] = [];
    for (const [uuid, slot] of this.serviceSlots.entries()) {
      let entry = this.#services.get(uuid);
      if (entry?.slot !== slot) {
        entry = serviceEntry(uuid, slot, nothing, new Uint32Array(VS_BUCKETS));
        this.#services.set(uuid, entry);
      }
      const mark = this.mapping.serviceMark(slot);
      if (mark !== entry.mark) {
        entry.mark = mark;
        this.#readService(entry);
      }
      told.push(entry.told);
    }
    for (const uuid of this.#services.keys())
      if (this.serviceSlots.get(uuid) === undefined) this.#services.delete(uuid);
    return told;
  }

  servers(): ServerCounters[] {
    const told: ServerCounters[] = [];
    for (const [key, slot] of this.serverSlots.entries()) {
      let entry = this.#servers.get(key);
      if (entry?.slot !== slot) {
        entry = serverEntry(key, slot, new Float64Array(SERVER_COUNTERS));
        this.#servers.set(key, entry);
      }
      const mark = this.mapping.serverMark(slot);
      if (mark !== entry.mark) {
        entry.mark = mark;
        this.#readServer(entry);
      }
      told.push(entry.told);
    }
    for (const key of this.#servers.keys())
      if (this.serverSlots.get(key) === undefined) this.#servers.delete(key);
    return told;
  }

  #readService(entry: ServiceEntry): void {
    const { told, base, buckets } = entry;
    this.mapping.serviceTotals(entry.slot, service);
    const { counters } = told;
    for (let i = 0; i < VS_COUNTERS; i++) counters[i] = Math.max(0, service.counters[i]! - base.counters[i]!);
    for (let i = 0; i < CODE_CELLS; i++) told.codes[i] = Math.max(0, service.codes[i]! - base.codes[i]!);
    counters[VS.CONNECTIONS_ACTIVE] = Math.max(0, service.counters[VS.CONNECTIONS_ACTIVE]!);
    counters[VS.REQUESTS_ACTIVE] = Math.max(0, service.counters[VS.REQUESTS_ACTIVE]!);
    for (let i = 0; i < VS_BUCKETS; i++) {
      grown[i] = service.buckets[i]! - buckets[i]!;
      buckets[i] = service.buckets[i]!;
    }
    for (let which = 0; which < VS_HISTOGRAMS; which++)
      addCumulative(told.histograms[which]!, histogramOf(grown, which as VsHistogram));
    told.connectionsOpened = counters[VS.CONNECTIONS]!;
    told.connectionsActive = counters[VS.CONNECTIONS_ACTIVE]!;
    told.requests = counters[VS.REQUESTS]!;
    for (let i = 0; i < 5; i++) told.responses[i] = counters[VS.RESPONSES_1XX + i]!;
    told.bytesIn = counters[VS.BYTES_IN]!;
    told.bytesOut = counters[VS.BYTES_OUT]!;
    told.failedRequests = counters[VS.TRUNCATED]!;
  }

  #readServer({ slot, base, told }: ServerEntry): void {
    this.mapping.serverTotals(slot, server);
    const { counters } = told;
    for (let i = 0; i < SERVER_COUNTERS; i++) counters[i] = Math.max(0, server.counters[i]! - base[i]!);
    counters[SERVER.CONNECTIONS_OPEN] = Math.max(0, server.counters[SERVER.CONNECTIONS_OPEN]!);
    told.connectionsOpened = counters[SERVER.CONNECTIONS]!;
    told.connectionsActive = this.mapping.activeOf(slot);
    told.requests = counters[SERVER.REQUESTS]!;
    told.failures = counters[SERVER.FAILURES]!;
  }
}

function addCumulative(sums: Float64Array, counts: Uint32Array): void {
  cumulative(counts, BOUNDS).forEach((n, i) => (sums[i]! += n));
  let all = 0;
  for (const n of counts) all += n;
  sums[BOUNDS.length]! += all;
}

const serviceEntry = (
  uuid: string,
  slot: number,
  base: ServiceEntry['base'],
  buckets: Uint32Array,
): ServiceEntry => ({
  slot,
  mark: -1,
  base,
  buckets,
  told: {
    uuid,
    connectionsOpened: 0,
    connectionsActive: 0,
    requests: 0,
    responses: [0, 0, 0, 0, 0],
    bytesIn: 0,
    bytesOut: 0,
    failedRequests: 0,
    counters: new Float64Array(VS_COUNTERS),
    codes: new Float64Array(CODE_CELLS),
    histograms: Array.from({ length: VS_HISTOGRAMS }, () => new Float64Array(BOUNDS.length + 1)),
  },
});

function serverEntry(key: string, slot: number, base: Float64Array): ServerEntry {
  const slash = key.indexOf('/');
  return {
    slot,
    mark: -1,
    base,
    told: {
      poolUuid: key.slice(0, slash),
      server: key.slice(slash + 1),
      connectionsOpened: 0,
      connectionsActive: 0,
      requests: 0,
      failures: 0,
      counters: new Float64Array(SERVER_COUNTERS),
    },
  };
}
