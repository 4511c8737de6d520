import { describe, expect, it } from '@jest/globals';
import {
  applyDelta,
  assemble,
  canonical,
  difference,
  type Fragment,
  type FragmentId,
  parseSnapshot,
} from '@spillway/snapshot';
import fc from 'fast-check';
import { FragmentCache, type PlacementInput, SnapshotSource, type StoredObject } from './index.js';
import { stored, type WrittenObject } from './testing/objects.js';

const CLUSTER = 'cluster-1';
const SES = ['serviceengine-1', 'serviceengine-2'];

const ref = (kind: string, n: number): string => `${kind}-${n}`;
const which = fc.integer({ min: 1, max: 3 });

const spec = {
  virtualservice: fc.record({
    name: fc.constantFrom('a', 'b'),
    enabled: fc.boolean(),
    vsvip_ref: which.map((n) => ref('vsvip', n)),
    pool_ref: which.map((n) => ref('pool', n)),
    application_profile_ref: which.map((n) => ref('applicationprofile', n)),
    network_profile_ref: which.map((n) => ref('networkprofile', n)),
    services: fc.array(fc.record({ port: fc.integer({ min: 0, max: 3 }), enable_ssl: fc.boolean() }), {
      maxLength: 2,
    }),
  }),
  vsvip: fc.record({
    name: fc.constant('vip'),
    vip: fc.array(
      fc.record({
        vip_id: fc.constantFrom('0', '1'),
        ip_address: fc.record({
          addr: fc.constantFrom('127.0.10.1', '127.0.10.2', '127.0.10.3', 'x'),
          type: fc.constant('V4'),
        }),
      }),
      { maxLength: 2 },
    ),
  }),
  pool: fc.record({
    name: fc.constantFrom('p', 'q'),
    server_timeout: fc.constantFrom(0, 5000),
    max_concurrent_connections_per_server: fc.constantFrom(0, 7),
    lb_algorithm: fc.constantFrom('LB_ALGORITHM_ROUND_ROBIN', 'LB_ALGORITHM_TOPOLOGY'),
    ipaddrgroup_ref: fc.constantFrom('ipaddrgroup-1', 'ipaddrgroup-2'),
    health_monitor_refs: fc.array(
      which.map((n) => ref('healthmonitor', n)),
      { maxLength: 2 },
    ),
    servers: fc.array(
      fc.record({
        ip: fc.record({ addr: fc.constantFrom('10.0.0.1', '10.0.0.2', 'name'), type: fc.constant('V4') }),
        enabled: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
  }),
  ipaddrgroup: fc.record({
    name: fc.constant('g'),
    addrs: fc.array(fc.record({ addr: fc.constantFrom('10.9.0.1', '10.9.0.2'), type: fc.constant('V4') }), {
      maxLength: 2,
    }),
  }),
  healthmonitor: fc.record({
    name: fc.constant('m'),
    type: fc.constantFrom('HEALTH_MONITOR_TCP', 'HEALTH_MONITOR_HTTP', 'HEALTH_MONITOR_PING'),
    send_interval: fc.constantFrom(5, 6),
  }),
  applicationprofile: fc.record({
    name: fc.constant('app'),
    type: fc.constantFrom(
      'APPLICATION_PROFILE_TYPE_HTTP',
      'APPLICATION_PROFILE_TYPE_L4',
      'APPLICATION_PROFILE_TYPE_DNS',
    ),
  }),
  networkprofile: fc.record({
    name: fc.constant('net'),
    profile: fc.record({ type: fc.constantFrom('PROTOCOL_TYPE_TCP_PROXY', 'PROTOCOL_TYPE_UDP_FAST_PATH') }),
  }),
  serviceenginegroup: fc.record({ name: fc.constant('seg'), dp_hb_frequency: fc.constantFrom(100, 200) }),
  serviceengine: fc.record({
    name: fc.constantFrom('se', 'es'),
    se_group_ref: which.map((n) => ref('serviceenginegroup', n)),
  }),
} as const;

type Edit =
  | { type: 'put'; object: WrittenObject }
  | { type: 'delete'; uuid: string }
  | { type: 'place'; placement: PlacementInput }
  | { type: 'unplace'; id: string };

const kinds = Object.keys(spec) as (keyof typeof spec)[];
const put = fc.oneof(
  ...kinds.map((kind) =>
    fc
      .tuple(which, spec[kind] as fc.Arbitrary<{ name: string }>)
      .map(([n, s]): Edit => ({ type: 'put', object: { kind, uuid: ref(kind, n), spec: s } })),
  ),
);
const remove = fc
  .tuple(fc.constantFrom(...kinds), which)
  .map(([kind, n]): Edit => ({ type: 'delete', uuid: ref(kind, n) }));
const rowId = fc.integer({ min: 1, max: 5 }).map((n) => `row-${n}`);
const place = fc
  .record({
    id: rowId,
    seUuid: fc.constantFrom(...SES),
    vsUuid: which.map((n) => ref('virtualservice', n)),
    vipId: fc.constantFrom('0', '1'),
    primary: fc.boolean(),
    desired: fc.constantFrom('prepare', 'active', 'drain'),
    epoch: fc.integer({ min: 1, max: 2 }),
    drainTimeout: fc.constant(1000),
  })
  .map((placement): Edit => ({ type: 'place', placement }));
const edits = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: put },
    { weight: 1, arbitrary: remove },
    { weight: 4, arbitrary: place },
    { weight: 1, arbitrary: rowId.map((id): Edit => ({ type: 'unplace', id })) },
  ),
  { minLength: 1, maxLength: 40 },
);

