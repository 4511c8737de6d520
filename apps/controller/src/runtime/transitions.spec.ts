import { describe, expect, it } from '@jest/globals';
import type { StoredObject } from '../store/index.js';
import { transitions, type Observed } from './transitions.js';

const object = { uuid: 'pool-1', name: 'web', tenantUuid: 'admin' } as StoredObject;
const seen = (...items: Partial<Observed>[]) =>
  new Map(
    items.map((o, i): [string, Observed] => [
      String(i),
      { kind: 'pool', state: 'up', object, server: '', reasons: [], ...o },
    ]),
  );
const ids = (s: ReturnType<typeof seen>, last: Parameters<typeof transitions>[1]) =>
  transitions(s, last).map((e) => e.eventId);

describe('changes of state', () => {
  it('are recorded once', () => {
    expect(ids(seen({}), [])).toEqual(['POOL_UP']);
    expect(ids(seen({}), [{ event_id: 'POOL_UP', obj_uuid: 'pool-1', server: '' }])).toEqual([]);
    expect(ids(seen({ state: 'down' }), [{ event_id: 'POOL_UP', obj_uuid: 'pool-1', server: '' }])).toEqual([
      'POOL_DOWN',
    ]);
  });
  it('tell a pool and its servers apart', () => {
    const last = [
      { event_id: 'POOL_UP', obj_uuid: 'pool-1', server: '' },
      { event_id: 'SERVER_UP', obj_uuid: 'pool-1', server: '10.0.0.1:80' },
    ];
    const now = seen(
      {},
      { kind: 'server', server: '10.0.0.1:80', state: 'down', reasons: ['se-1: CONNECTION_REFUSED'] },
    );
    expect(transitions(now, last)).toEqual([
      expect.objectContaining({
        eventId: 'SERVER_DOWN',
        description: 'server 10.0.0.1:80 of pool web is down: se-1: CONNECTION_REFUSED',
      }),
    ]);
  });
  it('tell the redundancy of a virtual service apart from its state', () => {
    const last = [
      { event_id: 'POOL_UP', obj_uuid: 'pool-1', server: '' },
      { event_id: 'VS_SE_HA_ACTIVE', obj_uuid: 'pool-1', server: '' },
    ];
    const now = seen(
      {},
      { kind: 'redundancy', state: 'down', reasons: ['active on 1 of at least 2 service engines'] },
    );
    expect(transitions(now, last)).toEqual([
      expect.objectContaining({
        eventId: 'VS_SE_HA_COMPROMISED',
        description: 'virtual service web is active on 1 of at least 2 service engines',
      }),
    ]);
  });
  it('what has never been up is still coming up; a server that is down is told', () => {
    expect(ids(seen({ state: 'down' }), [])).toEqual([]);
    expect(ids(seen({ kind: 'server', server: 'a', state: 'down' }), [])).toEqual(['SERVER_DOWN']);
  });
});
