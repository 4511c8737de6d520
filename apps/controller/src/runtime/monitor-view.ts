import type { MonitorSum } from '../se-channel/monitor-counts.js';
import type { StoredObject } from '../store/index.js';
import { showStatus, timeStamp } from './oper-status.js';
import type { ServerStatus } from './pool-status.js';
import type { Linker } from './vip-summary.js';

type Json = Record<string, unknown>;

/** What one SE says of the servers of a pool; `unavailable` says why it could not be asked. */
export interface SeReport {
  readonly seUuid: string;
  readonly seName: string;
  /** By `address:port`, then by monitor. */
  readonly servers: ReadonlyMap<string, ReadonlyMap<string, Json>>;
  readonly unavailable: string;
}

/** Everything that is told of the monitors of one pool. */
export interface MonitorFacts {
  readonly monitors: readonly StoredObject[];
  readonly reports: readonly SeReport[];
  /** By `sumKey`. */
  readonly sums: ReadonlyMap<string, MonitorSum>;
  readonly link: Linker;
}

export const sumKey = (server: string, monitorUuid: string): string => `${server} ${monitorUuid}`;

const STATES: Readonly<Record<string, string>> = {
  up: 'OPER_UP',
  down: 'OPER_DOWN',
  unknown: 'OPER_INITIALIZING',
};

/** Percent with one decimal, rounded down so that 100 means all; null when nothing was counted. */
export const successPercent = (passed: number, failed: number): number | null =>
  passed + failed === 0 ? null : Math.floor((1000 * passed) / (passed + failed)) / 10;

const countsOf = (passed: number, failed: number): Json => ({
  checks_passed: passed,
  checks_failed: failed,
  success_percent: successPercent(passed, failed),
});

/** One server with each of its monitors: success over the window, and what each SE says now. */
export function serverMonitors(server: ServerStatus, facts: MonitorFacts): Json {
  const { hostname, address, port } = server.server;
  return {
    uuid: server.id,
    name: hostname || server.id,
    ip: { addr: address, type: address.includes(':') ? 'V6' : 'V4' },
    port,
    oper_status: showStatus(server.status),
    health_monitor: facts.monitors.map((monitor) => {
      const sum = facts.sums.get(sumKey(server.id, monitor.uuid));
      return {
        ...nameOf(monitor, facts.link),
        ...countsOf(sum?.passed ?? 0, sum?.failed ?? 0),
        service_engine: facts.reports.flatMap((r) => seOf(r, server.id, monitor.uuid)),
      };
    }),
  };
}

const nameOf = (monitor: StoredObject, link: Linker): Json => ({
  health_monitor_ref: link('healthmonitor', monitor.uuid),
  name: monitor.name,
  type: monitor.spec['type'],
});

/** What one SE says of one monitor of a server. */
function seOf(report: SeReport, server: string, monitorUuid: string): Json[] {
  const base = { se_uuid: report.seUuid, se_name: report.seName };
  if (report.unavailable !== '') return [{ ...base, state: 'OPER_UNKNOWN', reason: report.unavailable }];
  const found = report.servers.get(server)?.get(monitorUuid);
  if (found === undefined) return [];
  const { state, passed, failed, last_check: last } = found;
  return [
    {
      ...base,
      state: STATES[String(state)] ?? 'OPER_UNKNOWN',
      ...countsOf(Number(passed), Number(failed)),
      ...(isObject(last) ? { last_check: { ...last, at: timeStamp(new Date(Number(last['at']))) } } : {}),
    },
  ];
}

/** One monitor of a pool, over all its servers. */
export function monitorOfPool(monitor: StoredObject, facts: MonitorFacts): Json {
  const sums = [...facts.sums.values()].filter((s) => s.health_monitor_uuid === monitor.uuid);
  const passed = sums.reduce((n, s) => n + s.passed, 0);
  const failed = sums.reduce((n, s) => n + s.failed, 0);
  return {
    ...nameOf(monitor, facts.link),
    ...countsOf(passed, failed),
    service_engine: facts.reports.map((report) => {
      const base = { se_uuid: report.seUuid, se_name: report.seName };
      if (report.unavailable !== '') return { ...base, reason: report.unavailable };
      const states = [...report.servers.values()].flatMap((m) => m.get(monitor.uuid)?.['state'] ?? []);
      const count = (state: string): number => states.filter((s) => s === state).length;
      return {
        ...base,
        num_servers_up: count('up'),
        num_servers_down: count('down'),
        num_servers_unchecked: count('unknown'),
      };
    }),
  };
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** Rows of an SE as it sent them: what is not as expected is left out, since it comes from another program. */
export function reportOf(rows: readonly Json[]): SeReport['servers'] {
  const servers = new Map<string, Map<string, Json>>();
  for (const { server, monitors } of rows) {
    if (typeof server !== 'string' || !Array.isArray(monitors)) continue;
    const known = new Map<string, Json>();
    for (const monitor of monitors as unknown[])
      if (isObject(monitor)) known.set(String(monitor['health_monitor_uuid']), monitor);
    servers.set(server, known);
  }
  return servers;
}
