import type { ServerVerdict } from '@spillway/health';
import type { RuleHits } from '@spillway/proxy';
import {
  CLOSED_BY,
  CODE_NAMES,
  FAILED_BY,
  OWN_BY,
  REFUSED_BY,
  SERVER,
  VS,
  VS_HISTOGRAM,
  type VsHistogram,
} from '@spillway/telemetry';
import { BOUNDS, type ServerCounters, type ServiceCounters } from './counters.js';
import type { Throttle } from './passive-pool.js';
import type { PersistenceFacts } from './persistence-board.js';
import { family, type Labels, type Sample } from './metric-family.js';
import type { PoolCounters } from './pool-counters.js';
import { poolFamilies } from './pool-metrics.js';
import type { ObservedPlacement } from './placement-state.js';
import type { Usage } from './usage.js';

/** All that `/metrics` shows. */
export interface MetricsInput {
  services: readonly ServiceCounters[];
  servers: readonly ServerCounters[];
  pools: readonly PoolCounters[];
  verdicts: readonly ServerVerdict[];
  /** Health checks that were made here. */
  checks: { readonly passed: number; readonly failed: number };
  /** Servers that the passive monitor holds back. */
  throttles: readonly Throttle[];
  placements: readonly ObservedPlacement[];
  usage: Usage;
  epoch: number;
  generation: number;
  liveWorkers: number;
  workerRestarts: number;
  connected: boolean;
  /** Of each worker that is up. */
  processes: readonly WorkerGauges[];
  /** Keys that had to give way in the table of rate limits. */
  rateEvictions: number;
  persistence: PersistenceFacts;
  ruleHits: readonly RuleHits[];
}

/** How one worker is. */
export interface WorkerGauges {
  index: number;
  rssBytes: number;
  queuedBytes: number;
  queuedMost: number;
  shed: number;
  sockets: number;
  socketsMost: number;
  loopDelayMs: number;
  loopDelayMostMs: number;
}

const STATES: readonly ObservedPlacement['state'][] = [
  'pending',
  'prepared',
  'active',
  'draining',
  'drained',
  'failed',
];

const SECONDS = 1e-6;

/** A histogram per virtual service that has counted something in it. */
function histogram(
  name: string,
  which: VsHistogram,
  sum: number,
  help: string,
  services: readonly ServiceCounters[],
): string {
  const samples = services.flatMap((s): Sample[] => {
    const counts = s.histograms[which]!;
    const all = counts[BOUNDS.length]!;
    if (all === 0) return [];
    const labels = { virtual_service: s.uuid };
    return [
      ...BOUNDS.map((us, i): Sample => [{ ...labels, le: `${us * SECONDS}` }, counts[i]!, '_bucket']),
      [{ ...labels, le: '+Inf' }, all, '_bucket'],
      [labels, s.counters[sum]! * SECONDS, '_sum'],
      [labels, all, '_count'],
    ];
  });
  return family(name, 'histogram', help, samples);
}

/** Sum and count per server that has counted something. */
function summary(
  name: string,
  count: number,
  sum: number,
  help: string,
  servers: readonly ServerCounters[],
): string {
  const samples = servers.flatMap((s): Sample[] => {
    const all = s.counters[count]!;
    if (all === 0) return [];
    const labels = { pool: s.poolUuid, server: s.server };
    return [
      [labels, s.counters[sum]! * SECONDS, '_sum'],
      [labels, all, '_count'],
    ];
  });
  return family(name, 'summary', help, samples);
}

/** One sample per reason for which something was counted; its label is the name in lower case. */
const byReason = (
  label: string,
  reasons: Readonly<Record<string, number>>,
  labels: Labels,
  at: (reason: number) => number,
): Sample[] =>
  Object.entries(reasons).flatMap(([name, reason]): Sample[] =>
    at(reason) === 0 ? [] : [[{ ...labels, [label]: name.toLowerCase() }, at(reason)]],
  );

