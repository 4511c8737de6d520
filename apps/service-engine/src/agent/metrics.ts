import type { ServerVerdict } from '@spillway/health';
import type { ServerCounters, ServiceCounters } from './counters.js';
import type { ObservedPlacement } from './placement-state.js';
import type { Usage } from './usage.js';

/** All that `/metrics` shows. */
export interface MetricsInput {
  services: readonly ServiceCounters[];
  servers: readonly ServerCounters[];
  verdicts: readonly ServerVerdict[];
  placements: readonly ObservedPlacement[];
  usage: Usage;
  epoch: number;
  generation: number;
  liveWorkers: number;
  workerRestarts: number;
  connected: boolean;
}

type Labels = Record<string, string>;
type Sample = [Labels, number];

const escape = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value]) => {
    const text = Object.entries(labels)
      .map(([k, v]) => `${k}="${escape(v)}"`)
      .join(',');
    return `${name}${text === '' ? '' : `{${text}}`} ${value}`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;
}

const STATES: readonly ObservedPlacement['state'][] = [
  'pending',
  'prepared',
  'active',
  'draining',
  'drained',
  'failed',
];

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
    family(
      'spillway_server_connections_total',
      'counter',
      'Connections opened to the server.',
      server((s) => s.connectionsOpened),
    ),
    family(
      'spillway_server_connections',
      'gauge',
      'Connections open to the server now.',
      server((s) => s.connectionsActive),
    ),
    family(
      'spillway_server_requests_total',
      'counter',
      'Requests sent to the server.',
      server((s) => s.requests),
    ),
    family(
      'spillway_server_failures_total',
      'counter',
      'Requests that failed at the server.',
      server((s) => s.failures),
    ),
  ].join('');
}
