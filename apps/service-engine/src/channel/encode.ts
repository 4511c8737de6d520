import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { ServerVerdict } from '@spillway/health';
import { ownScopes, se } from '@spillway/protocol';
import type { Advice, ModeProbe } from '@spillway/vip';
import type { ServerCounters, ServiceCounters } from '../agent/counters.js';
import type { ObservedPlacement } from '../agent/placement-state.js';
import type { Usage } from '../agent/usage.js';
import { memoryLimit } from '../process/limits.js';
import type { WorkerRecord } from '../ipc/messages.js';
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
  workers: readonly WorkerRecord[];
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
    })),
  workers: load.workers.map(({ index, pid, restarts }) => ({ index, pid, restarts })),
});

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
