import { shownExchange, type CheckCounts, type MonitorReport } from '@spillway/health';
import type { se } from '@spillway/protocol';

/** Servers in one message: with thousands of them it would be larger than a message should be. */
const COUNTS_PART = 2_000;
const REPORTS_PART = 500;
/** Milliseconds between two messages of what was counted. */
const PAUSE = 5_000;

/** Counts by monitor and pool, in parts; none when there are none. */
export function countsParts(counts: readonly CheckCounts[]): se.MonitorCounts[] {
  const parts: se.MonitorCounts[] = [];
  for (let at = 0; at < counts.length; at += COUNTS_PART) {
    const groups = new Map<string, se.MonitorCount>();
    for (const { poolUuid, monitorUuid, server, passed, failed } of counts.slice(at, at + COUNTS_PART)) {
      const key = `${poolUuid} ${monitorUuid}`;
      const group = groups.get(key) ?? { poolUuid, healthMonitorUuid: monitorUuid, servers: [] };
      groups.set(key, group);
      group.servers.push({ server, passed, failed });
    }
    parts.push({ counts: [...groups.values()] });
  }
  return parts;
}

/** Tells the controller how many checks passed and failed, as long as there is a stream. */
export class CountsReporter {
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly take: () => CheckCounts[],
    private readonly send: (value: se.MonitorCounts) => void,
  ) {}

  opened(): void {
    this.closed();
    this.#timer = setInterval(() => {
      for (const part of countsParts(this.take())) this.send(part);
    }, PAUSE);
  }

  /** What is counted from here on is told on the next stream. */
  closed(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** One server as an operator is told of it. */
export interface ShownServer {
  server: string;
  monitors: Record<string, unknown>[];
}

/** What the monitors of servers say. @param exchanges with what was said in the last checks, without secrets */
export const shownServers = (
  reports: ReadonlyMap<string, readonly MonitorReport[]>,
  exchanges: boolean,
): ShownServer[] =>
  [...reports].map(([server, monitors]) => ({
    server,
    monitors: monitors.map((report) => shownMonitor(report, exchanges)),
  }));

function shownMonitor(
  { monitorUuid, state, passed, failed, last }: MonitorReport,
  exchanges: boolean,
): Record<string, unknown> {
  return {
    health_monitor_uuid: monitorUuid,
    state,
    passed,
    failed,
    ...(last === undefined ? {} : { last_check: shownCheck(last, exchanges) }),
  };
}

function shownCheck(
  { at, duration, result, by }: NonNullable<MonitorReport['last']>,
  exchanges: boolean,
): Record<string, unknown> {
  return {
    at: Math.round(at),
    duration_ms: Math.round(duration),
    passed: result.ok,
    ...(by === undefined ? {} : { made_by_se_uuid: by }),
    ...(result.ok ? {} : { failure_code: result.code, failure_text: result.text }),
    ...(!result.ok && result.sslCode !== undefined ? { ssl_error_code: result.sslCode } : {}),
    ...(exchanges && result.exchange !== undefined ? shownExchange(result.exchange) : {}),
  };
}

/** The parts of an answer; there is one at least. */
export function monitorParts(id: number, servers: readonly ShownServer[]): se.Inspection[] {
  const parts: se.Inspection[] = [];
  for (let at = 0; at === 0 || at < servers.length; at += REPORTS_PART)
    parts.push({
      id,
      connections: Buffer.from(JSON.stringify(servers.slice(at, at + REPORTS_PART))),
      last: at + REPORTS_PART >= servers.length,
      truncated: false,
      silentWorkers: [],
    });
  return parts;
}
