import { describe, expect, it } from '@jest/globals';
import type { KindName } from '@spillway/model';
import { VirtualService } from '@spillway/snapshot';
import { SnapshotSource } from './index.js';
import { objectsOf, type WrittenObject } from './testing/objects.js';

const VS = 'virtualservice-1';

const object = (uuid: string, spec: object): WrittenObject => ({
  kind: uuid.slice(0, uuid.lastIndexOf('-')) as KindName,
  uuid,
  spec: { name: uuid, ...spec },
});

function world(vs: object, profile: object = {}): WrittenObject[] {
  return [
    object('serviceenginegroup-1', {}),
    ...['1', '2', '3'].map((n) => object(`serviceengine-${n}`, { se_group_ref: 'serviceenginegroup-1' })),
    object('applicationprofile-1', { type: 'APPLICATION_PROFILE_TYPE_HTTP', http_profile: {}, ...profile }),
    object('networkprofile-1', { profile: { type: 'PROTOCOL_TYPE_TCP_PROXY', tcp_proxy_profile: {} } }),
    object('vsvip-1', { vip: [{ vip_id: '0', ip_address: { addr: '127.0.0.10', type: 'V4' } }] }),
    object(VS, {
      vsvip_ref: 'vsvip-1',
      application_profile_ref: 'applicationprofile-1',
      network_profile_ref: 'networkprofile-1',
      services: [{ port: 80 }],
      ...vs,
    }),
  ];
}

function source(vs: object, profile?: object): SnapshotSource {
  const objects = objectsOf(world(vs, profile));
  const made = new SnapshotSource({ get: (uuid) => objects.get(uuid) }, 'cluster-1');
  for (const n of ['1', '2', '3']) made.track(`serviceengine-${n}`);
  return made;
}

const place = (s: SnapshotSource, n: string, desired: 'active' | 'prepare' | 'drain'): Set<string> =>
  s.setPlacement(n, {
    id: n,
    vsUuid: VS,
    vipId: '0',
    seUuid: `serviceengine-${n}`,
    primary: n === '1',
    desired,
    epoch: 1,
    drainTimeout: 30_000,
  });

function limits(vs: object, profile?: object): unknown {
  const s = source(vs, profile);
  place(s, '1', 'active');
  const fragment = s.snapshotOf('serviceengine-1').fragments.get(`virtual_service/${VS}`);
  return fragment?.type === 'virtual_service' ? VirtualService.parse(fragment.body).limits : fragment;
}

const sharers = (s: SnapshotSource, n: string): number | undefined => {
  const fragment = s.snapshotOf(`serviceengine-${n}`).fragments.get(`placement/${VS}#0`);
  return fragment?.type === 'placement' ? fragment.body.sharers : -1;
};

const RATE = { rate_limiter: { count: 10, period: 2 }, action: { type: 'RL_ACTION_RESET_CONN' } };

describe('limits of a virtual service', () => {
  it('are not told where there are none, or where nothing follows from them', () => {
    expect(limits({})).toBeUndefined();
    expect(limits({ performance_limits: { max_throughput: 5 } })).toBeUndefined();
    expect(limits({ requests_rate_limit: { ...RATE, action: { type: 'RL_ACTION_NONE' } } })).toBeUndefined();
    expect(limits({ requests_rate_limit: { action: { type: 'RL_ACTION_RESET_CONN' } } })).toBeUndefined();
  });

  it('come from the virtual service and its application profile', () => {
    const all = limits(
      {
        performance_limits: { max_concurrent_connections: 7 },
        max_cps_per_client: 20,
        connections_rate_limit: RATE,
        requests_rate_limit: { ...RATE, action: { type: 'RL_ACTION_LOCAL_RSP' } },
      },
      { dos_rl_profile: { rl_profile: { client_ip_to_uri_requests_rate_limit: RATE } } },
    );
    expect(all).toMatchObject({
      max_connections: 7,
      rates: [
        {
          name: 'connections_rate_limit',
          of: 'connections',
          count: 10,
          period: 2,
          exceeded: { type: 'reset' },
        },
        { of: 'requests', exceeded: { type: 'respond', response: { status: 429 } } },
        { name: 'max_cps_per_client', of: 'connections', per_client: true, count: 20, period: 1 },
        { of: 'requests', per_client: true, per_path: true },
      ],
    });
  });

  it('say what a connection cannot be answered with, and close it', () => {
    const s = source({ connections_rate_limit: { ...RATE, action: { type: 'RL_ACTION_LOCAL_RSP' } } });
    place(s, '1', 'active');
    expect(s.problemsOf(VS).map((p) => [p.code, p.path])).toContainEqual([
      'RATE_ACTION_NOT_HONOURED',
      'connections_rate_limit.action.type',
    ]);
    expect(
      limits({ connections_rate_limit: { ...RATE, action: { type: 'RL_ACTION_REDIRECT' } } }),
    ).toMatchObject({ rates: [{ exceeded: { type: 'close' } }] });
  });

  it('are shared by the service engines that serve, and only by those', () => {
    const s = source({ requests_rate_limit: RATE });
    place(s, '1', 'active');
    expect(sharers(s, '1')).toBe(1);
    place(s, '2', 'prepare');
    expect(sharers(s, '1')).toBe(1);
    expect([...place(s, '2', 'active')].sort()).toEqual(['serviceengine-1', 'serviceengine-2']);
    expect([sharers(s, '1'), sharers(s, '2')]).toEqual([2, 2]);
    place(s, '1', 'drain');
    expect([sharers(s, '1'), sharers(s, '2')]).toEqual([1, 1]);
    s.setPlacement('1', undefined);
    expect(sharers(s, '2')).toBe(1);
  });

  it('bother nobody where there are none', () => {
    const s = source({});
    place(s, '1', 'active');
    expect(place(s, '2', 'active')).toEqual(new Set(['serviceengine-2']));
    expect(sharers(s, '1')).toBeUndefined();
  });
});
