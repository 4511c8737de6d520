import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { ServerVerdict } from '@spillway/health';
import { ownScopes, se } from '@spillway/protocol';
import { POOL, SERVER, VS, VS_HISTOGRAM, type VsHistogram } from '@spillway/telemetry';
import type { Advice, ModeProbe } from '@spillway/vip';
import { BOUNDS, type ServerCounters, type ServiceCounters } from '../agent/counters.js';
import { isIdlePool, type PoolCounters } from '../agent/pool-counters.js';
import type { WorkerGauges } from '../agent/metrics.js';
import type { Description } from '../agent/worker-links.js';
import type { ObservedPlacement } from '../agent/placement-state.js';
import type { PoolCapacity } from '../agent/capacity-board.js';
import type { Deactivation } from '../agent/primary-board.js';
import type { Throttle } from '../agent/passive-pool.js';
import type { Ramping, ToldTasks } from '../agent/server-standing.js';
import type { Usage } from '../agent/usage.js';
import { memoryLimit } from '../process/limits.js';
import type { WorkerRecord } from '../ipc/messages.js';
import type { PersistenceFacts } from '../agent/persistence-board.js';
import { statOf } from '../process/identity.js';

const STATE: Record<ObservedPlacement['state'], se.PlacementState> = {
  pending: se.PlacementState.UNSPECIFIED,
  prepared: se.PlacementState.PREPARED,
  active: se.PlacementState.ACTIVE,
  draining: se.PlacementState.DRAINING,
  drained: se.PlacementState.DRAINED,
  failed: se.PlacementState.FAILED,
};

export const placementStatus = (p: ObservedPlacement): se.PlacementStatus => ({
  virtualServiceUuid: p.virtualServiceUuid,
  vipId: p.vipId,
  state: STATE[p.state],
  epoch: p.epoch,
  code: p.code,
  reason: p.reason,
  holder: p.holder,
  connectionsLeft: p.connectionsLeft,
  connectionsReset: p.connectionsReset,
});

export const serverStatus = (v: ServerVerdict): se.ServerStatus => ({
  poolUuid: v.poolUuid,
  server: v.server,
  up: v.verdict === 'up',
  failureCode: v.failure?.code ?? '',
  failureText: v.failure?.text ?? '',
  healthMonitorUuid: v.failure?.monitorUuid ?? '',
  changedAt: Math.round(v.changedAt),
  sslErrorCode: v.failure?.sslCode ?? '',
});

export function hostOf(supervisor: number, workers: number): se.Host {
  return {
    hostname: os.hostname(),
    cores: os.availableParallelism(),
    memoryBytes: memoryLimit(),
    ...ownScopes(),
    supervisorPid: supervisor,
    supervisorStartTime: statOf(supervisor)?.startTime ?? 0,
    workers,
  };
}

export const modesOf = (probes: readonly ModeProbe[]): se.DistributionMode[] =>
  probes.map(({ mode, available, reason }) => ({ mode, available, reason }));

export interface Load {
  usage: Usage;
  services: readonly ServiceCounters[];
  servers: readonly ServerCounters[];
  pools: readonly PoolCounters[];
  workers: readonly WorkerRecord[];
  processes: readonly WorkerGauges[];
  /** Servers that are held back. */
  throttles: readonly Throttle[];
  /** Servers that ramp up. */
  ramps: readonly Ramping[];
  tasks: readonly ToldTasks[];
  persistence: PersistenceFacts;
  /** Pools whose capacity is estimated. */
  capacities: readonly PoolCapacity[];
  deactivations: readonly Deactivation[];
}

/** Most servers in one message: with thousands of them it would be larger than gRPC takes. */
export const STATUS_PART = 2_000;

/** The parts of one status; only the first may stand for everything. */
export function statusParts(
  full: boolean,
  placements: readonly ObservedPlacement[],
  servers: readonly ServerVerdict[],
  advice: readonly Advice[],
): se.Status[] {
  const parts: se.Status[] = [];
  for (let at = 0; at === 0 || at < servers.length; at += STATUS_PART)
    parts.push({
      full: full && at === 0,
      placements: at === 0 ? placements.map(placementStatus) : [],
      servers: servers.slice(at, at + STATUS_PART).map(serverStatus),
      advice: at === 0 ? adviceOf(advice) : [],
    });
  return parts;
}

