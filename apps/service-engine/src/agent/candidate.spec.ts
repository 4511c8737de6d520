import { describe, expect, it } from '@jest/globals';
import type { Placement, Snapshot } from '@spillway/snapshot';
import { afterDelta, candidateOf, checkEpochs, type Candidate } from './candidate.js';
import { effectiveFragments, type Conditions } from './effective.js';
import type { ClaimState } from './placement-state.js';

const snapshot = (more: Partial<Snapshot> = {}, placement: Partial<Placement> = {}, port = 80): Snapshot => ({
  format: 1,
  epoch: 3,
  generation: 7,
  settings: {
    se_uuid: 'serviceengine-1',
    se_name: 'se-1',
    cluster_uuid: 'cluster-1',
    se_group_uuid: 'serviceenginegroup-1',
    vip_distribution: 'host',
    dp_hb_frequency: 100,
    dp_hb_timeout_count: 6,
    heartbeat_interval: 1000,
  },
  placements: [
    {
      virtual_service_uuid: 'vs-1',
      vip_id: '0',
      state: 'active',
      primary: true,
      epoch: 4,
      drain_timeout: 1000,
      ...placement,
    },
  ],
  virtual_services: [
    {
      uuid: 'vs-1',
      name: 'vs-1',
      tenant: 'admin',
      enabled: true,
      vips: [{ vip_id: '0', address: '10.0.0.1' }],
      services: [{ port, port_range_end: port }],
      application: { type: 'tcp', tcp: { idle_timeout: 0 } },
    },
  ],
  pools: [],
  health_monitors: [],
  ...more,
});

describe('what an SE accepts', () => {
  it('nothing older than what it runs', () => {
    const live = snapshot();
    expect(() => checkEpochs(live, snapshot({ epoch: 2 }))).toThrow('epoch 2 is below 3');
    expect(() => checkEpochs(live, snapshot({}, { epoch: 3 }))).toThrow(
      'placement/vs-1#0: epoch 3 is below 4',
    );
    expect(() => checkEpochs(live, snapshot({ generation: 1 }))).not.toThrow();
    // A restore begins anew: its placements are counted from the start.
    expect(() => checkEpochs(live, snapshot({ epoch: 4 }, { epoch: 0 }))).not.toThrow();
    expect(() => checkEpochs(undefined, live)).not.toThrow();
  });

  it('keeps the objects of what did not change', () => {
    const before = candidateOf(snapshot(), undefined);
    const after = candidateOf(snapshot({}, { state: 'drain' }), before);
    expect(after.fragments.get('virtual_service/vs-1')).toBe(before.fragments.get('virtual_service/vs-1'));
    expect(after.fragments.get('placement/vs-1#0')).not.toBe(before.fragments.get('placement/vs-1#0'));
  });

  it('a delta whose parts do not fit is refused whole', () => {
    const before = candidateOf(snapshot(), undefined);
    expect(() => afterDelta(before, { put: [], remove: ['virtual_service/vs-1'] }, 3, 8)).toThrow(
      'virtual service vs-1 is not in the snapshot',
    );
  });
});

const conditions = (state: ClaimState, more: Partial<Conditions> = {}): Conditions => ({
  claimOf: () => state,
  mayServe: () => true,
  stopping: false,
  ...more,
});
const failed: ClaimState = { state: 'failed', code: 'VIP_CLAIMED', reason: 'r', holder: 'h' };
const stateOf = (c: Candidate, cond: Conditions, previous = new Map()) => {
  const f = effectiveFragments(c, previous, cond).get('placement/vs-1#0');
  return f?.type === 'placement' ? f.body.state : undefined;
};

describe('what the workers are handed', () => {
  it('listens only where VIP and ports are claimed and health is known', () => {
    const c = candidateOf(snapshot(), undefined);
    expect(stateOf(c, conditions({ state: 'held' }))).toBe('active');
    expect(stateOf(c, conditions({ state: 'pending' }))).toBe('prepare');
    expect(stateOf(c, conditions(failed))).toBe('prepare');
    expect(stateOf(c, conditions({ state: 'held' }, { mayServe: () => false }))).toBe('prepare');
    expect(stateOf(c, conditions({ state: 'held' }, { stopping: true }))).toBe('drain');
  });

  it('keeps the old ports of what serves when the new ones cannot be claimed', () => {
    const before = candidateOf(snapshot(), undefined);
    const handed = effectiveFragments(before, new Map(), conditions({ state: 'held' }));
    const edited = candidateOf(snapshot({}, {}, 81), before);
    const next = effectiveFragments(edited, handed, conditions(failed));
    expect(next.get('placement/vs-1#0')).toBe(handed.get('placement/vs-1#0'));
    expect(next.get('virtual_service/vs-1')).toBe(handed.get('virtual_service/vs-1'));
    const later = effectiveFragments(edited, next, conditions({ state: 'held' }));
    expect(later.get('virtual_service/vs-1')).toBe(edited.fragments.get('virtual_service/vs-1'));
  });
});