/** What the counters of the virtual services say beyond what they always said. */
function serviceFamilies(services: readonly ServiceCounters[]): string[] {
  const reasons = (reason: Readonly<Record<string, number>>, first: number): Sample[] =>
    services.flatMap((s) =>
      byReason('reason', reason, { virtual_service: s.uuid }, (r) => s.counters[first + r]!),
    );
  const counter = (index: number): Sample[] =>
    services.map((s) => [{ virtual_service: s.uuid }, s.counters[index]!]);
  const timed = (name: string, which: VsHistogram, sum: number, help: string): string =>
    histogram(`spillway_vs_${name}_seconds`, which, sum, help, services);
  return [
    family('spillway_vs_requests_active', 'gauge', 'Requests under way.', counter(VS.REQUESTS_ACTIVE)),
    family(
      'spillway_vs_response_codes_total',
      'counter',
      'Responses by code.',
      services.flatMap((s) =>
        CODE_NAMES.flatMap((code, i): Sample[] =>
          s.codes[i] === 0 ? [] : [[{ virtual_service: s.uuid, code }, s.codes[i]!]],
        ),
      ),
    ),
    family(
      'spillway_vs_own_responses_total',
      'counter',
      'Responses that the engine made itself.',
      reasons(OWN_BY, VS.OWN),
    ),
    family(
      'spillway_vs_connections_closed_total',
      'counter',
      'Client connections by what ended them.',
      reasons(CLOSED_BY, VS.CLOSED),
    ),
    family(
      'spillway_vs_connections_refused_total',
      'counter',
      'Client connections that were not taken.',
      reasons(REFUSED_BY, VS.REFUSED),
    ),
    family(
      'spillway_vs_client_aborts_total',
      'counter',
      'Requests whose client went away.',
      counter(VS.CLIENT_ABORTS),
    ),
    family(
      'spillway_vs_tls_handshakes_total',
      'counter',
      'TLS handshakes with clients that were completed.',
      counter(VS.TLS_HANDSHAKES),
    ),
    family(
      'spillway_vs_tls_resumed_total',
      'counter',
      'Those of them that resumed a session.',
      counter(VS.TLS_RESUMED),
    ),
    family(
      'spillway_vs_datagrams_dropped_total',
      'counter',
      'Datagrams that had nowhere to go: no server, no room, too many flows.',
      counter(VS.DATAGRAMS_DROPPED),
    ),
    family(
      'spillway_vs_calls_evicted_total',
      'counter',
      'Calls of SIP that were forgotten before their time, since there were too many.',
      counter(VS.CALLS_EVICTED),
    ),
    timed('request_duration', VS_HISTOGRAM.TOTAL, VS.TOTAL_TIME, 'Head of the request to last byte sent.'),
    timed(
      'app_response',
      VS_HISTOGRAM.APP_RESPONSE,
      VS.APP_RESPONSE_TIME,
      'First byte of the response less the round trip of the server.',
    ),
    timed(
      'data_transfer',
      VS_HISTOGRAM.DATA_TRANSFER,
      VS.DATA_TRANSFER_TIME,
      'First byte of the response to last byte sent, and half a round trip of the client.',
    ),
    timed(
      'server_connect',
      VS_HISTOGRAM.SERVER_CONNECT,
      VS.SERVER_CONNECT_TIME,
      'Time to connect to servers.',
    ),
    timed('client_rtt', VS_HISTOGRAM.CLIENT_RTT, VS.CLIENT_RTT, 'Round trips of clients, sampled.'),
    timed('server_rtt', VS_HISTOGRAM.SERVER_RTT, VS.SERVER_RTT, 'Round trips of servers, sampled.'),
  ];
}

