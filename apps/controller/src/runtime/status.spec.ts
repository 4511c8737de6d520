import { describe, expect, it } from '@jest/globals';
import type { Pool } from '@spillway/snapshot';
import type { Operation, PlacementRow, ServerVerdict } from '../database/entities/index.js';
import { showStatus, status } from './oper-status.js';
import { clientsGetOf, poolStatus } from './pool-status.js';
import { vipStatus, wholeStatus, type SeFact, type VipFacts } from './vs-status.js';

const at = new Date('2026-11-22T00:00:00Z');
const row = (over: Partial<PlacementRow> = {}): PlacementRow =>
  ({
    se_uuid: 'a',
    desired: 'active',
    observed: 'active',
    reason: '',
    code: '',
    holder: '',
    changed_at: at,
    desired_at: at,
    ...over,
  }) as PlacementRow;
const se = (name: string, over: Partial<SeFact> = {}): SeFact => ({
  name,
  connected: true,
  lost: false,
  reason: '',
  ...over,
});
const facts = (over: Partial<VipFacts> = {}): VipFacts => ({
  enabled: true,
  rows: [row()],
  serviceEngines: new Map([
    ['a', se('se-1')],
    ['b', se('se-2')],
  ]),
  operation: undefined,
  problems: [],
  pools: [],
  rule: { min_pools_up: 1, redirects: false },
  ...over,
});
const op = (over: Partial<Operation>): Operation =>
  ({
    state: 'running',
    text: 'Currently placing',
    error: '',
    error_code: '',
    question: null,
    changed_at: at,
    ...over,
  }) as Operation;

const shown = (code: string) => showStatus(status('OPER_DOWN', ['why'], { code }));

describe('the state of a VIP', () => {
  const down = { name: 'web', status: status('OPER_DOWN', ['0 of 2 servers up, 1 needed']) };
  it.each<[string, Partial<VipFacts>, string, string]>([
    ['active with a pool that is up', { pools: [{ name: 'web', status: status('OPER_UP') }] }, 'OPER_UP', ''],
    ['active without a pool', {}, 'OPER_UP', ''],
    ['disabled', { enabled: false, rows: [] }, 'OPER_DISABLED', ''],
    [
      'disabled, connections ending',
      { enabled: false, rows: [row({ desired: 'drain', observed: 'draining' })] },
      'OPER_DISABLING',
      '',
    ],
    ['its pool is down', { pools: [down] }, 'OPER_DOWN', 'pool web is down: 0 of 2 servers up, 1 needed'],
    [
      'its pool is being checked',
      { pools: [{ name: 'web', status: status('OPER_INITIALIZING') }] },
      'OPER_INITIALIZING',
      'pool web is initializing',
    ],
    [
      'one pool of two is up',
      { pools: [{ name: 'api', status: status('OPER_UP') }, down] },
      'OPER_UP',
      'pool web is down: 0 of 2 servers up, 1 needed',
    ],
    [
      'fewer pools up than it needs',
      {
        pools: [{ name: 'api', status: status('OPER_UP') }, down],
        rule: { min_pools_up: 2, redirects: false },
      },
      'OPER_DOWN',
      '1 of 2 pools up, 2 needed, pool web is down: 0 of 2 servers up, 1 needed',
    ],
    [
      'no pool up, and a policy that redirects',
      { pools: [down], rule: { min_pools_up: 1, redirects: true } },
      'OPER_UP',
      'policies redirect without a pool, pool web is down: 0 of 2 servers up, 1 needed',
    ],
    [
      'taken by somebody',
      {
        rows: [
          row({
            observed: 'failed',
            code: 'VIP_IN_USE',
            reason: '10.0.0.1:80 is taken',
            holder: 'nginx (pid 7)',
          }),
        ],
      },
      'OPER_DOWN',
      'se-1: 10.0.0.1:80 is taken (held by nginx (pid 7))',
    ],
    [
      'taken, tried again later',
      {
        rows: [],
        operation: op({
          state: 'waiting',
          error: 'service engine se-1: taken (held by x)',
          error_code: 'VIP_IN_USE',
          question: { code: 'RETRY_LATER' },
        }),
      },
      'OPER_DOWN',
      'service engine se-1: taken (held by x)',
    ],
    [
      'no SE to be had',
      {
        rows: [],
        operation: op({ state: 'waiting', error: 'no service engine', question: { code: 'SE_NEEDED' } }),
      },
      'OPER_RESOURCES',
      'no service engine',
    ],
    [
      'being placed',
      { rows: [row({ desired: 'prepare', observed: 'pending' })], operation: op({}) },
      'OPER_CREATING',
      'Currently placing',
    ],
    [
      'on an SE that is lost',
      {
        serviceEngines: new Map([
          ['a', se('se-1', { lost: true, connected: false, reason: 'its processes have ended' })],
        ]),
      },
      'OPER_DOWN',
      'service engine se-1 is down: its processes have ended',
    ],
    [
      'on an SE whose channel is interrupted',
      { serviceEngines: new Map([['a', se('se-1', { connected: false })]]) },
      'OPER_UP',
      '',
    ],
    ['cannot be translated', { problems: ['type: not served yet'] }, 'OPER_DOWN', 'type: not served yet'],
    ['nowhere', { rows: [] }, 'OPER_DOWN', 'it is on no service engine'],
  ])('%s', (_what, over, state, reason) => {
    const found = vipStatus(facts(over));
    expect(found.state).toBe(state);
    expect(found.reasons.join(', ')).toBe(reason);
  });
  it('one SE of two that failed leaves it up', () => {
    expect(vipStatus(facts({ rows: [row(), row({ se_uuid: 'b', observed: 'failed' })] })).state).toBe(
      'OPER_UP',
    );
  });
  it('the virtual service is as its worst VIP and names it', () => {
    const whole = wholeStatus([
      { vipId: '0', status: status('OPER_UP') },
      { vipId: '1', status: status('OPER_DOWN', ['taken']) },
    ]);
    expect(whole).toMatchObject({ state: 'OPER_DOWN', reasons: ['VIP 1: taken'] });
  });
});

