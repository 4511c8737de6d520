import { describe, expect, it } from '@jest/globals';
import { admitMigrate, admitScalein, admitScaleout, admitSwitchover } from './admission.js';
import { group, on, se, vs, world } from './testing/worlds.js';

const ask = { vs: vs(), vipId: '0' };
const ses = ['a', 'b', 'c', 'd', 'e'].map((u) => se(u));
const primary = on('a', { primary: true });

describe('scale out', () => {
  it('to a chosen SE', () => expect(admitScaleout(world(ses, [primary]), ask)).toEqual({ admitted: {} }));
  it('to a named SE', () =>
    expect(admitScaleout(world(ses, [primary]), { ...ask, toSe: 'c' })).toEqual({ admitted: { toSe: 'c' } }));
  it.each([
    [
      'at max',
      'AT_MAX',
      world(
        ses,
        ['a', 'b', 'c', 'd'].map((u) => on(u)),
      ),
      { vs: vs({}, 3) },
    ],
    [
      'above a reduced max',
      'AT_MAX',
      world(
        ses,
        ['a', 'b', 'c'].map((u) => on(u)),
        [group({ maxScaleoutPerVs: 2 })],
      ),
      { vs: vs({}, 2) },
    ],
    [
      'no spare capacity',
      'NO_SPARE_CAPACITY',
      world([se('a'), se('b')], [primary, on('b', { vsUuid: 'x' })], [group({ maxVsPerSe: 1 })]),
      {},
    ],
    [
      'VIP not reachable from there',
      'VIP_NOT_REACHABLE',
      world([se('a'), se('b', { netScope: 'other' })], [primary]),
      { toSe: 'b' },
    ],
    [
      'not in the group',
      'NOT_IN_GROUP',
      world([se('a'), se('b', { groupUuid: 'g2' })], [primary]),
      { toSe: 'b' },
    ],
    [
      'disconnected',
      'DISCONNECTED',
      world([se('a'), se('b', { connected: false })], [primary]),
      { toSe: 'b' },
    ],
    ['serving already', 'ALREADY_SERVING', world(ses, [primary]), { toSe: 'a' }],
    ['no such SE', 'UNKNOWN_SE', world(ses, [primary]), { toSe: 'zz' }],
    ['no such VIP', 'UNKNOWN_VIP', world(ses, [primary]), { vipId: '7' }],
    ['disabled', 'VS_DISABLED', world(ses, [primary]), { vs: vs({ enabled: false }) }],
    ['not placed', 'NOT_PLACED', world(ses), {}],
    [
      'an operation runs',
      'OPERATION_RUNNING',
      world(ses, [primary]),
      { running: { uuid: 'operation-1', type: 'migrate' } },
    ],
    [
      'legacy active/standby',
      'LEGACY_HA',
      world(ses, [primary], [group({ haMode: 'legacy_active_standby' })]),
      {},
    ],
  ])('refused: %s', (_what, code, w, over) => {
    const { refusal } = admitScaleout(w, { ...ask, ...over });
    expect(refusal?.code).toBe(code);
    expect(refusal?.reason).not.toMatch(/[{}]|undefined/);
  });
  it('to a new SE passes: the operation makes it or asks for it', () => {
    expect(admitScaleout(world([se('a')], [primary]), { ...ask, toNewSe: true })).toEqual({ admitted: {} });
  });
  it('where the cloud may make one', () => {
    const w = world([se('a')], [primary], [group({ canCreateSe: true })]);
    expect(admitScaleout(w, ask)).toEqual({ admitted: {} });
  });
});

describe('scale in', () => {
  const two = world(ses, [primary, on('b')]);
  it('of a named SE, the primary too', () => {
    expect(admitScalein(two, { ...ask, fromSe: 'b' })).toEqual({ admitted: { fromSe: 'b' } });
    expect(admitScalein(two, { ...ask, fromSe: 'a' })).toEqual({ admitted: { fromSe: 'a' } });
    expect(admitScalein(two, { ...ask, scaleinPrimary: true })).toEqual({ admitted: { fromSe: 'a' } });
  });
  it('of one chosen by the controller: a secondary', () =>
    expect(admitScalein(two, ask)).toEqual({ admitted: { fromSe: 'b' } }));
  it('chooses the one that does not serve', () => {
    const w = world([se('a', { connected: false }), se('b')], [primary, on('b')]);
    expect(admitScalein(w, ask)).toEqual({ admitted: { fromSe: 'a' } });
  });
  it('refused at min, from one that does not serve, and when not placed', () => {
    expect(admitScalein(world(ses, [primary]), ask).refusal?.code).toBe('AT_MIN');
    expect(admitScalein(two, { ...ask, fromSe: 'c' }).refusal).toMatchObject({
      code: 'NOT_SERVING',
      reason: 'service engine c does not serve virtual service shop: it is on a, b',
    });
    expect(admitScalein(world(ses), ask).refusal?.code).toBe('NOT_PLACED');
  });
  it('allowed above a reduced max', () => {
    const w = world(
      ses,
      ['a', 'b', 'c'].map((u) => on(u)),
      [group({ maxScaleoutPerVs: 1 })],
    );
    expect(admitScalein(w, ask).admitted).toBeDefined();
  });
});

describe('migrate and switchover', () => {
  it('migrates the primary when none is named', () =>
    expect(admitMigrate(world(ses, [primary, on('b')]), { ...ask, toSe: 'c' })).toEqual({
      admitted: { fromSe: 'a', toSe: 'c' },
    }));
  it('may be done at max', () => {
    const w = world(ses, [primary], [group({ maxScaleoutPerVs: 1 })]);
    expect(admitMigrate(w, ask)).toEqual({ admitted: { fromSe: 'a' } });
  });
  it('is refused to the SE itself', () =>
    expect(admitMigrate(world(ses, [primary]), { ...ask, toSe: 'a' }).refusal?.code).toBe('ALREADY_SERVING'));
  it('switches to a named or a chosen secondary', () => {
    const w = world(ses, [primary, on('b')]);
    expect(admitSwitchover(w, { ...ask, toSe: 'b' })).toEqual({ admitted: { toSe: 'b' } });
    expect(admitSwitchover(w, ask)).toEqual({ admitted: { toSe: 'b' } });
    expect(admitSwitchover(w, { ...ask, toSe: 'a' }).refusal?.code).toBe('ALREADY_PRIMARY');
    expect(admitSwitchover(world(ses, [primary]), ask).refusal?.code).toBe('NO_CANDIDATE');
  });
});
