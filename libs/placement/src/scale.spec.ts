import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterScalein, rebase, requested, wanted, type Basis } from './scale.js';
import { group, on, se, vs, world } from './testing/worlds.js';

const basis = (over: Partial<Basis> = {}): Basis => ({
  groupUuid: 'g1',
  min: 1,
  max: 4,
  enabled: true,
  ...over,
});

describe('changes of min and max scaleout', () => {
  // what | factor, min, max before | after | placed | factor then, wanted then
  const cases: [string, number, Partial<Basis>, Partial<Basis>, number, number, number][] = [
    ['nothing changes', 2, {}, {}, 3, 2, 3],
    ['min 2 -> 1: the factor rises by one, the scale stays', 0, { min: 2 }, { min: 1 }, 2, 1, 2],
    ['min 3 -> 1 with factor 1: the scale stays at 4', 1, { min: 3 }, { min: 1 }, 4, 3, 4],
    ['min 1 -> 2, placed on 1: raised to 2', 0, { min: 1 }, { min: 2 }, 1, 0, 2],
    ['min 1 -> 2, placed on 3 by hand: stays at 3', 2, { min: 1 }, { min: 2 }, 3, 1, 3],
    ['min 1 -> 3, placed on 2 by hand: raised to 3', 1, { min: 1 }, { min: 3 }, 2, 0, 3],
    ['min 1 -> 2, placed on exactly 2: stays', 1, { min: 1 }, { min: 2 }, 2, 0, 2],
    ['max 4 -> 2, placed on 4: keeps the scale above max', 3, { max: 4 }, { max: 2 }, 4, 3, 4],
    ['max 4 -> 2, placed on 2: nothing to keep', 1, { max: 4 }, { max: 2 }, 2, 1, 2],
    ['max 2 -> 4 again, still on 4', 3, { max: 2 }, { max: 4 }, 4, 3, 4],
    ['disabled: the factor is kept', 3, {}, { enabled: false }, 4, 3, 0],
    ['enabled, max was reduced meanwhile: capped at max', 3, { enabled: false, max: 2 }, { max: 2 }, 0, 1, 2],
    ['enabled within the limits: the scale comes back', 2, { enabled: false }, {}, 0, 2, 3],
    ['another group: the min of the destination', 3, {}, { groupUuid: 'g2', min: 2 }, 0, 0, 2],
    [
      'another group while disabled',
      3,
      { enabled: false },
      { groupUuid: 'g2', min: 1, enabled: false },
      0,
      0,
      0,
    ],
  ];
  it.each(cases)('%s', (_what, factor, before, after, placed, factorThen, wantedThen) => {
    const to = basis(after);
    const additional = rebase(factor, basis(before), to);
    expect(additional).toBe(factorThen);
    const ses = ['a', 'b', 'c', 'd'].map((u) => se(u, { groupUuid: to.groupUuid }));
    const rows = ses.slice(0, placed).map((s) => on(s.uuid));
    const g = group({ uuid: to.groupUuid, minScaleoutPerVs: to.min, maxScaleoutPerVs: to.max });
    const service = vs({ groupUuid: to.groupUuid, enabled: to.enabled }, additional);
    expect(wanted(world(ses, rows, [g]), service, '0')).toBe(wantedThen);
  });

  it('never makes the factor negative nor loses scale while the limits allow it', () => {
    const limits = fc.record({ min: fc.integer({ min: 1, max: 64 }), max: fc.integer({ min: 1, max: 64 }) });
    fc.assert(
      fc.property(limits, limits, fc.integer({ min: 0, max: 63 }), fc.boolean(), (a, b, factor, enabled) => {
        const from = basis({ ...a, min: Math.min(a.min, a.max), enabled });
        const to = basis({ ...b, min: Math.min(b.min, b.max) });
        const then = rebase(factor, from, to);
        expect(then).toBeGreaterThanOrEqual(0);
        const before = from.min + factor;
        if (enabled) expect(to.min + then).toBe(Math.max(before, to.min));
        else expect(to.min + then).toBe(Math.max(to.min, Math.min(before, to.max)));
      }),
    );
  });
});

describe('scale', () => {
  it('active/active asks for two', () => {
    expect(requested(group({ haMode: 'active_active' }), 0)).toBe(2);
    expect(requested(group({ haMode: 'active_active', maxScaleoutPerVs: 1 }), 0)).toBe(1);
  });
  it('legacy active/standby asks for one, whatever the factor', () => {
    expect(requested(group({ haMode: 'legacy_active_standby' }), 3)).toBe(1);
  });
  it('a scale-in of a VIP that never reached its scale ends where it is', () => {
    expect(afterScalein(3, 4, 1)).toBe(2);
    expect(afterScalein(3, 2, 1)).toBe(0);
    expect(afterScalein(0, 1, 1)).toBe(0);
  });
  it('an SE that is leaving does not count, one without a channel does', () => {
    const w = world(
      [se('a'), se('b', { connected: false }), se('c', { stopping: true })],
      [on('a'), on('b'), on('c')],
      [group({ maxScaleoutPerVs: 1 })],
    );
    expect(wanted(w, vs({}, 5), '0')).toBe(2);
  });
});