class World {
  readonly objects = new Map<string, StoredObject>();
  readonly placements = new Map<string, PlacementInput>();
  generation = 0;

  /** Applies an edit and tells it to a source; returns the SEs that the source names. */
  apply(edit: Edit, source: SnapshotSource): Set<string> {
    this.generation += 1;
    switch (edit.type) {
      case 'put':
        this.objects.set(edit.object.uuid, stored({ ...edit.object, generation: this.generation }));
        return source.objectsChanged([edit.object.uuid]);
      case 'delete':
        this.objects.delete(edit.uuid);
        return source.objectsChanged([edit.uuid]);
      case 'place':
        // One row per virtual service, VIP and SE, as the table has it.
        for (const [id, p] of this.placements)
          if (id !== edit.placement.id && key(p) === key(edit.placement)) return new Set();
        this.placements.set(edit.placement.id, edit.placement);
        return source.setPlacement(edit.placement.id, edit.placement);
      case 'unplace':
        this.placements.delete(edit.id);
        return source.setPlacement(edit.id, undefined);
      default:
        throw new Error('no such edit');
    }
  }

  source(): SnapshotSource {
    const source = new SnapshotSource({ get: (uuid) => this.objects.get(uuid) }, CLUSTER);
    for (const se of SES) source.track(se);
    for (const [id, p] of this.placements) source.setPlacement(id, p);
    return source;
  }
}

const object = (kind: WrittenObject['kind'], n: number, s: object): Edit => ({
  type: 'put',
  object: { kind, uuid: ref(kind, n), spec: { name: `${kind}-${n}`, ...s } },
});
/** Virtual service n with all it needs, on SE n (the third on the first). */
function served(n: number): Edit[] {
  const own = (kind: string): string => ref(kind, n);
  return [
    object('serviceengine', n, {}),
    object('ipaddrgroup', n, { addrs: [{ addr: `10.8.0.${n}`, type: 'V4' }] }),
    object('healthmonitor', n, { type: 'HEALTH_MONITOR_TCP' }),
    object('pool', n, { ipaddrgroup_ref: own('ipaddrgroup'), health_monitor_refs: [own('healthmonitor')] }),
    object('vsvip', n, { vip: [{ vip_id: '0', ip_address: { addr: `127.0.10.${n}`, type: 'V4' } }] }),
    object('applicationprofile', n, { type: 'APPLICATION_PROFILE_TYPE_HTTP' }),
    object('networkprofile', n, { profile: { type: 'PROTOCOL_TYPE_TCP_PROXY' } }),
    object('virtualservice', n, {
      vsvip_ref: own('vsvip'),
      pool_ref: own('pool'),
      application_profile_ref: own('applicationprofile'),
      network_profile_ref: own('networkprofile'),
      services: [{ port: 80 }],
    }),
    {
      type: 'place',
      placement: {
        id: `row-${n}`,
        seUuid: SES[(n - 1) % SES.length] ?? '',
        vsUuid: own('virtualservice'),
        vipId: '0',
        primary: true,
        desired: 'active',
        epoch: 1,
        drainTimeout: 0,
      },
    },
  ];
}

const key = (p: PlacementInput): string => `${p.vsUuid} ${p.vipId} ${p.seUuid}`;
const sorted = (fragments: Iterable<Fragment>): string =>
  canonical([...fragments].map((f) => canonical(f)).sort());