/** Nothing was ever counted for it: left out, since thousands of idle servers are told each second otherwise. */
const isIdle = (s: ServerCounters): boolean =>
  s.connectionsOpened === 0 && s.connectionsActive <= 0 && s.requests === 0 && s.failures === 0;

/** Times are told with every so many heartbeats. */
const TIMINGS_EVERY = 5;
export const hasTimes = (sequence: number): boolean => sequence % TIMINGS_EVERY === 0;

const SERVICE_TIMINGS: readonly (readonly [name: string, which: VsHistogram, sum: number])[] = [
  ['total', VS_HISTOGRAM.TOTAL, VS.TOTAL_TIME],
  ['app_response', VS_HISTOGRAM.APP_RESPONSE, VS.APP_RESPONSE_TIME],
  ['data_transfer', VS_HISTOGRAM.DATA_TRANSFER, VS.DATA_TRANSFER_TIME],
  ['server_connect', VS_HISTOGRAM.SERVER_CONNECT, VS.SERVER_CONNECT_TIME],
  ['client_rtt', VS_HISTOGRAM.CLIENT_RTT, VS.CLIENT_RTT],
  ['server_rtt', VS_HISTOGRAM.SERVER_RTT, VS.SERVER_RTT],
];

const serviceTimings = (s: ServiceCounters): se.Timing[] =>
  SERVICE_TIMINGS.flatMap(([name, which, sum]) => {
    const counts = s.histograms[which];
    const count = counts?.[BOUNDS.length] ?? 0;
    if (counts === undefined || count === 0) return [];
    return { name, count, sumUs: s.counters[sum] ?? 0, buckets: [...counts.subarray(0, BOUNDS.length)] };
  });

const SERVER_TIMINGS: readonly (readonly [name: string, count: number, sum: number])[] = [
  ['first_byte', SERVER.RESPONSES, SERVER.FIRST_BYTE_TIME],
  ['app_response', SERVER.RESPONSES, SERVER.APP_RESPONSE_TIME],
  ['data_transfer', SERVER.RESPONSES, SERVER.DATA_TRANSFER_TIME],
  ['connect', SERVER.CONNECTED, SERVER.CONNECT_TIME],
  ['rtt', SERVER.RTT_SAMPLES, SERVER.RTT],
];

const serverTimings = (s: ServerCounters): se.Timing[] =>
  SERVER_TIMINGS.flatMap(([name, at, sum]) => {
    const count = s.counters[at] ?? 0;
    return count === 0 ? [] : { name, count, sumUs: s.counters[sum] ?? 0, buckets: [] };
  });

/** With thousands of them a heartbeat would be too large. */
const MOST_THROTTLES = 1000;
const MOST_RAMPS = 1000;

/** Pools of which the clients are told. */
const MOST_PERSISTENT = 2000;

const mostThrottled = (throttles: readonly Throttle[]): se.ServerThrottle[] =>
  (throttles.length <= MOST_THROTTLES ? throttles : throttles.toSorted((a, b) => a.share - b.share))
    .slice(0, MOST_THROTTLES)
    .map(({ poolUuid, server, share, since, errorRatio }) => ({
      poolUuid,
      server,
      share,
      since,
      errorRatio,
    }));

const poolCounters = (p: PoolCounters): se.PoolCounters => ({
  poolUuid: p.poolUuid,
  queued: p.queued,
  connections: p.connections,
  queuedTotal: p.counters[POOL.QUEUED] ?? 0,
  served: p.counters[POOL.SERVED] ?? 0,
  timedOut: p.counters[POOL.TIMED_OUT] ?? 0,
  left: p.counters[POOL.LEFT] ?? 0,
  refused: p.counters[POOL.REFUSED] ?? 0,
  refusedQueueFull: p.counters[POOL.REFUSED_QUEUE] ?? 0,
  yielded: p.counters[POOL.YIELDED] ?? 0,
  waits: {
    name: 'queue_wait',
    count: p.waits[BOUNDS.length] ?? 0,
    sumUs: p.counters[POOL.WAIT_TIME] ?? 0,
    buckets: [...p.waits.subarray(0, BOUNDS.length)],
  },
});

