import { describe, expect, it } from '@jest/globals';
import type { KindName } from '@spillway/model';
import type { PoolShare } from '@spillway/snapshot';
import { SnapshotSource, type StoredObject } from './index.js';
import { objectsOf, stored, type WrittenObject } from './testing/objects.js';

const SES = ['1', '2', '3'];

const object = (uuid: string, spec: object): WrittenObject => ({
  kind: uuid.slice(0, uuid.lastIndexOf('-')) as KindName,
  uuid,
  spec: { name: uuid, ...spec },
});

const service = (n: string, pool: string): WrittenObject =>
  object(`virtualservice-${n}`, {
    vsvip_ref: 'vsvip-1',
    pool_ref: pool,
    application_profile_ref: 'applicationprofile-1',
    network_profile_ref: 'networkprofile-1',
    services: [{ port: 80 }],
  });

const pool = (n: string, spec: object): WrittenObject => object(`pool-${n}`, spec);

class World {
  readonly objects: Map<string, StoredObject>;
  readonly source: SnapshotSource;
  private generation = 100;

  constructor(...more: WrittenObject[]) {
    this.objects = objectsOf([
      object('serviceenginegroup-1', {}),
      ...SES.map((n) => object(`serviceengine-${n}`, { se_group_ref: 'serviceenginegroup-1' })),
      object('applicationprofile-1', { type: 'APPLICATION_PROFILE_TYPE_HTTP', http_profile: {} }),
      object('networkprofile-1', { profile: { type: 'PROTOCOL_TYPE_TCP_PROXY', tcp_proxy_profile: {} } }),
      object('vsvip-1', {
        vip: ['0', '1'].map((vip_id) => ({ vip_id, ip_address: { addr: `127.0.0.1${vip_id}`, type: 'V4' } })),
      }),
      ...more,
    ]);
    this.source = new SnapshotSource({ get: (uuid) => this.objects.get(uuid) }, 'cluster-1');
    for (const n of SES) this.source.track(`serviceengine-${n}`);
  }

  write(written: WrittenObject): Set<string> {
    this.objects.set(written.uuid, { ...stored(written), generation: this.generation++ });
    return this.source.objectsChanged([written.uuid]);
  }

  place(vs: string, se: string, desired: 'active' | 'prepare' | 'drain' | null, vipId = '0'): Set<string> {
    const id = `${vs} ${se} ${vipId}`;
    const row = {
      id,
      vsUuid: `virtualservice-${vs}`,
      vipId,
      seUuid: `serviceengine-${se}`,
      primary: false,
      epoch: 1,
      drainTimeout: 30_000,
    };
    return this.source.setPlacement(id, desired === null ? undefined : { ...row, desired });
  }

  share(vs: string, se: string, vipId = '0'): readonly PoolShare[] | undefined {
    const fragment = this.source
      .snapshotOf(`serviceengine-${se}`)
      .fragments.get(`placement/virtualservice-${vs}#${vipId}`);
    if (fragment?.type !== 'placement') throw new Error(`${vs} is not on ${se}`);
    return fragment.body.pool_shares;
  }
}

const of = (n: string, sharers: number, place: number): PoolShare[] => [
  { pool_uuid: `pool-${n}`, sharers, place },
];

describe('the share of an SE in the connections to a pool', () => {
  const limited = pool('1', { max_concurrent_connections_per_server: 10 });

  it('is not told where nothing is limited', () => {
    const w = new World(pool('1', {}), service('1', 'pool-1'));
    w.place('1', '1', 'active');
    expect(w.share('1', '1')).toBeUndefined();
  });

  it('counts SEs that serve and that drain, over all VIPs, not those that only prepare', () => {
    const w = new World(limited, service('1', 'pool-1'));
    w.place('1', '2', 'active');
    expect(w.share('1', '2')).toEqual(of('1', 1, 0));
    expect(w.place('1', '1', 'prepare')).toEqual(new Set(['serviceengine-1']));
    expect(w.share('1', '2')).toEqual(of('1', 1, 0));
    expect([...w.place('1', '1', 'active')].sort()).toEqual(['serviceengine-1', 'serviceengine-2']);
    expect([w.share('1', '1'), w.share('1', '2')]).toEqual([of('1', 2, 0), of('1', 2, 1)]);
    w.place('1', '3', 'active', '1');
    expect([w.share('1', '1'), w.share('1', '2'), w.share('1', '3', '1')]).toEqual([
      of('1', 3, 0),
      of('1', 3, 1),
      of('1', 3, 2),
    ]);
    w.place('1', '1', 'drain');
    expect(w.share('1', '2')).toEqual(of('1', 3, 1));
    expect([...w.place('1', '1', null)].sort()).toEqual(SES.map((n) => `serviceengine-${n}`));
    expect(w.share('1', '2')).toEqual(of('1', 2, 0));
  });

  it('counts the SEs of every virtual service that uses the pool, as soon as one does', () => {
    const w = new World(limited, pool('2', {}), service('1', 'pool-1'), service('2', 'pool-2'));
    w.place('1', '1', 'active');
    w.place('2', '3', 'active');
    expect(w.share('1', '1')).toEqual(of('1', 1, 0));
    expect([...w.write(service('2', 'pool-1'))].sort()).toEqual(['serviceengine-1', 'serviceengine-3']);
    expect([w.share('1', '1'), w.share('2', '3')]).toEqual([of('1', 2, 0), of('1', 2, 1)]);
    w.write(pool('1', {}));
    expect([w.share('1', '1'), w.share('2', '3')]).toEqual([undefined, undefined]);
  });
});
