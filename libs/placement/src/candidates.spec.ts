import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { candidates, noCandidate } from './candidates.js';
import { capacity } from './capacity.js';
import { group, on, se, vs, world } from './testing/worlds.js';
import type { World } from './world.js';

const ask = { vs: vs(), vipId: '0' };
const only = (w: World, extra = {}) => {
  const found = candidates(w, { ...ask, ...extra });
  expect(found.chosen).toBeUndefined();
  expect(found.refused).toHaveLength(1);
  return found.refused[0];
};

describe('why an SE is not a candidate', () => {
  it('another group', () => expect(only(world([se('a', { groupUuid: 'g2' })]))?.code).toBe('NOT_IN_GROUP'));
  it('not connected', () => expect(only(world([se('a', { connected: false })]))?.code).toBe('DISCONNECTED'));
  it('disabled', () =>
    expect(only(world([se('a', { enableState: 'disabled_for_placement' })]))?.code).toBe('SE_DISABLED'));
  it('stopping', () => expect(only(world([se('a', { stopping: true })]))?.code).toBe('SE_STOPPING'));
  it('serving already', () => expect(only(world([se('a')], [on('a')]))?.code).toBe('ALREADY_SERVING'));
  it('still draining', () =>
    expect(only(world([se('a')], [on('a', { desired: 'drain' })]))?.code).toBe('STILL_DRAINING'));
  it('full', () => {
    const w = world([se('a')], [on('a', { vsUuid: 'x' })], [group({ maxVsPerSe: 1 })]);
    expect(only(w)).toMatchObject({
      code: 'NO_SPARE_CAPACITY',
      reason: 'service engine a carries 1 of at most 1 virtual services (max_vs_per_se of the SE group)',
    });
  });
  it('full, but with another VIP of the same virtual service', () => {
    const w = world([se('a')], [on('a', { vipId: '1' })], [group({ maxVsPerSe: 1 })]);
    expect(candidates(w, ask).chosen).toBe('a');
  });
  it('another network namespace in host mode', () => {
    const w = world([se('a'), se('b', { netScope: 'ns2' })], [on('a')]);
    const refused = candidates(w, ask).refused;
    expect(refused.map((r) => [r.se, r.code])).toEqual([
      ['a', 'ALREADY_SERVING'],
      ['b', 'VIP_NOT_REACHABLE'],
    ]);
    expect(candidates(w, { ...ask, leaving: ['a'] }).chosen).toBe('b');
  });
  it('a mode that the SE cannot do', () => {
    const w = world(
      [se('a', { unavailableModes: { bgp: 'no CAP_NET_ADMIN' } })],
      [],
      [group({ distribution: 'bgp' })],
    );
    expect(only(w)?.reason).toContain('no CAP_NET_ADMIN');
  });
  it('tried before', () =>
    expect(only(world([se('a')]), { tried: { a: 'port taken' } })?.code).toBe('TRIED_BEFORE'));
});

const makes = (one: ReturnType<typeof se>) =>
  candidates(world([one], [], [group({ canCreateSe: true })]), ask).createSe;
const away = (over: object) => se('a', { connected: false, ...over });

