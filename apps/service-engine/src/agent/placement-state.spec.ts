import { describe, expect, it } from '@jest/globals';
import type { PlacementStatus } from '@spillway/proxy';
import { DrainCount } from './drain-count.js';
import { observe, type PlacementFacts } from './placement-state.js';

const row = (
  state: PlacementStatus['state'],
  connections = 0,
  more: Partial<PlacementStatus> = {},
): PlacementStatus => ({
  virtual_service_uuid: 'vs-1',
  vip_id: '0',
  state,
  listeners: [],
  connections,
  ...more,
});
const facts = (
  more: Partial<PlacementFacts> & { wanted?: 'prepare' | 'active' | 'drain' } = {},
): PlacementFacts => ({
  placement: {
    virtual_service_uuid: 'vs-1',
    vip_id: '0',
    state: more.wanted ?? 'active',
    primary: true,
    epoch: 1,
    drain_timeout: 0,
  },
  enabled: true,
  claim: { state: 'held' },
  checked: true,
  workers: [],
  applied: true,
  holder: '',
  connectionsReset: 0,
  ...more,
});

describe('the state of a placement over all workers', () => {
  it.each<[string, Parameters<typeof facts>[0], string]>([
    ['a claim that waits', { claim: { state: 'pending' } }, 'pending'],
    ['no health yet', { checked: false }, 'pending'],
    ['prepared as wanted', { wanted: 'prepare', workers: [row('prepared')] }, 'prepared'],
    ['a disabled virtual service', { enabled: false, workers: [row('prepared')] }, 'prepared'],
    ['one that is being disabled', { enabled: false, workers: [row('draining', 2)] }, 'draining'],
    ['one worker of two', { workers: [row('active'), row('prepared')] }, 'prepared'],
    ['every worker', { workers: [row('active'), row('active')] }, 'active'],
    ['no worker', { workers: [] }, 'prepared'],
    ['draining', { wanted: 'drain', workers: [row('draining', 3), row('drained')] }, 'draining'],
    ['not told yet to drain', { wanted: 'drain', workers: [row('active')] }, 'draining'],
    ['drained', { wanted: 'drain', workers: [row('drained'), undefined] }, 'drained'],
    ['gone, but not told yet', { wanted: 'drain', applied: false, workers: [undefined] }, 'draining'],
  ])('%s', (_name, more, state) => {
    expect(observe(facts(more)).state).toBe(state);
  });

  it('says that nobody can connect to a virtual service that is down', () => {
    const down = row('active', 0, { down: true });
    expect(observe(facts({ workers: [down, row('active')] }))).toMatchObject({
      state: 'active',
      code: 'VS_DOWN',
    });
    expect(observe(facts({ workers: [row('active'), row('active')] })).code).toBe('');
  });

  it('counts what a drain leaves over all workers', () => {
    const seen = observe(facts({ wanted: 'drain', workers: [row('draining', 3), row('draining', 4)] }));
    expect(seen.connectionsLeft).toBe(7);
  });

  it('a listener that could not be opened is a failure that names the holder', () => {
    const error = { code: 'EADDRINUSE', address: '10.0.0.1', port: 80, message: '10.0.0.1:80 is in use' };
    const seen = observe(
      facts({ workers: [row('active'), row('failed', 0, { error })], holder: 'pid 9 (x)' }),
    );
    expect(seen).toMatchObject({
      state: 'failed',
      code: 'VIP_IN_USE',
      reason: '10.0.0.1:80 is in use, by pid 9 (x)',
      holder: 'pid 9 (x)',
    });
  });

  it('a claim that failed is a failure, but a drain goes on', () => {
    const claim = { state: 'failed', code: 'VIP_CLAIMED', reason: 'taken', holder: 'h' } as const;
    expect(observe(facts({ claim }))).toMatchObject({ state: 'failed', code: 'VIP_CLAIMED', holder: 'h' });
    expect(observe(facts({ claim, wanted: 'drain', workers: [row('drained')] })).state).toBe('drained');
  });
});

it('what is gone at the deadline of a drain was reset, what went before had ended', () => {
  const drains = new DrainCount();
  drains.begin('a', 1_000, 500);
  drains.see('a', 1_000, 10);
  drains.see('a', 1_400, 7);
  drains.begin('a', 1_400, 9_000);
  drains.see('a', 1_550, 0);
  expect(drains.resetOf('a')).toBe(7);
  drains.end('a');
  expect(drains.resetOf('a')).toBe(0);
});
