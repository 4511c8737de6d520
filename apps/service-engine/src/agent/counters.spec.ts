import { describe, expect, it } from '@jest/globals';
import { codeCell, layoutOf, Mapping, SERVER, VS, VS_HISTOGRAM } from '@spillway/telemetry';
import { BOUNDS, Counters } from './counters.js';
import { renderMetrics } from './metrics.js';
import { SlotTable } from './slot-table.js';

const SIZE = { workers: 2, virtualServices: 4, servers: 4 };

function world() {
  const mapping = Mapping.format(new Uint8Array(layoutOf(SIZE).totalBytes), SIZE);
  mapping.setUsed(4, 4);
  const services = new SlotTable(4, 'virtual services');
  const servers = new SlotTable(4, 'servers');
  services.assign(new Set(['vs-1']), 1);
  servers.assign(new Set(['pool-1/10.0.0.1:80']), 1);
  const [service, server] = [services.get('vs-1')!, servers.get('pool-1/10.0.0.1:80')!];
  const count = (worker: number, n: number): void => {
    const block = mapping.worker(worker);
    mapping.f64[block.service(service) + VS.REQUESTS]! += n;
    mapping.f64[block.service(service) + VS.TOTAL_TIME]! += n * 2000;
    mapping.f64[block.code(service, 404)]! += n;
    mapping.u32[block.histogram(service, VS_HISTOGRAM.TOTAL) + 70]! += n;
    mapping.f64[block.server(server) + SERVER.RESPONSES]! += n;
    mapping.u32[block.serviceMark(service)]!++;
    mapping.u32[block.serverMark(server)]!++;
  };
  return { mapping, services, servers, service, count };
}

describe('what the agent reads of the mapping', () => {
  it('adds up workers, begins at nothing, and follows buckets over their end', () => {
    const w = world();
    w.count(0, 5);
    const counters = new Counters(w.mapping, w.services, w.servers);
    const read = (): unknown[] => {
      const [vs] = counters.services();
      const [server] = counters.servers();
      const total = vs!.histograms[VS_HISTOGRAM.TOTAL]!;
      return [
        vs!.requests,
        vs!.codes[codeCell(404)],
        total[BOUNDS.length],
        server!.counters[SERVER.RESPONSES],
      ];
    };
    expect(read()).toEqual([0, 0, 0, 0]);
    w.count(0, 1);
    w.count(1, 2);
    expect(read()).toEqual([3, 3, 3, 3]);
    // A bucket of a busy worker wraps.
    const bucket = w.mapping.worker(0).histogram(w.service, VS_HISTOGRAM.TOTAL) + 70;
    w.mapping.u32[bucket]! += 2 ** 32 - 10;
    w.mapping.u32[w.mapping.worker(0).serviceMark(w.service)]!++;
    expect(read()[2]).toBe(3 + 2 ** 32 - 10);
    w.count(0, 20);
    expect(read()[2]).toBe(13 + 2 ** 32);
    w.mapping.retireWorker(0);
    expect(read()[0]).toBe(23);
    expect(read()[2]).toBe(13 + 2 ** 32);
  });

  it('looks only where something was marked', () => {
    const w = world();
    const counters = new Counters(w.mapping, w.services, w.servers);
    w.count(0, 1);
    counters.services();
    w.mapping.f64[w.mapping.worker(0).service(w.service) + VS.REQUESTS] = 100;
    expect(counters.services()[0]!.requests).toBe(1);
    w.mapping.u32[w.mapping.worker(0).serviceMark(w.service)]!++;
    expect(counters.services()[0]!.requests).toBe(100);
  });

  it('is what Prometheus is shown: cumulative buckets, sums in seconds, labels by reason', () => {
    const w = world();
    const counters = new Counters(w.mapping, w.services, w.servers);
    w.count(1, 4);
    const text = renderMetrics({
      services: counters.services(),
      pools: [],
      servers: counters.servers(),
      verdicts: [],
      checks: { passed: 0, failed: 0 },
      throttles: [{ poolUuid: 'pool-1', server: '10.0.0.1:80', share: 0.25, since: 1, errorRatio: 1 }],
      placements: [],
      usage: { cpuPercent: 0, memoryUsedBytes: 0, memoryTotalBytes: 0 },
      epoch: 1,
      generation: 1,
      liveWorkers: 1,
      workerRestarts: 0,
      connected: false,
      processes: [],
      rateEvictions: 0,
      persistence: { limit: 70, evictions: 2, pools: [{ poolUuid: 'p', entries: 3 }] },
      ruleHits: [
        {
          virtual_service_uuid: 'vs-1',
          policy_uuid: 'set-1',
          phase: 'security',
          index: 3,
          name: 'no "admin"',
          hits: 5,
        },
      ],
    });
    expect(text).toContain('# TYPE spillway_vs_request_duration_seconds histogram');
    expect(text).toContain(
      'spillway_vs_request_duration_seconds_bucket{virtual_service="vs-1",le="+Inf"} 4\n',
    );
    expect(text).toContain('spillway_vs_request_duration_seconds_sum{virtual_service="vs-1"} 0.008\n');
    expect(text).toContain('spillway_vs_response_codes_total{virtual_service="vs-1",code="404"} 4\n');
    expect(text).toContain(
      'spillway_policy_rule_hits_total{virtual_service="vs-1",policy="set-1",phase="security",index="3",rule="no \\"admin\\""} 5\n',
    );
    expect(text).toContain('spillway_pool_persistence_entries{pool="p"} 3\n');
    expect(text).toContain('spillway_se_persistence_limit 70\n');
    expect(text).toContain('spillway_se_persistence_evictions_total 2\n');
    expect(text).toContain('spillway_server_share{pool="pool-1",server="10.0.0.1:80"} 0.25\n');
    expect(text).not.toContain('spillway_vs_client_rtt_seconds');
    const names = text.split('\n').filter((l) => l.startsWith('# TYPE'));
    expect(new Set(names).size).toBe(names.length);
  });
});