const server = (address: string, state: 'enabled' | 'disabled' = 'enabled') => ({
  address,
  port: 80,
  hostname: '',
  state,
  ratio: 1,
});

const verdict = (se_uuid: string, name: string, up: boolean): ServerVerdict =>
  ({
    se_uuid,
    server: name,
    up,
    failure_code: up ? '' : 'CONNECTION_REFUSED',
    failure_text: '',
    changed_at: at,
  }) as ServerVerdict;

const pool = (over = {}) =>
  ({
    name: 'web',
    enabled: true,
    min_servers_up: 1,
    servers: [server('10.0.0.1'), server('fd00::1'), server('10.0.0.3', 'disabled')],
    ...over,
  }) as never;

describe('the state of a pool', () => {
  const use = {
    virtualServices: ['shop'],
    serviceEngines: new Map([
      ['a', 'se-1'],
      ['b', 'se-2'],
    ]),
  };
  it('counts servers that some SE finds up, and says which SE does not', () => {
    const found = poolStatus(pool(), use, [
      verdict('a', '10.0.0.1:80', true),
      verdict('b', '10.0.0.1:80', false),
      verdict('a', '[fd00::1]:80', false),
    ]);
    expect(found).toMatchObject({ up: 1, enabled: 2, status: { state: 'OPER_UP' } });
    expect(found.servers.map((s) => [s.id, s.status.state])).toEqual([
      ['10.0.0.1:80', 'OPER_UP'],
      ['[fd00::1]:80', 'OPER_DOWN'],
      ['10.0.0.3:80', 'OPER_DISABLED'],
    ]);
    expect(found.servers[0]?.status.reasons).toEqual(['se-2: CONNECTION_REFUSED']);
  });
  it('is gray while unused or not placed, and what others said does not count', () => {
    expect(poolStatus(pool(), { virtualServices: [], serviceEngines: new Map() }, []).status).toMatchObject({
      state: 'OPER_UNUSED',
      reasons: ['no enabled virtual service uses it'],
    });
    const unplaced = { virtualServices: ['shop'], serviceEngines: new Map<string, string>() };
    expect(poolStatus(pool(), unplaced, [verdict('a', '10.0.0.1:80', true)]).status).toMatchObject({
      state: 'OPER_UNUSED',
      reasons: ['shop is on no service engine'],
    });
  });
  it('is being checked, then down with its count', () => {
    expect(poolStatus(pool(), use, []).status.state).toBe('OPER_INITIALIZING');
    const all = [verdict('a', '10.0.0.1:80', false), verdict('a', '[fd00::1]:80', false)];
    expect(poolStatus(pool(), use, all).status).toMatchObject({
      state: 'OPER_DOWN',
      reasons: ['0 of 3 servers up, 1 needed'],
    });
    expect(
      poolStatus(pool({ min_servers_up: 2 }), use, [
        verdict('a', '10.0.0.1:80', true),
        verdict('a', '[fd00::1]:80', false),
      ]).status.state,
    ).toBe('OPER_DOWN');
    expect(poolStatus(pool({ enabled: false }), use, all).status.state).toBe('OPER_DISABLED');
  });

  it('says what clients get while it cannot serve', () => {
    const gets = (fail_action: Pool['fail_action']): string =>
      clientsGetOf(pool({ fail_action }), (uuid) => (uuid === 'pool-2' ? 'spare' : undefined));
    expect(gets({ type: 'close' })).toBe('clients get a reset');
    expect(gets({ type: 'respond', response: { status: 503 } })).toBe('clients get a page with status 503');
    expect(gets({ type: 'backup_pool', pool_uuid: 'pool-2' })).toBe('clients get pool spare instead');
    const all = [verdict('a', '10.0.0.1:80', false), verdict('a', '[fd00::1]:80', false)];
    expect(poolStatus(pool(), use, all, undefined, undefined, 'clients get a reset').status.reasons).toEqual([
      '0 of 3 servers up, 1 needed',
      'clients get a reset',
    ]);
  });
  it('says when all servers that are up are full, or held back', () => {
    const up = [verdict('a', '10.0.0.1:80', true), verdict('a', '[fd00::1]:80', false)];
    const full = new Map([['10.0.0.1:80', [{ se_uuid: 'a', open: 4, active: 4 }]]]);
    const limited = pool({ max_connections: 4 });
    expect(poolStatus(limited, use, up, undefined, full, 'clients get a reset').status).toMatchObject({
      state: 'OPER_UP',
      code: 'SERVERS_FULL',
      reasons: ['all servers that are up have the 4 connections that they may have', 'clients get a reset'],
    });
    expect(poolStatus(pool({ max_connections: 5 }), use, up, undefined, full).status.code).toBeUndefined();
    const held = new Map([['10.0.0.1:80', [{ se_uuid: 'a', share: 0.5, since: at, error_ratio: 1 }]]]);
    expect(poolStatus(pool(), use, up, held).status).toMatchObject({
      state: 'OPER_UP',
      code: 'SERVERS_HELD_BACK',
    });
  });
  it('has a number for its code', () => {
    expect(shown('POOL_DOWN')).toMatchObject({ reason_code: 5, reason_code_string: 'POOL_DOWN' });
    expect(shown('SE_DOWN')).toMatchObject({ reason_code: 0, reason_code_string: 'SE_DOWN' });
  });
});
