import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { plan, type Plan } from './plan.js';
import { group, on, se, vs, world } from './testing/worlds.js';
import type { Group, Placement, ServiceEngine, VirtualService, World } from './world.js';
import { wanted } from './scale.js';
import { candidates } from './candidates.js';

const next = (w: World, service: VirtualService | undefined = vs()): Plan => plan(w, service, 'vs1', '0');
const primary = on('a', { primary: true });

describe('what the reconciler does next', () => {
  it('places what is new', () =>
    expect(next(world([se('a')]))).toMatchObject({ do: 'start', type: 'place' }));
  it('places also without an SE: the operation waits and says so', () =>
    expect(next(world([]))).toMatchObject({ do: 'start', type: 'place' }));
  it('does nothing when all is well', () =>
    expect(next(world([se('a'), se('b')], [primary]))).toEqual({ do: 'nothing' }));
  it('raises to min', () =>
    expect(next(world([se('a'), se('b')], [primary], [group({ minScaleoutPerVs: 2 })]))).toMatchObject({
      type: 'scaleout',
      why: 'below_wanted',
    }));
  it('waits when there is no room', () =>
    expect(next(world([se('a')], [primary], [group({ minScaleoutPerVs: 2 })])).do).toBe('await'));
  it('passes the primary on and replaces a lost SE, then lets the lost row go', () => {
    const ses = [se('a', { lost: true, connected: false }), se('b'), se('c')];
    const rows = [primary, on('b')];
    expect(next(world(ses, rows), vs({}, 1))).toEqual({ do: 'elect', seUuid: 'b' });
    const elected = [on('a'), on('b', { primary: true })];
    expect(next(world(ses, elected), vs({}, 1))).toMatchObject({ type: 'scaleout', why: 'se_lost' });
    const replaced = [...elected, on('c')];
    expect(next(world(ses, replaced), vs({}, 1))).toEqual({ do: 'retire', seUuids: ['a'] });
  });
  it('keeps the row of the only SE when it is lost: it may come back', () =>
    expect(next(world([se('a', { lost: true, connected: false })], [primary])).do).toBe('await'));
  it('an SE that lost its channel a moment ago is left alone', () =>
    expect(next(world([se('a', { connected: false }), se('b')], [primary])).do).toBe('nothing'));
  it('moves off a disabled or stopping SE; drains where there is no room', () => {
    expect(next(world([se('a', { enableState: 'disabled' }), se('b')], [primary]))).toMatchObject({
      type: 'migrate',
      fromSe: 'a',
      why: 'se_leaves',
    });
    expect(next(world([se('a', { stopping: true })], [primary]))).toMatchObject({
      type: 'scalein',
      fromSe: 'a',
    });
  });
  it('disabled for placement keeps what it has', () =>
    expect(next(world([se('a', { enableState: 'disabled_for_placement' }), se('b')], [primary])).do).toBe(
      'nothing',
    ));
  it('moves to another group, and keeps serving while that has no room', () => {
    const g = [group(), group({ uuid: 'g2', name: 'Other' })];
    const moved = vs({ groupUuid: 'g2' });
    expect(next(world([se('a'), se('b', { groupUuid: 'g2' })], [primary], g), moved)).toMatchObject({
      type: 'migrate',
      fromSe: 'a',
      why: 'group_changed',
    });
    expect(next(world([se('a')], [primary], g), moved).do).toBe('await');
  });
  it('unplaces what is disabled, forgets what is deleted', () => {
    expect(next(world([se('a')], [primary]), vs({ enabled: false }))).toMatchObject({ type: 'unplace' });
    expect(plan(world([se('a')], [primary]), undefined, 'vs1', '0')).toEqual({
      do: 'forget',
      seUuids: ['a'],
    });
    expect(plan(world([], []), undefined, 'vs1', '0')).toEqual({ do: 'nothing' });
  });
  it('forgets rows of deleted SEs, drains that ended and preparations left behind', () => {
    const rows = [
      primary,
      on('gone'),
      on('b', { desired: 'drain', observed: 'drained' }),
      on('c', { desired: 'prepare' }),
    ];
    expect(next(world([se('a'), se('b'), se('c')], rows))).toEqual({
      do: 'forget',
      seUuids: ['gone', 'b', 'c'],
    });
  });
  it('keeps a scale above a reduced max', () => {
    const ses = ['a', 'b', 'c'].map((u) => se(u));
    const rows = [primary, on('b'), on('c')];
    expect(next(world(ses, rows, [group({ maxScaleoutPerVs: 1 })]), vs({}, 2)).do).toBe('nothing');
  });
  it('legacy active/standby: holds a standby ready and promotes it', () => {
    const g = [group({ haMode: 'legacy_active_standby' })];
    expect(next(world([se('a'), se('b')], [primary], g))).toMatchObject({
      type: 'place',
      toSe: 'b',
      standby: true,
    });
    const standby = on('b', { desired: 'prepare', observed: 'prepared' });
    expect(next(world([se('a'), se('b')], [primary, standby], g)).do).toBe('nothing');
    const lost = se('a', { lost: true, connected: false });
    expect(next(world([lost, se('b')], [primary, standby], g))).toMatchObject({
      type: 'place',
      toSe: 'b',
      why: 'failover',
    });
  });
});

// A small model of what operations do, all at once: the plan must bring every world to rest, without ever holding
// more than the limits allow nor two primaries.
interface Model {
  group: Group;
  ses: ServiceEngine[];
  rows: Placement[];
  service: VirtualService;
}

const worldOf = (m: Model): World => world(m.ses, m.rows, [m.group, group({ uuid: 'g2' })]);

const primariesOf = (m: Model) => m.rows.filter((p) => p.primary).length;

