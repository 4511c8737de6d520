import { describe, expect, it } from '@jest/globals';
import type { HealthMonitor, Pool, Snapshot } from '@spillway/snapshot';
import { planChecks } from './plan.js';
import { hostHeader } from './target.js';

const script: HealthMonitor = {
  uuid: 'healthmonitor-1',
  name: 'tasks',
  send_interval: 10_000,
  receive_timeout: 4_000,
  successful_checks: 2,
  failed_checks: 2,
  shared_probing: true,
  check: { type: 'external', script: '#!/bin/sh\necho good\n', parameters: [], variables: {} },
};

const pool = (uuid: string, algorithm: Pool['algorithm']): Pool => ({
  uuid,
  name: `name of ${uuid}`,
  enabled: true,
  algorithm,
  servers: [{ address: '10.0.0.1', port: 80, hostname: '', state: 'enabled', ratio: 1 }],
  health_monitor_uuids: [script.uuid],
  min_servers_up: 1,
  graceful_disable_timeout: 0,
  connect_timeout: 2000,
  max_idle_connections: 64,
});

const probesOf = (monitor: HealthMonitor, ...pools: Pool[]) => {
  const snapshot = {
    placements: pools.map((p) => ({ virtual_service_uuid: `vs-${p.uuid}` })),
    virtual_services: pools.map((p) => ({ uuid: `vs-${p.uuid}`, enabled: true, pool_uuid: p.uuid })),
    pools,
    health_monitors: [monitor],
  };
  return [...planChecks(snapshot as unknown as Snapshot).probes.values()];
};

describe('checks by a script', () => {
  it('are made once for several pools, and by one SE for all where they are shared', () => {
    const [probe, ...more] = probesOf(script, pool('pool-1', 'random'), pool('pool-2', 'random'));
    expect(more).toEqual([]);
    expect(probe?.sharedKey).not.toBe('');
  });

  it('are made for each pool with fewest tasks, under its name and by each SE', () => {
    const probes = probesOf(
      script,
      pool('pool-1', 'fewest_tasks'),
      pool('pool-2', 'fewest_tasks'),
      pool('pool-3', 'random'),
    );
    expect(probes.map((p) => [p.poolName, p.sharedKey !== ''])).toEqual([
      ['name of pool-1', false],
      ['name of pool-2', false],
      ['name of pool-3', true],
    ]);
  });

  it('are made once by other means, whatever the algorithm', () => {
    const tcp: HealthMonitor = { ...script, check: { type: 'tcp', half_open: false } };
    expect(probesOf(tcp, pool('pool-1', 'fewest_tasks'), pool('pool-2', 'random'))).toHaveLength(1);
  });
});

describe('the Host of checks', () => {
  const web: HealthMonitor = {
    ...script,
    check: { type: 'http', request: 'GET / HTTP/1.0', exact: false, codes: [200] } as never,
  };
  const hostsOf = (append_port: 'non_default' | 'never' | 'always' | undefined, port: number): string[] => {
    const host_header = append_port && ({ to: 'as_is', append_port } as const);
    const one = pool('pool-1', 'random');
    const servers = [{ ...one.servers[0]!, port, hostname: 'one.example' }];
    const probes = probesOf(web, { ...one, servers, ...(host_header ? { host_header } : {}) });
    return probes.flatMap(({ target }) => [hostHeader(target, 80), hostHeader(target, 443)]);
  };

  it.each([
    [undefined, 80, ['one.example', 'one.example:80']],
    ['non_default', 443, ['one.example', 'one.example']],
    ['non_default', 8080, ['one.example:8080', 'one.example:8080']],
    ['never', 8080, ['one.example', 'one.example']],
    ['always', 443, ['one.example:443', 'one.example:443']],
  ] as const)('has the port as the pool says: %s', (append_port, port, hosts) => {
    expect(hostsOf(append_port, port)).toEqual(hosts);
  });

  it('parts the checks of pools that say otherwise', () => {
    const host_header = { to: 'as_is', append_port: 'always' } as const;
    const [one, two] = [pool('pool-1', 'random'), { ...pool('pool-2', 'random'), host_header }];
    expect(probesOf(web, one, two).length).toBe(2);
    expect(probesOf(web, one, pool('pool-3', 'random')).length).toBe(1);
  });
});