function serverFamilies(servers: readonly ServerCounters[]): string[] {
  const counter = (index: number): Sample[] =>
    servers.map((s) => [{ pool: s.poolUuid, server: s.server }, s.counters[index]!]);
  return [
    family(
      'spillway_server_active',
      'gauge',
      'Requests and L4 connections under way.',
      servers.map((s) => [{ pool: s.poolUuid, server: s.server }, s.connectionsActive]),
    ),
    family(
      'spillway_server_received_bytes_total',
      'counter',
      'Bytes from the server.',
      counter(SERVER.BYTES_IN),
    ),
    family('spillway_server_sent_bytes_total', 'counter', 'Bytes to the server.', counter(SERVER.BYTES_OUT)),
    family(
      'spillway_server_retries_total',
      'counter',
      'Requests sent again after another connection failed.',
      counter(SERVER.RETRIES),
    ),
    family(
      'spillway_server_error_responses_total',
      'counter',
      'Responses of the server that are errors.',
      servers.flatMap((s) =>
        [4, 5].flatMap((digit): Sample[] => {
          const n = s.counters[SERVER.RESPONSES_4XX + digit - 4]!;
          return n === 0 ? [] : [[{ pool: s.poolUuid, server: s.server, code: `${digit}xx` }, n]];
        }),
      ),
    ),
    family(
      'spillway_server_failures_by_kind_total',
      'counter',
      'How the server failed.',
      servers.flatMap((s) =>
        byReason(
          'kind',
          FAILED_BY,
          { pool: s.poolUuid, server: s.server },
          (k) => s.counters[SERVER.FAILED + k]!,
        ),
      ),
    ),
    summary(
      'spillway_server_connect_seconds',
      SERVER.CONNECTED,
      SERVER.CONNECT_TIME,
      'Time to connect.',
      servers,
    ),
    summary(
      'spillway_server_first_byte_seconds',
      SERVER.RESPONSES,
      SERVER.FIRST_BYTE_TIME,
      'Request sent to first byte of its response.',
      servers,
    ),
    summary(
      'spillway_server_app_response_seconds',
      SERVER.RESPONSES,
      SERVER.APP_RESPONSE_TIME,
      'The same less the round trip.',
      servers,
    ),
    summary(
      'spillway_server_data_transfer_seconds',
      SERVER.RESPONSES,
      SERVER.DATA_TRANSFER_TIME,
      'First byte to last byte sent.',
      servers,
    ),
    summary('spillway_server_rtt_seconds', SERVER.RTT_SAMPLES, SERVER.RTT, 'Round trips, sampled.', servers),
  ];
}

function workerFamilies(processes: readonly WorkerGauges[]): string[] {
  const gauge = (pick: (w: WorkerGauges) => number): Sample[] =>
    processes.map((w) => [{ worker: `${w.index}` }, pick(w)]);
  return [
    family(
      'spillway_worker_resident_bytes',
      'gauge',
      'Resident memory.',
      gauge((w) => w.rssBytes),
    ),
    family(
      'spillway_worker_queued_bytes',
      'gauge',
      'Bytes that wait for slow peers.',
      gauge((w) => w.queuedBytes),
    ),
    family(
      'spillway_worker_queued_bytes_limit',
      'gauge',
      'The budget for them.',
      gauge((w) => w.queuedMost),
    ),
    family(
      'spillway_worker_shed_total',
      'counter',
      'Connections ended because the budget was exceeded.',
      gauge((w) => w.shed),
    ),
    family(
      'spillway_worker_sockets',
      'gauge',
      'Open sockets.',
      gauge((w) => w.sockets),
    ),
    family(
      'spillway_worker_sockets_limit',
      'gauge',
      'Most sockets, by the limit of file descriptors.',
      gauge((w) => w.socketsMost),
    ),
    family(
      'spillway_worker_loop_delay_seconds',
      'gauge',
      'How late the last beat came.',
      gauge((w) => w.loopDelayMs / 1000),
    ),
    family(
      'spillway_worker_loop_delay_max_seconds',
      'gauge',
      'The same, the longest since its start.',
      gauge((w) => w.loopDelayMostMs / 1000),
    ),
  ];
}