describe('SnapshotSource', () => {
  it('the whole translation equals the sum of the deltas, and every snapshot is one that an SE accepts', () => {
    fc.assert(
      fc.property(edits, (list) => {
        const world = new World();
        const source = world.source();
        for (const edit of [1, 2, 3].flatMap(served)) world.apply(edit, source);
        const held = new Map<string, ReadonlyMap<FragmentId, Fragment>>();
        for (const se of SES) held.set(se, new Map(source.snapshotOf(se).fragments));
        for (const edit of list) {
          for (const se of world.apply(edit, source)) {
            const have = held.get(se) ?? new Map<FragmentId, Fragment>();
            held.set(
              se,
              applyDelta(have, difference(have.values(), source.snapshotOf(se).fragments.values())),
            );
          }
        }
        const fresh = world.source();
        for (const se of SES) {
          const whole = fresh.snapshotOf(se);
          expect(sorted(held.get(se)?.values() ?? [])).toBe(sorted(whole.fragments.values()));
          expect(source.snapshotOf(se).unserved.map((u) => u.placement.id)).toEqual(
            whole.unserved.map((u) => u.placement.id),
          );
          if (whole.fragments.has('settings/self')) parseSnapshot(assemble(whole.fragments.values(), 1, 1));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('names only the SEs that a change concerns, and keeps the identity of what did not change', () => {
    const world = new World();
    const source = world.source();
    for (const edit of [1, 2].flatMap(served)) world.apply(edit, source);
    const before = SES.map((se) => source.snapshotOf(se).fragments);
    expect(before[0]?.size).toBe(5);
    const pool = object('pool', 1, {
      health_monitor_refs: ['healthmonitor-1'],
      servers: [{ ip: { addr: '10.0.0.1', type: 'V4' } }],
    });
    expect([...world.apply(pool, source)]).toEqual(['serviceengine-1']);
    const after = source.snapshotOf('serviceengine-1').fragments;
    const changed = [...after].filter(([id, f]) => before[0]?.get(id) !== f).map(([id]) => id);
    expect(changed).toEqual(['pool/pool-1']);
    // Written again without a difference: the SE is named, and nothing is to be sent.
    expect([...world.apply(pool, source)]).toEqual(['serviceengine-1']);
    expect([...source.snapshotOf('serviceengine-1').fragments]).toEqual([...after]);
    expect(
      [...source.snapshotOf('serviceengine-1').fragments.values()].every(
        (f, i) => f === [...after.values()][i],
      ),
    ).toBe(true);
    // Nobody uses it.
    expect([...world.apply(object('pool', 3, {}), source)]).toEqual([]);
  });
});

describe('what an SE would refuse', () => {
  it('is left out with the place that is at fault, and the rest is served', () => {
    const world = new World();
    const source = world.source();
    for (const edit of [1, 3].flatMap(served)) world.apply(edit, source);
    // Never stored by the API; another release, or a hand in the database, may have.
    world.apply(
      object('pool', 1, { servers: [{ ip: { addr: '10.0.0.1', type: 'V4' }, ratio: 99 }] }),
      source,
    );
    const snapshot = source.snapshotOf('serviceengine-1');
    expect(snapshot.unserved).toMatchObject([
      { placement: { vsUuid: 'virtualservice-1' }, problems: [{ code: 'NOT_TRANSLATABLE' }] },
    ]);
    expect(snapshot.unserved[0]?.problems[0]?.text).toContain('servers.0.ratio');
    expect(snapshot.fragments.has('virtual_service/virtualservice-3')).toBe(true);
    parseSnapshot(assemble(snapshot.fragments.values(), 1, 1));
    world.apply(object('pool', 1, {}), source);
    expect(source.snapshotOf('serviceengine-1').unserved).toEqual([]);
  });

  it('does not come from fields that an older release did not store', () => {
    const bare = {
      kind: 'pool',
      uuid: 'pool-1',
      name: 'p',
      generation: 1,
      spec: { name: 'p', servers: [{ ip: { addr: '10.0.0.1', type: 'V4' } }] },
    };
    const source = new SnapshotSource({ get: (uuid) => (uuid === bare.uuid ? bare : undefined) }, CLUSTER);
    expect(source.problemsOf('virtualservice-1')[0]?.code).toBe('VS_MISSING');
    const cache = new FragmentCache({ get: (uuid) => (uuid === bare.uuid ? bare : undefined) }, CLUSTER);
    expect(cache.get('pool', 'pool-1').fragment?.body).toMatchObject({
      enabled: true,
      servers: [{ ratio: 1, port: 80 }],
    });
  });
});
