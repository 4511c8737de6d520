import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  applyDelta,
  assemble,
  canonical,
  difference,
  fragmentId,
  fragmentsOf,
  parseSnapshot,
  SnapshotError,
  type Snapshot,
} from './index.js';

const settings = {
  se_uuid: 'serviceengine-1',
  se_name: 'se-1',
  cluster_uuid: 'cluster-1',
  se_group_uuid: 'serviceenginegroup-1',
  vip_distribution: 'host' as const,
  dp_hb_frequency: 100,
  dp_hb_timeout_count: 6,
  heartbeat_interval: 1000,
};

const pool = (uuid: string, port: number): Snapshot['pools'][number] => ({
  uuid,
  name: uuid,
  enabled: true,
  algorithm: 'round_robin',
  servers: [{ address: '127.0.0.1', port, hostname: '', state: 'enabled', ratio: 1 }],
  health_monitor_uuids: [],
  min_servers_up: 1,
  graceful_disable_timeout: 0,
  connect_timeout: 2000,
  max_idle_connections: 64,
});

const anySnapshot = fc
  .uniqueArray(fc.record({ id: fc.integer({ min: 1, max: 8 }), port: fc.integer({ min: 1, max: 9 }) }), {
    selector: (p) => p.id,
  })
  .map((pools): Snapshot => ({
    format: 1,
    epoch: 1,
    generation: 1,
    settings,
    placements: [],
    virtual_services: [],
    pools: pools.map((p) => pool(`pool-${p.id}`, p.port)).sort((a, b) => (a.uuid < b.uuid ? -1 : 1)),
    health_monitors: [],
  }));

describe('fragments', () => {
  it('take a snapshot apart and put it together again', () => {
    fc.assert(
      fc.property(anySnapshot, (s) => {
        expect(canonical(assemble(fragmentsOf(s), s.epoch, s.generation))).toBe(canonical(s));
      }),
    );
  });

  it('a delta turns one snapshot into the other', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, (a, b) => {
        const delta = difference(fragmentsOf(a), fragmentsOf(b));
        const have = new Map(fragmentsOf(a).map((f) => [fragmentId(f), f]));
        expect(canonical(assemble(applyDelta(have, delta).values(), 1, 1))).toBe(canonical(b));
        expect(difference(applyDelta(have, delta).values(), fragmentsOf(b))).toEqual({ put: [], remove: [] });
      }),
    );
  });

  it('a reference to something that is not there is refused by name', () => {
    const s = {
      format: 1,
      epoch: 0,
      generation: 0,
      settings,
      placements: [],
      virtual_services: [],
      pools: [{ ...pool('pool-1', 1), health_monitor_uuids: ['healthmonitor-9'] }],
      health_monitors: [],
    };
    expect(() => parseSnapshot(s)).toThrow(
      new SnapshotError('pool/pool-1', 'health monitor healthmonitor-9 is not in the snapshot'),
    );
  });

  it('an unknown field is refused with its path', () => {
    const s = {
      format: 1,
      epoch: 0,
      generation: 0,
      settings,
      placements: [],
      virtual_services: [],
      pools: [{ ...pool('pool-1', 1), colour: 'red' }],
      health_monitors: [],
    };
    expect(() => parseSnapshot(s)).toThrow(/snapshot\.pools\.0.*colour/);
  });
});

describe('policies in a snapshot', () => {
  const match = {
    headers: [],
    path: {
      negated: false,
      operator: 'equals',
      fold: true,
      values: [],
      string_group_uuids: ['s'],
      decoded: true,
    },
  };
  const rule = { index: 1, name: 'r', match };
  const parts = {
    format: 1,
    epoch: 1,
    generation: 1,
    settings,
    placements: [],
    virtual_services: [],
    pools: [pool('pool-1', 1)],
    health_monitors: [],
    pool_groups: [
      { uuid: 'g', name: 'g', members: [{ pool_uuid: 'pool-1', priority: 1, ratio: 1 }], min_servers: 0 },
    ],
    http_policy_sets: [
      {
        uuid: 'p',
        name: 'p',
        security: [{ ...rule, action: { type: 'close' } }],
        request: [{ ...rule, header_actions: [], switching: { to: 'pool_group', pool_group_uuid: 'g' } }],
        response: [],
      },
    ],
    string_groups: [{ uuid: 's', name: 's', entries: [{ key: '/a' }], longest_match: false }],
  };

  it('are fragments of their own, and come back together', () => {
    const snapshot = parseSnapshot(structuredClone(parts));
    const fragments = fragmentsOf(snapshot);
    expect(fragments.map((f) => fragmentId(f))).toEqual(
      expect.arrayContaining(['http_policy_set/p', 'string_group/s', 'pool_group/g']),
    );
    expect(assemble(fragments.toReversed(), 1, 1)).toEqual(snapshot);
  });

  it.each([
    ['string_groups', /http_policy_set\/p: string group s is not in the snapshot/],
    ['pool_groups', /http_policy_set\/p: pool group g is not in the snapshot/],
  ])('need what they refer to: %s', (list, message) => {
    expect(() => parseSnapshot({ ...structuredClone(parts), [list]: [] })).toThrow(message);
  });

  it('change no header that frames a message', () => {
    const copy = structuredClone(parts);
    const action = { target: 'header', action: 'remove', name: 'Content-Length' };
    Object.assign(copy.http_policy_sets[0]!.request[0]!, { header_actions: [action] });
    expect(() => parseSnapshot(copy)).toThrow(/not a header that can be set/);
  });
});