/** The text that Prometheus reads. */
export function renderMetrics(m: MetricsInput): string {
  const service = (pick: (s: ServiceCounters) => number): Sample[] =>
    m.services.map((s) => [{ virtual_service: s.uuid }, pick(s)]);
  const server = (pick: (s: ServerCounters) => number): Sample[] =>
    m.servers.map((s) => [{ pool: s.poolUuid, server: s.server }, pick(s)]);
  return [
    family('spillway_se_up', 'gauge', 'The agent answers.', [[{}, 1]]),
    family('spillway_se_connected', 'gauge', 'The channel to the controller is open.', [
      [{}, m.connected ? 1 : 0],
    ]),
    family('spillway_se_epoch', 'gauge', 'Epoch of the configuration that is live.', [[{}, m.epoch]]),
    family('spillway_se_generation', 'gauge', 'Generation of the configuration that is live.', [
      [{}, m.generation],
    ]),
    family('spillway_se_workers', 'gauge', 'Workers that are live.', [[{}, m.liveWorkers]]),
    family('spillway_se_worker_restarts_total', 'counter', 'Workers that were started again.', [
      [{}, m.workerRestarts],
    ]),
    family('spillway_se_cpu_percent', 'gauge', 'CPU of all processes; 100 is every worker busy.', [
      [{}, m.usage.cpuPercent],
    ]),
    family('spillway_se_memory_bytes', 'gauge', 'Resident memory of all processes.', [
      [{}, m.usage.memoryUsedBytes],
    ]),
    family(
      'spillway_vs_connections_total',
      'counter',
      'Client connections opened.',
      service((s) => s.connectionsOpened),
    ),
    family(
      'spillway_vs_connections',
      'gauge',
      'Client connections open now.',
      service((s) => s.connectionsActive),
    ),
    family(
      'spillway_vs_requests_total',
      'counter',
      'Requests.',
      service((s) => s.requests),
    ),
    family(
      'spillway_vs_responses_total',
      'counter',
      'Responses by class of their code.',
      m.services.flatMap((s) =>
        s.responses.map((n, i): Sample => [{ virtual_service: s.uuid, code: `${i + 1}xx` }, n]),
      ),
    ),
    family(
      'spillway_vs_received_bytes_total',
      'counter',
      'Bytes from clients.',
      service((s) => s.bytesIn),
    ),
    family(
      'spillway_vs_sent_bytes_total',
      'counter',
      'Bytes to clients.',
      service((s) => s.bytesOut),
    ),
    family(
      'spillway_vs_failed_requests_total',
      'counter',
      'Responses cut short.',
      service((s) => s.failedRequests),
    ),
    family(
      'spillway_vs_placement',
      'gauge',
      'State of each placement; the present one is 1.',
      m.placements.flatMap((p) =>
        STATES.map((state): Sample => [
          { virtual_service: p.virtualServiceUuid, vip: p.vipId, state },
          p.state === state ? 1 : 0,
        ]),
      ),
    ),
    family(
      'spillway_server_up',
      'gauge',
      'Verdict of the health monitors.',
      m.verdicts.map((v): Sample => [{ pool: v.poolUuid, server: v.server }, v.verdict === 'up' ? 1 : 0]),
    ),
    family('spillway_se_health_checks_total', 'counter', 'Health checks that were made here.', [
      [{ result: 'passed' }, m.checks.passed],
      [{ result: 'failed' }, m.checks.failed],
    ]),
    family(
      'spillway_server_share',
      'gauge',
      'What the passive monitor leaves a server of its share, where it is less than 1.',
      m.throttles.map((t): Sample => [{ pool: t.poolUuid, server: t.server }, t.share]),
    ),
    family(
      'spillway_server_connections_total',
      'counter',
      'Connections opened to the server.',
      server((s) => s.connectionsOpened),
    ),
    family(
      'spillway_server_connections',
      'gauge',
      'Connections open to the server now, the idle ones too.',
      server((s) => s.counters[SERVER.CONNECTIONS_OPEN]!),
    ),
    family(
      'spillway_server_requests_total',
      'counter',
      'Requests sent to the server.',
      server((s) => s.requests),
    ),
    family(
      'spillway_server_errors_total',
      'counter',
      'Errors of the server, responses and failures, as the analytics profile defines them.',
      server((s) => s.counters[SERVER.ERRORS]!),
    ),
    family(
      'spillway_server_failures_total',
      'counter',
      'Requests that failed at the server.',
      server((s) => s.failures),
    ),
    family(
      'spillway_se_rate_limit_evictions_total',
      'counter',
      'Keys that gave way in a full table of rates.',
      [[{}, m.rateEvictions]],
    ),
    family(
      'spillway_pool_persistence_entries',
      'gauge',
      'Clients of a pool that are known to belong to a server.',
      m.persistence.pools.map((p) => [{ pool: p.poolUuid }, p.entries]),
    ),
    family('spillway_se_persistence_limit', 'gauge', 'Clients that there is room for, of all pools.', [
      [{}, m.persistence.limit],
    ]),
    family(
      'spillway_se_persistence_evictions_total',
      'counter',
      'Clients that were forgotten before their time for want of room.',
      [[{}, m.persistence.evictions]],
    ),
    family(
      'spillway_policy_rule_hits_total',
      'counter',
      'Requests, responses or connections that a rule of a policy has matched.',
      m.ruleHits.map((row) => [
        {
          virtual_service: row.virtual_service_uuid,
          policy: row.policy_uuid,
          phase: row.phase,
          index: String(row.index),
          rule: row.name,
        },
        row.hits,
      ]),
    ),
    ...serviceFamilies(m.services),
    ...serverFamilies(m.servers),
    ...poolFamilies(m.pools),
    ...workerFamilies(m.processes),
  ].join('');
}
