import type { FailureReason } from '../http/failure.js';
import { now } from '../http/connection.js';
import type { ClientsConfig } from './config.js';
import type { ClientContext } from './context.js';
import {
  type ConnectionRecord,
  isCutAfterDeadline,
  type Ledger,
  type RequestRecord,
  type SeRecord,
  type Ticket,
  type TrackedConnection,
} from './ledger.js';

/** What a group of clients saw. Times are milliseconds since the epoch, durations milliseconds. */
export interface ClientsReport {
  name: string;
  sort: ClientsConfig['sort'];
  startedAt: number;
  endedAt: number;
  /** sent = ok + failed + cutAfterDeadline + inFlight, always. */
  sent: number;
  ok: number;
  failed: number;
  /** Cut on a draining SE at its deadline or after: no failure by definition, but counted. */
  cutAfterDeadline: number;
  /** Unfinished when the clients stopped; for long-lived sorts: still standing. */
  inFlight: number;
  /** Open loop: starts that the bound on connections forbade. */
  notSent: number;
  failuresByReason: Partial<Record<FailureReason, number>>;
  /** Start of the first failed request, end of the last one. */
  firstFailureAt?: number;
  lastFailureAt?: number;
  /** Start of the last request that failed on a connection of its own (made or not). */
  lastFailedNewConnectionAt?: number;
  /** Requests on new connections: successes, and the longest time without one. */
  newConnections: { ok: number; failed: number; maxGap: number; maxGapEndedAt: number };
  connections: {
    opened: number;
    /** Ended by `Connection: close`, as they should. */
    announcedCloses: number;
    /** Closed or reset by the peer between two requests, without announcement. */
    idleCloses: number;
    idleResets: number;
    /** Bytes came that no request had asked for. */
    unsolicitedData: number;
  };
  latency: { p50: number; p99: number; max: number };
  connectLatency: { p50: number; p99: number; max: number };
  /** Long-lived sorts: standing now, lines or pings received, longest silence. */
  longLived: { established: number; messages: number; maxSilence: number };
  serviceEngines: Record<string, SeRecord & { openConnections: number }>;
  /** Successes per origin (`X-Origin`). */
  origins: Record<string, number>;
  /** The first 50 and the last 50 failed requests. */
  failures: RequestRecord[];
  cuts: RequestRecord[];
  history: ConnectionRecord[];
  /** Normal, short connections that are not in the history. */
  historyLeftOut: number;
  requests?: RequestRecord[];
  /** All of it in a few lines for people. */
  summary: string;
}

/** Counters while the clients run: cheap enough to poll. */
export interface ClientsProgress {
  at: number;
  sent: number;
  ok: number;
  /** Without regard to drains: the report sorts cuts out. */
  failed: number;
  inFlight: number;
  notSent: number;
  openConnections: number;
  announcedCloses: number;
  /** Long-lived connections that have had their first answer and stand. */
  established: number;
  messages: number;
  newConnectionsOk: number;
  /** Open connections per SE, as far as attributed. */
  openPerSe: Record<string, number>;
  lastFailure?: string;
}

export function progressOf(context: ClientContext): ClientsProgress {
  const { ledger } = context;
  const last = ledger.failures.at(-1);
  return {
    at: now(),
    sent: ledger.sent,
    ok: ledger.ok,
    failed: ledger.failed,
    inFlight: ledger.inFlight,
    notSent: ledger.notSent,
    openConnections: context.openConnections.length,
    announcedCloses: ledger.announcedCloses,
    established: context.established,
    messages: context.messages,
    newConnectionsOk: ledger.newConnections.ok,
    openPerSe: countBySe(context.openConnections),
    ...(last && { lastFailure: `${last.failure.reason}: ${last.failure.message}` }),
  };
}

interface LiveParts {
  openConnections: TrackedConnection[];
  established: number;
  messages: number;
}