function elect(m: Model, seUuid: string): void {
  m.rows = m.rows.map((p) => ({ ...p, primary: p.seUuid === seUuid }));
}

function checkLimits(m: Model, before: number): void {
  const keys = m.rows.map((p) => p.seUuid);
  expect(new Set(keys).size).toBe(keys.length);
  const inGroup = m.rows.filter(
    (p) =>
      p.desired === 'active' && m.ses.some((s) => s.uuid === p.seUuid && s.groupUuid === m.service.groupUuid),
  );
  // Lost rows may wait for their SE beside their replacement.
  const lost = inGroup.filter((p) =>
    m.ses.some((s) => s.uuid === p.seUuid && (s.lost || s.stopping || s.enableState === 'disabled')),
  );
  expect(inGroup.length - lost.length).toBeLessThanOrEqual(
    Math.max(worldOf(m).groups.get(m.service.groupUuid)?.maxScaleoutPerVs ?? 0, before),
  );
}

function perform(m: Model, p: Plan): void {
  const drop = (uuids: readonly string[]) => {
    m.rows = m.rows.filter((r) => !uuids.includes(r.seUuid));
  };
  if (p.do === 'forget' || p.do === 'retire') drop(p.seUuids);
  else if (p.do === 'elect') elect(m, p.seUuid);
  else if (p.do === 'start') {
    if (p.type === 'unplace') drop(m.rows.map((r) => r.seUuid));
    if (p.type === 'scalein' && p.fromSe !== undefined) drop([p.fromSe]);
    if (p.type === 'place' || p.type === 'scaleout' || p.type === 'migrate') {
      const leaving = p.fromSe === undefined ? [] : [p.fromSe];
      const to =
        p.toSe ?? candidates(worldOf(m), { vs: m.service, vipId: '0', leaving, promoteStandby: true }).chosen;
      if (to === undefined) return;
      const row = on(to, p.standby === true ? { desired: 'prepare', observed: 'prepared' } : {});
      m.rows = [...m.rows.filter((r) => r.seUuid !== to), row];
      if (p.type === 'migrate') {
        if (m.rows.some((r) => r.primary && r.seUuid === p.fromSe)) elect(m, to);
        drop(leaving);
      }
    }
  }
}

const madeOf = (uuid: string, s: { groupUuid: string; state: string }) =>
  se(uuid, {
    groupUuid: s.groupUuid,
    connected: s.state !== 'lost' && s.state !== 'away',
    lost: s.state === 'lost',
    stopping: s.state === 'stopping',
    enableState:
      s.state === 'disabled' ? 'disabled' : s.state === 'no_placement' ? 'disabled_for_placement' : 'enabled',
  });

describe('the plan comes to rest', () => {
  const anySe = fc.record({
    groupUuid: fc.constantFrom('g1', 'g1', 'g1', 'g2'),
    state: fc.constantFrom('well', 'well', 'well', 'lost', 'away', 'stopping', 'disabled', 'no_placement'),
  });
  const model = fc
    .record({
      haMode: fc.constantFrom(
        'n_plus_m' as const,
        'active_active' as const,
        'legacy_active_standby' as const,
      ),
      min: fc.integer({ min: 1, max: 3 }),
      max: fc.integer({ min: 1, max: 5 }),
      ses: fc.array(anySe, { maxLength: 7 }),
      rows: fc.array(
        fc.record({
          desired: fc.constantFrom(
            'active' as const,
            'active' as const,
            'drain' as const,
            'prepare' as const,
          ),
          primary: fc.boolean(),
        }),
        { maxLength: 8 },
      ),
      additional: fc.nat(4),
      enabled: fc.constantFrom(true, true, true, false),
      groupUuid: fc.constantFrom('g1', 'g1', 'g2'),
    })
    .map((x): Model => ({
      group: group({ haMode: x.haMode, minScaleoutPerVs: Math.min(x.min, x.max), maxScaleoutPerVs: x.max }),
      ses: x.ses.map((s, i) => madeOf(`se${i}`, s)),
      rows: x.rows.map((r, i) => on(`se${i}`, r)),
      service: vs({ enabled: x.enabled, groupUuid: x.groupUuid }, x.additional),
    }));
  it('from any state, within the limits, with one primary', () => {
    fc.assert(
      fc.property(model, (start) => {
        const m = { ...start };
        const before = m.rows.filter((r) => r.desired === 'active').length;
        let steps = 0;
        for (;;) {
          const p = plan(worldOf(m), m.service, 'vs1', '0');
          if (p.do === 'nothing' || p.do === 'await') break;
          const rowsBefore = JSON.stringify(m.rows);
          const primaries = primariesOf(m);
          perform(m, p);
          // A world that starts with several primaries is repaired; none ever gets a second one.
          expect(primariesOf(m)).toBeLessThanOrEqual(Math.max(1, primaries));
          if (p.do === 'elect') expect(primariesOf(m)).toBe(1);
          // An operation that finds no SE waits: that is rest, too.
          if (JSON.stringify(m.rows) === rowsBefore) break;
          if (p.do !== 'elect' && p.do !== 'forget') checkLimits(m, before);
          expect(++steps).toBeLessThan(60);
        }
        const w = worldOf(m);
        const live = m.rows.filter((r) => r.desired === 'active');
        if (live.length > 0) expect(m.rows.filter((r) => r.primary)).toHaveLength(1);
        if (!m.service.enabled) expect(live).toHaveLength(0);
        else
          expect(
            live.filter((r) => m.ses.find((s) => s.uuid === r.seUuid)?.lost === false).length,
          ).toBeLessThanOrEqual(Math.max(wanted(w, m.service, '0'), before));
      }),
      { numRuns: 500 },
    );
  });
});
