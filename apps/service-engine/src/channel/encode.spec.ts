import { expect, it } from '@jest/globals';
import type { ServerVerdict } from '@spillway/health';
import type { ServiceCounters } from '../agent/counters.js';
import { heartbeat, STATUS_PART, statusParts } from './encode.js';

const verdict = (i: number): ServerVerdict => ({
  key: `pool-1/10.0.0.1:${i}`,
  poolUuid: 'pool-1',
  server: `10.0.0.1:${i}`,
  verdict: 'up',
  became: 'kept',
  changedAt: 1.5,
});

const service = (uuid: string, connectionsActive: number): ServiceCounters => ({
  uuid,
  connectionsOpened: 0,
  connectionsActive,
  requests: 0,
  responses: [0, 0, 0, 0, 0],
  bytesIn: 0,
  bytesOut: 0,
  failedRequests: 0,
  counters: new Float64Array(),
  codes: new Float64Array(),
  histograms: [],
});

it('a status of many servers goes in parts, of which only the first stands for everything', () => {
  const servers = Array.from({ length: 2 * STATUS_PART + 1 }, (_, i) => verdict(i));
  const parts = statusParts(true, [], servers, []);
  expect(parts.map((p) => [p.full, p.servers.length])).toEqual([
    [true, STATUS_PART],
    [false, STATUS_PART],
    [false, 1],
  ]);
  expect(statusParts(true, [], [], [])).toEqual([{ full: true, placements: [], servers: [], advice: [] }]);
});

it('a heartbeat leaves out servers for which nothing was counted', () => {
  const server = {
    poolUuid: 'p',
    connectionsOpened: 0,
    connectionsActive: 0,
    requests: 0,
    failures: 0,
    counters: new Float64Array(),
  };
  const beat = heartbeat(1, {
    usage: { cpuPercent: 1, memoryUsedBytes: 2, memoryTotalBytes: 3 },
    pools: [],
    deactivations: [{ poolGroupUuid: 'g', poolUuid: 'p', cleared: 2, at: 5 }],
    services: [service('a', 3), service('b', -1)],
    servers: [
      { ...server, server: 'idle' },
      { ...server, server: 'busy', requests: 1 },
    ],
    workers: [{ index: 1, pid: 7, restarts: 2 }],
    processes: [],
    persistence: { limit: 70, evictions: 2, pools: [{ poolUuid: 'p', entries: 3 }] },
    capacities: [],
    ramps: [
      { poolUuid: 'p', server: 'b', share: 0.5, fullAt: 7 },
      { poolUuid: 'p', server: 'a', share: 0.25, fullAt: 8 },
    ],
    tasks: [{ poolUuid: 'p', server: 'a', told: 10, toldAt: 6, tasks: 12 }],
    throttles: Array.from({ length: 1500 }, (_, i) => ({
      poolUuid: 'p',
      server: `${i}`,
      share: (1 + (i % 1499)) / 1500,
      since: 5,
      errorRatio: 1,
    })),
  });
  expect(beat.persistence).toEqual({ limit: 70, evictions: 2, pools: [{ poolUuid: 'p', entries: 3 }] });
  expect(beat.ramps.map((r) => r.server)).toEqual(['a', 'b']);
  expect(beat.tasks).toEqual([{ poolUuid: 'p', server: 'a', told: 10, toldAt: 6, tasks: 12 }]);
  expect(beat.throttles).toHaveLength(1000);
  expect(beat.throttles[0]).toEqual({ poolUuid: 'p', server: '0', share: 1 / 1500, since: 5, errorRatio: 1 });
  expect(beat.servers.map((s) => s.server)).toEqual(['busy']);
  expect(beat.openConnections).toBe(3);
  expect(beat.workers).toMatchObject([{ index: 1, pid: 7, restarts: 2, sockets: 0 }]);
  expect(beat.virtualServices.map((v) => v.connectionsActive)).toEqual([3, 0]);
});