export const heartbeat = (sequence: number, load: Load): se.Heartbeat => ({
  sequence,
  cpuPercent: load.usage.cpuPercent,
  memoryUsedBytes: load.usage.memoryUsedBytes,
  memoryTotalBytes: load.usage.memoryTotalBytes,
  openConnections: load.services.reduce((sum, s) => sum + Math.max(0, s.connectionsActive), 0),
  virtualServices: load.services.map((s) => ({
    virtualServiceUuid: s.uuid,
    connectionsOpened: s.connectionsOpened,
    connectionsActive: Math.max(0, s.connectionsActive),
    requests: s.requests,
    responses1xx: s.responses[0],
    responses2xx: s.responses[1],
    responses3xx: s.responses[2],
    responses4xx: s.responses[3],
    responses5xx: s.responses[4],
    bytesIn: s.bytesIn,
    bytesOut: s.bytesOut,
    failedRequests: s.failedRequests,
    requestsActive: s.counters[VS.REQUESTS_ACTIVE] ?? 0,
    clientAborts: s.counters[VS.CLIENT_ABORTS] ?? 0,
    ownResponses: s.counters[VS.RESPONSES_OWN] ?? 0,
    timings: hasTimes(sequence) ? serviceTimings(s) : [],
  })),
  servers: load.servers
    .filter((s) => !isIdle(s))
    .map((s) => ({
      poolUuid: s.poolUuid,
      server: s.server,
      connectionsOpened: s.connectionsOpened,
      connectionsActive: Math.max(0, s.connectionsActive),
      requests: s.requests,
      failures: s.failures,
      bytesIn: s.counters[SERVER.BYTES_IN] ?? 0,
      bytesOut: s.counters[SERVER.BYTES_OUT] ?? 0,
      responses4xx: s.counters[SERVER.RESPONSES_4XX] ?? 0,
      responses5xx: s.counters[SERVER.RESPONSES_5XX] ?? 0,
      connectionsOpen: s.counters[SERVER.CONNECTIONS_OPEN] ?? 0,
      timings: hasTimes(sequence) ? serverTimings(s) : [],
      errors: s.counters[SERVER.ERRORS] ?? 0,
      responses: s.counters[SERVER.RESPONSES] ?? 0,
      connectionsMade: s.counters[SERVER.CONNECTED] ?? 0,
    })),
  pools: load.pools.filter((p) => !isIdlePool(p)).map(poolCounters),
  throttles: mostThrottled(load.throttles),
  ramps: load.ramps
    .toSorted((a, b) => a.share - b.share)
    .slice(0, MOST_RAMPS)
    .map((r) => ({ ...r })),
  tasks: load.tasks.slice(0, MOST_RAMPS).map((t) => ({ ...t })),
  persistence: {
    limit: load.persistence.limit,
    evictions: load.persistence.evictions,
    pools: load.persistence.pools.slice(0, MOST_PERSISTENT),
  },
  deactivations: load.deactivations.map((d) => ({ ...d })),
  capacities: load.capacities.map((c) => ({ ...c, servers: c.servers.map((s) => ({ ...s })) })),
  workers: load.workers.map(({ index, pid, restarts }) => {
    const gauges = load.processes.find((p) => p.index === index);
    return {
      index,
      pid,
      restarts,
      residentBytes: gauges?.rssBytes ?? 0,
      queuedBytes: gauges?.queuedBytes ?? 0,
      queuedBytesLimit: gauges?.queuedMost ?? 0,
      sockets: gauges?.sockets ?? 0,
      socketsLimit: gauges?.socketsMost ?? 0,
      shed: gauges?.shed ?? 0,
      loopDelayMs: gauges?.loopDelayMs ?? 0,
      loopDelayMaxMs: gauges?.loopDelayMostMs ?? 0,
    };
  }),
});

/** Connections in one message: with more it could be larger than a message should be. */
const INSPECTION_PART = 1_000;

/** The parts of an answer; there is one at least. */
export function inspectionParts(id: number, found: Description): se.Inspection[] {
  const parts: se.Inspection[] = [];
  for (let at = 0; at === 0 || at < found.connections.length; at += INSPECTION_PART) {
    const last = at + INSPECTION_PART >= found.connections.length;
    parts.push({
      id,
      connections: Buffer.from(JSON.stringify(found.connections.slice(at, at + INSPECTION_PART))),
      last,
      truncated: last && found.truncated,
      silentWorkers: last ? found.silent_workers : [],
    });
  }
  return parts;
}

export const adviceOf = (advice: readonly Advice[]): se.Advice[] =>
  advice.map(({ code, text, command }) => ({ code, text, command }));

/** Version of this program, as its package says. */
export const version = (): string => {
  try {
    const file = new URL('../../package.json', import.meta.url);
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  } catch {
    return 'unknown';
  }
};