export function reportOf(
  config: ClientsConfig,
  ledger: Ledger,
  live: LiveParts & { maxSilence: number },
): ClientsReport {
  const judged = ledger.failures.map(({ ticket, endedAt, failure }) => {
    const record = requestRecord(ticket, endedAt);
    const cut = isCutAfterDeadline(
      {
        reason: failure.reason,
        endedAt,
        ...(ticket.connection && { connectionOpenedAt: ticket.connection.connection.openedAt }),
        ...(record.se !== undefined && { se: record.se }),
      },
      ledger.drains,
    );
    record.bucket = cut ? 'cut_after_deadline' : 'failed';
    record.reason = failure.reason;
    record.detail = failure.message;
    if (failure.status !== undefined) record.status = failure.status;
    return record;
  });
  const failures = judged.filter((r) => r.bucket === 'failed');
  const cuts = judged.filter((r) => r.bucket === 'cut_after_deadline');
  const failuresByReason: ClientsReport['failuresByReason'] = {};
  for (const { reason } of failures) failuresByReason[reason!] = (failuresByReason[reason!] ?? 0) + 1;
  const fresh = failures.filter((r) => r.newConnection);
  const ended = (how: ConnectionRecord['ended']) =>
    ledger.connections.filter((c) => c.connection.ended === how).length;
  const open = countBySe(live.openConnections);
  const report: ClientsReport = {
    name: config.name,
    sort: config.sort,
    startedAt: ledger.startedAt,
    endedAt: now(),
    sent: ledger.sent,
    ok: ledger.ok,
    failed: failures.length,
    cutAfterDeadline: cuts.length,
    inFlight: ledger.sent - ledger.ok - judged.length,
    notSent: ledger.notSent,
    failuresByReason,
    ...(failures.length > 0 && {
      firstFailureAt: Math.min(...extremes(failures, (r) => r.startedAt)),
      lastFailureAt: Math.max(...extremes(failures, (r) => r.endedAt)),
    }),
    ...(fresh.length > 0 && {
      lastFailedNewConnectionAt: Math.max(...extremes(fresh, (r) => r.startedAt)),
    }),
    newConnections: {
      ok: ledger.newConnections.ok,
      failed: fresh.length,
      maxGap: ledger.newConnections.maxGap,
      maxGapEndedAt: ledger.newConnections.maxGapEndedAt,
    },
    connections: {
      opened: ledger.connections.length + ledger.forgotten,
      announcedCloses: ledger.announcedCloses,
      idleCloses: ended('closed_idle'),
      idleResets: ended('reset_idle'),
      unsolicitedData: ended('unsolicited_data'),
    },
    latency: ledger.latency.summary(),
    connectLatency: ledger.connectLatency.summary(),
    longLived: { established: live.established, messages: live.messages, maxSilence: live.maxSilence },
    serviceEngines: Object.fromEntries(
      Object.entries(ledger.ses).map(([name, se]) => [name, { ...se, openConnections: open[name] ?? 0 }]),
    ),
    origins: { ...ledger.origins },
    failures: failures.length <= 100 ? failures : [...failures.slice(0, 50), ...failures.slice(-50)],
    cuts,
    history: ledger.connections.map(connectionRecord),
    historyLeftOut: ledger.forgotten,
    summary: '',
  };
  if (config.keepRequests) {
    report.requests = [
      ...ledger.requests.map(({ ticket, endedAt, origin }) => ({
        ...requestRecord(ticket, endedAt),
        ...(origin !== undefined && { origin }),
      })),
      ...judged,
    ].sort((a, b) => a.startedAt - b.startedAt);
  }
  report.summary = summarise(report);
  return report;
}

/** Smallest and largest value; Math.min(...) of a long list would overflow the stack. */
function extremes(records: RequestRecord[], of: (record: RequestRecord) => number): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const record of records) {
    low = Math.min(low, of(record));
    high = Math.max(high, of(record));
  }
  return [low, high];
}

function requestRecord(ticket: Ticket, endedAt: number): RequestRecord {
  return {
    startedAt: ticket.startedAt,
    endedAt,
    newConnection: ticket.newConnection,
    bucket: 'ok',
    ...(ticket.connection && { connection: ticket.connection.id }),
    ...(ticket.connection?.se !== undefined && { se: ticket.connection.se }),
  };
}

function connectionRecord({ id, connection, se }: TrackedConnection): ConnectionRecord {
  const { localPort, openedAt, announcedAt, closedAt, ended, requests } = connection;
  return {
    id,
    localPort,
    openedAt,
    ended,
    requests,
    ...(se !== undefined && { se }),
    ...(announcedAt !== undefined && { announcedAt }),
    ...(closedAt !== undefined && { closedAt }),
  };
}

function countBySe(connections: TrackedConnection[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { se } of connections) if (se !== undefined) counts[se] = (counts[se] ?? 0) + 1;
  return counts;
}

function summarise(r: ClientsReport): string {
  const since = (at: number) => `+${((at - r.startedAt) / 1000).toFixed(3)} s`;
  const lines = [
    `${r.name} (${r.sort}, ${((r.endedAt - r.startedAt) / 1000).toFixed(1)} s): sent ${r.sent} = ok ${r.ok} + failed ${r.failed} + cut after deadline ${r.cutAfterDeadline} + in flight ${r.inFlight}`,
    `  latency p50 ${r.latency.p50} p99 ${r.latency.p99} max ${r.latency.max} ms; ${r.connections.opened} connections, ${r.connections.announcedCloses} ended as announced, ${r.connections.idleCloses} + ${r.connections.idleResets} closed + reset while idle`,
  ];
  if (r.notSent > 0) lines.push(`  not sent for want of free connections: ${r.notSent}`);
  if (r.sort === 'new-connection') {
    lines.push(
      `  new connections: ${r.newConnections.ok} ok, ${r.newConnections.failed} failed, longest gap ${Math.round(r.newConnections.maxGap)} ms (to ${since(r.newConnections.maxGapEndedAt)})`,
    );
  }
  for (const [name, se] of Object.entries(r.serviceEngines)) {
    lines.push(`  ${name}: ${se.connections} connections (${se.openConnections} open), ${se.ok} ok`);
  }
  if (r.failed > 0) {
    const reasons = Object.entries(r.failuresByReason).map(([reason, n]) => `${reason} ${n}`);
    lines.push(
      `  FAILED ${reasons.join(', ')}; first begun ${since(r.firstFailureAt!)}, last ended ${since(r.lastFailureAt!)}`,
    );
    for (const f of r.failures.slice(0, 5)) {
      lines.push(
        `    ${since(f.startedAt)} .. ${since(f.endedAt)} ${f.reason}: ${f.detail}${f.se ? ` (${f.se})` : ''}`,
      );
    }
  }
  return lines.join('\n');
}
