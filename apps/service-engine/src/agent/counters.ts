import { SERVER, VS, type Mapping } from '@spillway/telemetry';
import type { SlotTable } from './slot-table.js';

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
}

/** Totals of one server of a pool since the agent started. */
export interface ServerCounters {
  poolUuid: string;
  server: string;
  connectionsOpened: number;
  connectionsActive: number;
  requests: number;
  failures: number;
}

/**
 * Reads what the workers count. Totals begin at 0 with each agent, since that is what its boot id stands for: what was
 * counted for an earlier agent of the same SE is taken off.
 */
export class Counters {
  readonly #services = new Map<string, Float64Array>();
  readonly #servers = new Map<string, Float64Array>();

  constructor(
    private readonly mapping: Mapping,
    private readonly serviceSlots: SlotTable,
    private readonly serverSlots: SlotTable,
  ) {
    for (const [key, slot] of serviceSlots.entries())
      this.#services.set(key, mapping.serviceTotals(slot).counters);
    for (const [key, slot] of serverSlots.entries())
      this.#servers.set(key, mapping.serverTotals(slot).counters);
  }

  services(): ServiceCounters[] {
    return [...this.serviceSlots.entries()].map(([uuid, slot]) => {
      const now = this.mapping.serviceTotals(slot).counters;
      const base = this.#services.get(uuid);
      const at = (i: number): number => Math.max(0, (now[i] ?? 0) - (base?.[i] ?? 0));
      return {
        uuid,
        connectionsOpened: at(VS.CONNECTIONS),
        connectionsActive: now[VS.CONNECTIONS_ACTIVE] ?? 0,
        requests: at(VS.REQUESTS),
        responses: [
          at(VS.RESPONSES_1XX),
          at(VS.RESPONSES_2XX),
          at(VS.RESPONSES_3XX),
          at(VS.RESPONSES_4XX),
          at(VS.RESPONSES_5XX),
        ],
        bytesIn: at(VS.BYTES_IN),
        bytesOut: at(VS.BYTES_OUT),
        failedRequests: at(VS.TRUNCATED),
      };
    });
  }

  servers(): ServerCounters[] {
    return [...this.serverSlots.entries()].map(([key, slot]) => {
      const now = this.mapping.serverTotals(slot).counters;
      const base = this.#servers.get(key);
      const at = (i: number): number => Math.max(0, (now[i] ?? 0) - (base?.[i] ?? 0));
      const slash = key.indexOf('/');
      return {
        poolUuid: key.slice(0, slash),
        server: key.slice(slash + 1),
        connectionsOpened: at(SERVER.CONNECTIONS),
        connectionsActive: this.mapping.activeOf(slot),
        requests: at(SERVER.REQUESTS),
        failures: at(SERVER.FAILURES),
      };
    });
  }
}
