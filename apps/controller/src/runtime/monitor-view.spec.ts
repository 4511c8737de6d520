import { describe, expect, it } from '@jest/globals';
import type { StoredObject } from '../store/index.js';
import { status } from './oper-status.js';
import {
  monitorOfPool,
  reportOf,
  serverMonitors,
  successPercent,
  sumKey,
  type MonitorFacts,
} from './monitor-view.js';

const monitor = {
  kind: 'healthmonitor',
  uuid: 'healthmonitor-1',
  name: 'web',
  spec: { type: 'HEALTH_MONITOR_HTTP' },
};
const check = { at: 1_700_000_000_000, duration_ms: 3, passed: false, failure_code: 'NO_RESPONSE' };
const facts: MonitorFacts = {
  monitors: [monitor as unknown as StoredObject],
  sums: new Map([
    [
      sumKey('10.0.0.1:80', 'healthmonitor-1'),
      { server: '10.0.0.1:80', health_monitor_uuid: 'healthmonitor-1', passed: 2, failed: 1 },
    ],
  ]),
  reports: [
    {
      seUuid: 'a',
      seName: 'se-1',
      unavailable: '',
      servers: reportOf([
        {
          server: '10.0.0.1:80',
          monitors: [
            {
              health_monitor_uuid: 'healthmonitor-1',
              state: 'down',
              passed: 1,
              failed: 1,
              last_check: check,
            },
          ],
        },
        { server: 7 },
        { server: 'x', monitors: [null, 'no'] },
      ]),
    },
    {
      seUuid: 'b',
      seName: 'se-2',
      unavailable: 'it is not connected to this controller',
      servers: new Map(),
    },
  ],
  link: (kind, uuid) => `https://h/api/${kind}/${uuid}`,
};
const server = {
  id: '10.0.0.1:80',
  server: { address: '10.0.0.1', port: 80, hostname: '', state: 'enabled', ratio: 1 },
  status: status('OPER_UP'),
  verdicts: [],
} as never;

describe('what monitors say', () => {
  it('is success over time, and what each SE says now', () => {
    expect(serverMonitors(server, facts)).toMatchObject({
      uuid: '10.0.0.1:80',
      health_monitor: [
        {
          name: 'web',
          type: 'HEALTH_MONITOR_HTTP',
          checks_passed: 2,
          checks_failed: 1,
          success_percent: 66.6,
          service_engine: [
            {
              se_name: 'se-1',
              state: 'OPER_DOWN',
              success_percent: 50,
              last_check: { passed: false, failure_code: 'NO_RESPONSE', at: { secs: 1_700_000_000 } },
            },
            { se_name: 'se-2', state: 'OPER_UNKNOWN', reason: 'it is not connected to this controller' },
          ],
        },
      ],
    });
  });

  it('is summed up per monitor', () => {
    expect(monitorOfPool(facts.monitors[0]!, facts)).toMatchObject({
      checks_passed: 2,
      checks_failed: 1,
      service_engine: [
        { se_name: 'se-1', num_servers_up: 0, num_servers_down: 1, num_servers_unchecked: 0 },
        { se_name: 'se-2', reason: 'it is not connected to this controller' },
      ],
    });
  });

  it('is 100 % only when all passed', () => {
    expect(successPercent(99_999, 1)).toBe(99.9);
    expect(successPercent(7, 0)).toBe(100);
    expect(successPercent(0, 0)).toBeNull();
  });
});