describe('which one', () => {
  it('the one with fewer virtual services', () => {
    const w = world([se('a'), se('b')], [on('a', { vsUuid: 'x' })]);
    expect(candidates(w, ask).ranked).toEqual(['b', 'a']);
  });
  it('another host first', () => {
    const w = world([se('a'), se('b'), se('c', { hostname: 'host2' })], [on('a'), on('c', { vsUuid: 'x' })]);
    expect(candidates(w, ask).ranked).toEqual(['c', 'b']);
  });
  it('distributed wants a new SE while none is idle, packed only when none has room', () => {
    const busy = [on('a', { vsUuid: 'x' })];
    const with_ = (algorithm: 'packed' | 'distributed', over = {}) =>
      candidates(world([se('a')], busy, [group({ algorithm, canCreateSe: true, ...over })]), ask);
    expect(with_('distributed').createSe).toBe(true);
    expect(with_('distributed', { maxSe: 1 }).createSe).toBe(false);
    expect(with_('packed').createSe).toBe(false);
    expect(with_('packed', { maxVsPerSe: 1 })).toMatchObject({ createSe: true });
  });
  it('makes none while one may come back in a moment', () => {
    expect([away({}), away({ lost: true }), away({ enableState: 'disabled' })].map(makes)).toEqual([
      false,
      true,
      true,
    ]);
  });
  it('says that all are full when all are', () => {
    const g = group({ maxVsPerSe: 1 });
    const w = world([se('a'), se('b')], [on('a'), on('b', { vsUuid: 'x' })], [g]);
    expect(noCandidate(g, vs(), candidates(w, ask))).toMatchObject({
      code: 'NO_SPARE_CAPACITY',
      status: 409,
    });
  });

  it('every SE of the group serving already is no spare capacity, and the remedy is said', () => {
    const g = group();
    const w = world([se('a'), se('b')], [on('a'), on('b')], [g]);
    const refusal = noCandidate(g, vs(), candidates(w, ask));
    expect(refusal).toMatchObject({ code: 'NO_SPARE_CAPACITY', status: 409 });
    expect(refusal.reason).toContain(
      'all it has (2) serve it already: start another that enrols into the group',
    );
  });
});

describe('properties', () => {
  const anySe = fc.record({
    groupUuid: fc.constantFrom('g1', 'g2'),
    connected: fc.boolean(),
    stopping: fc.boolean(),
    enableState: fc.constantFrom('enabled' as const, 'disabled' as const),
    netScope: fc.constantFrom('', 'ns1', 'ns2'),
  });
  const anyWorld = fc
    .tuple(
      fc.array(anySe, { maxLength: 8 }),
      fc.array(fc.tuple(fc.nat(7), fc.constantFrom('vs1', 'x', 'y')), { maxLength: 12 }),
    )
    .map(([ses, rows]) =>
      world(
        ses.map((s, i) => se(`se${i}`, s)),
        rows.map(([i, vsUuid]) => on(`se${i}`, { vsUuid })),
        [group({ maxVsPerSe: 2 }), group({ uuid: 'g2' })],
      ),
    );
  it('every SE is ranked or refused with a reason, exactly once; the same world gives the same answer', () => {
    fc.assert(
      fc.property(anyWorld, (w) => {
        const found = candidates(w, ask);
        const all = [...found.ranked, ...found.refused.map((r) => r.se)].sort();
        expect(all).toEqual([...w.serviceEngines.keys()].sort());
        for (const r of found.refused) expect(r.reason).toMatch(/^service engine se\d .*\w/);
        const shuffled = { ...w, serviceEngines: new Map([...w.serviceEngines].toReversed()) };
        expect(candidates(shuffled, ask).ranked).toEqual(found.ranked);
      }),
    );
  });
});

describe('capacity', () => {
  it('N+M: the reserve is buffer_se x max_vs_per_se', () => {
    // The example of the documents: 20 virtual services, 8 per SE, on 4 SEs: 12 slots are free, 8 are reserved.
    const ses = ['a', 'b', 'c', 'd'].map((u) => se(u));
    const rows = Array.from({ length: 20 }, (_, i) => on(ses[i % 4]?.uuid ?? '', { vsUuid: `v${i}` }));
    const g = [group({ maxVsPerSe: 8 })];
    expect(capacity(world(ses, rows, g), 'g1')).toEqual({
      serviceEngines: 4,
      usedSlots: 20,
      freeSlots: 12,
      reservedSlots: 8,
      missingServiceEngines: 0,
    });
    expect(capacity(world(ses.slice(0, 3), rows, g), 'g1')).toMatchObject({
      missingServiceEngines: 0,
      freeSlots: 9,
    });
  });
  it('says how many SEs are missing', () => {
    const rows = Array.from({ length: 8 }, (_, i) => on('a', { vsUuid: `v${i}` }));
    expect(capacity(world([se('a')], rows, [group({ maxVsPerSe: 8 })]), 'g1')?.missingServiceEngines).toBe(1);
  });
});
