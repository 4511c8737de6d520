import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CliError } from './errors.js';
import { inReferenceOrder, isCurrent, parseManifests, type Manifest } from './manifest.js';

const manifest = (kind: string, name: string, spec: Record<string, unknown> = {}): Manifest => ({
  kind,
  name,
  spec: { name, ...spec },
  where: `${name}.yaml:1`,
});

describe('parseManifests', () => {
  it('reads many documents and says where each stands', () => {
    const text = 'kind: pool\nname: a\n---\n---\nkind: vs\nname: b\npool_ref: a\n';
    expect(parseManifests(text, 'f.yaml')).toEqual([
      { kind: 'pool', name: 'a', spec: { name: 'a' }, where: 'f.yaml:1' },
      { kind: 'virtualservice', name: 'b', spec: { name: 'b', pool_ref: 'a' }, where: 'f.yaml:5' },
    ]);
  });

  it.each([
    ['name: a\n', /f\.yaml:1: kind is missing/],
    ['kind: pool\n', /f\.yaml:1: name is missing/],
    ['kind: [pool\n', /f\.yaml: /],
  ])('refuses %j', (text, message) => {
    expect(() => parseManifests(text, 'f.yaml')).toThrow(message);
  });
});

describe('inReferenceOrder', () => {
  it('puts what is referred to first, whatever the form of the reference', () => {
    const order = inReferenceOrder([
      manifest('virtualservice', 'app', { pool_ref: '/api/pool?name=app', vsvip_ref: 'app-vip' }),
      manifest('pool', 'app', { health_monitor_refs: ['https://h/api/healthmonitor/healthmonitor-1#check'] }),
      manifest('vsvip', 'app-vip'),
      manifest('healthmonitor', 'check'),
    ]);
    expect(order.map((m) => m.kind)).toEqual(['healthmonitor', 'pool', 'vsvip', 'virtualservice']);
  });

  it('names the objects of a circle', () => {
    const circle = [manifest('pool', 'a', { x_pool_ref: 'b' }), manifest('pool', 'b', { x_pool_ref: 'a' })];
    expect(() => inReferenceOrder(circle)).toThrow(
      new CliError('a.yaml:1: objects refer to each other in a circle: pool a -> pool b -> pool a'),
    );
  });

  it('keeps every object once and never puts one before what it refers to', () => {
    const names = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];
    const anyForest = fc
      .tuple(...names.map((_, i) => fc.subarray(names.slice(0, i))))
      .map((refs) => refs.map((r, i) => manifest('pool', names[i] ?? '', { some_pool_refs: r })));
    fc.assert(
      fc.property(
        anyForest.chain((m) => fc.shuffledSubarray(m, { minLength: m.length })),
        (shuffled) => {
          const order = inReferenceOrder(shuffled).map((m) => m.name);
          expect([...order].sort()).toEqual([...names].sort());
          for (const m of shuffled)
            for (const ref of m.spec['some_pool_refs'] as string[])
              expect(order.indexOf(ref)).toBeLessThan(order.indexOf(m.name));
        },
      ),
    );
  });
});

describe('isCurrent', () => {
  /** As the API shows it with `skip_default`. */
  const set = {
    uuid: 'pool-1',
    url: 'https://h/api/pool/pool-1#a',
    _last_modified: '1',
    name: 'a',
    tenant_ref: 'https://h/api/tenant/admin#admin',
    vrf_ref: 'https://h/api/vrfcontext/vrfcontext-1#global',
    virtualservices: ['https://h/api/virtualservice/virtualservice-1#app'],
    servers: [{ ip: { addr: '10.0.0.1', type: 'V4' }, port: 80 }],
    health_monitor_refs: ['https://h/api/healthmonitor/healthmonitor-1#check'],
  };
  const whole = {
    ...set,
    enabled: true,
    servers: [{ ...set.servers[0], ratio: 1, hostname: '10.0.0.1' }],
  };
  const spec = { name: 'a', servers: set.servers, health_monitor_refs: ['check'] };

  it('counts what the server fills in and other forms of a reference as the same', () => {
    expect(isCurrent(spec, whole, set)).toBe(true);
    expect(isCurrent({ ...spec, enabled: true }, whole, set)).toBe(true);
    expect(isCurrent({ ...spec, servers: [{ ...spec.servers[0], ratio: 1 }] }, whole, set)).toBe(true);
  });

  it('sees a changed value, a longer list, and what somebody else set, also deep inside', () => {
    expect(isCurrent({ ...spec, health_monitor_refs: ['other'] }, whole, set)).toBe(false);
    expect(isCurrent({ ...spec, servers: [] }, whole, set)).toBe(false);
    expect(isCurrent({ ...spec, enabled: false }, whole, set)).toBe(false);
    const disabled = { enabled: false };
    expect(isCurrent(spec, { ...whole, ...disabled }, { ...set, ...disabled })).toBe(false);
    const heavier = { servers: [{ ...set.servers[0], ratio: 2 }] };
    expect(isCurrent(spec, { ...whole, ...heavier }, { ...set, ...heavier })).toBe(false);
    const persistent = { application_persistence_profile_ref: 'https://h/api/x/y-1#mine' };
    expect(isCurrent(spec, { ...whole, ...persistent }, { ...set, ...persistent })).toBe(false);
  });
});
