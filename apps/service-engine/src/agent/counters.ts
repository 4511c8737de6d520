import {
  CODE_CELLS,
  addCumulative,
  BUCKETS,
  bucketsBelow,
  COARSE_BUCKETS,
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
  /** Sent to it; L4 connections that were made, and flows that were begun. */
  requests: number;
  failures: number;
  /** Indexed by `SERVER`; gauges are those of now. */
  counters: Float64Array;
}

interface ServiceEntry {
  readonly slot: number;
  /** When it was read last, and when whole. */
  mark: number;
  wholeMark: number;
  /** What was counted for an earlier agent. */
  readonly base: { readonly counters: Float64Array; readonly codes: Float64Array };
  /** As read last: the cells wrap; null before anything was counted. */
  buckets: Uint32Array | null;
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
/** The parts of `grown`, one per histogram. */
const GROWN = Array.from({ length: VS_HISTOGRAMS }, (_, i) => histogramOf(grown, i as VsHistogram));
const FINE = bucketsBelow(BUCKETS, BOUNDS);
const COARSE = bucketsBelow(COARSE_BUCKETS, BOUNDS);
/** Stand in until something is counted: most objects of a large configuration are idle. */
const NO_COUNTERS = new Float64Array(VS_COUNTERS);
const NO_CODES = new Float64Array(CODE_CELLS);
const NO_HISTOGRAMS = Array.from({ length: VS_HISTOGRAMS }, () => new Float64Array(BOUNDS.length + 1));
const NO_SERVER = new Float64Array(SERVER_COUNTERS);
const nothing = { counters: NO_COUNTERS, codes: NO_CODES };

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

  /** @param whole false leaves codes and histograms as they were read last, which are most of the work */
  services(whole = true): ServiceCounters[] {
    const told: ServiceCounters[] = [];
    for (const [uuid, slot] of this.serviceSlots.entries()) {
      let entry = this.#services.get(uuid);
      if (entry?.slot !== slot) {
        entry = serviceEntry(uuid, slot, nothing, null);
        this.#services.set(uuid, entry);
      }
      const mark = this.mapping.serviceMark(slot);
      if (mark !== (whole ? entry.wholeMark : entry.mark)) {
        entry.mark = mark;
        if (whole) entry.wholeMark = mark;
        this.#readService(entry, whole);
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
        entry = serverEntry(key, slot, NO_SERVER);
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

  #readService(entry: ServiceEntry, whole: boolean): void {
    const { told, base } = entry;
    this.mapping.serviceTotals(entry.slot, service, whole);
    if (told.counters === NO_COUNTERS) told.counters = new Float64Array(VS_COUNTERS);
    const { counters } = told;
    for (let i = 0; i < VS_COUNTERS; i++) counters[i] = Math.max(0, service.counters[i]! - base.counters[i]!);
    counters[VS.CONNECTIONS_ACTIVE] = Math.max(0, service.counters[VS.CONNECTIONS_ACTIVE]!);
    counters[VS.REQUESTS_ACTIVE] = Math.max(0, service.counters[VS.REQUESTS_ACTIVE]!);
    if (whole) readWhole(entry);
    told.connectionsOpened = counters[VS.CONNECTIONS]!;
    told.connectionsActive = counters[VS.CONNECTIONS_ACTIVE]!;
    told.requests = counters[VS.REQUESTS]!;
    for (let i = 0; i < 5; i++) told.responses[i] = counters[VS.RESPONSES_1XX + i]!;
    told.bytesIn = counters[VS.BYTES_IN]!;
    told.bytesOut = counters[VS.BYTES_OUT]!;
    told.failedRequests = counters[VS.TRUNCATED]!;
  }

  #readServer({ slot, base, told }: ServerEntry): void {
    this.mapping.serverTotals(slot, server, false);
    if (told.counters === NO_SERVER) told.counters = new Float64Array(SERVER_COUNTERS);
    const { counters } = told;
    for (let i = 0; i < SERVER_COUNTERS; i++) counters[i] = Math.max(0, server.counters[i]! - base[i]!);
    counters[SERVER.CONNECTIONS_OPEN] = Math.max(0, server.counters[SERVER.CONNECTIONS_OPEN]!);
    told.connectionsOpened = counters[SERVER.CONNECTIONS]!;
    told.connectionsActive = this.mapping.activeOf(slot);
    told.requests = counters[SERVER.REQUESTS]! - counters[SERVER.UNSENT]!;
    told.failures = counters[SERVER.FAILURES]!;
  }
}

/** Codes and histograms, of what was read into `service`. */
function readWhole(entry: ServiceEntry): void {
  const { told, base } = entry;
  if (told.codes === NO_CODES) {
    told.codes = new Float64Array(CODE_CELLS);
    told.histograms = Array.from({ length: VS_HISTOGRAMS }, () => new Float64Array(BOUNDS.length + 1));
    entry.buckets ??= new Uint32Array(VS_BUCKETS);
  }
  const { codes, histograms } = told;
  for (let i = 0; i < CODE_CELLS; i++) codes[i] = Math.max(0, service.codes[i]! - base.codes[i]!);
  const buckets = entry.buckets!;
  for (let i = 0; i < VS_BUCKETS; i++) {
    grown[i] = service.buckets[i]! - buckets[i]!;
    buckets[i] = service.buckets[i]!;
  }
  for (let which = 0; which < VS_HISTOGRAMS; which++)
    addCumulative(histograms[which]!, GROWN[which]!, which === 0 ? FINE : COARSE);
}

const serviceEntry = (
  uuid: string,
  slot: number,
  base: ServiceEntry['base'],
  buckets: Uint32Array | null,
): ServiceEntry => ({
  slot,
  mark: base === nothing ? 0 : -1,
  wholeMark: base === nothing ? 0 : -1,
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
    counters: NO_COUNTERS,
    codes: NO_CODES,
    histograms: NO_HISTOGRAMS,
  },
});

function serverEntry(key: string, slot: number, base: Float64Array): ServerEntry {
  const slash = key.indexOf('/');
  return {
    slot,
    mark: base === NO_SERVER ? 0 : -1,
    base,
    told: {
      poolUuid: key.slice(0, slash),
      server: key.slice(slash + 1),
      connectionsOpened: 0,
      connectionsActive: 0,
      requests: 0,
      failures: 0,
      counters: NO_SERVER,
    },
  };
}
