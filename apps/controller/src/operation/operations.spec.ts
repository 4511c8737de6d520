import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PlacementRow, VsScale, type Operation } from '../database/entities/index.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { FakeSes } from '../testing/fake-ses.js';
import { makeWorld, type TestWorld } from '../testing/placement-world.js';
import { startReplica, type Replica } from '../testing/replica.js';
import { until } from '../testing/until.js';
import type { ActionInput, ActionName } from './action.service.js';

let database: TestDatabase;
let replica: Replica;
let world: TestWorld;
let ses: FakeSes;
beforeAll(async () => {
  database = await testDatabase();
}, 60_000);
afterAll(() => database.stop());

async function begin(options: Parameters<typeof makeWorld>[1] = {}): Promise<void> {
  replica = await startReplica(await database.fresh());
  ses = new FakeSes();
  ses.attach(replica);
  world = await makeWorld(replica, { ses: 3, ...options });
  for (const se of world.ses) await ses.connect(se);
}
afterEach(async () => {
  await ses.detach();
  await replica.close();
});

const rows = () => replica.dataSource.manager.find(PlacementRow, { order: { created_at: 'ASC' } });
const activeOn = async () =>
  (await rows()).filter((r) => r.desired === 'active' && r.observed === 'active').map((r) => r.se_uuid);
const placedOn = (n: number) => until(activeOn, (on) => on.length === n, `active on ${n}`);
const settled = () =>
  until(
    async () => ({
      ops: (await replica.operations.active()).map((o) => `${o.type} ${o.state} ${o.text}`),
      drains: (await rows()).filter((r) => r.desired === 'drain').length,
    }),
    (s) => s.ops.length === 0 && s.drains === 0,
    'nothing under way',
  );
const vsObject = () => {
  const vs = replica.cache.get(world.vs);
  if (vs === undefined) throw new Error('no virtual service');
  return vs;
};
const act = (action: ActionName, input: Partial<ActionInput> = {}) =>
  replica.actions.act(action, vsObject(), { vipId: '0', ...input }, 'admin');
const ended = (op: Operation) =>
  until(
    async () => replica.operations.find(op.uuid),
    (o) => o !== null && o.ended_at !== null,
    `${op.type} has ended`,
  );
const factor = async () =>
  (await replica.dataSource.manager.findOneByOrFail(VsScale, { vs_uuid: world.vs, vip_id: '0' }))
    .num_additional_se;
const edit = async (kind: string, uuid: string, change: Record<string, unknown>) => {
  await replica.store.transaction((tx) => tx.replace(kind, uuid, { ...tx.get(uuid)?.spec, ...change }));
};
const events = async () => {
  const found: { event_id: string }[] = await replica.dataSource.query(
    'SELECT event_id FROM event ORDER BY id',
  );
  return found.map((e) => e.event_id);
};

describe('placement', () => {
  beforeEach(() => begin());
  it('places a new virtual service, scales it out and in, migrates and switches over', async () => {
    const [first] = await placedOn(1);
    await settled();
    const out = await ended(await act('scaleout'));
    expect(out).toMatchObject({ state: 'succeeded', progress: 100 });
    expect(out?.text).toMatch(/^Scaled out to se-/);
    expect(out?.steps.map((s) => [s.name, s.state])).toEqual([
      ['choose', 'done'],
      ['program', 'done'],
      ['ready', 'done'],
      ['admit', 'done'],
    ]);
    expect(await factor()).toBe(1);
    const two = await placedOn(2);
    const free = world.ses.find((s) => !two.includes(s));
    const moved = await ended(await act('migrate', { toSe: free }));
    expect(moved?.state).toBe('succeeded');
    expect(await activeOn()).toHaveLength(2);
    expect(await activeOn()).not.toContain(first);
    const primaries = (await rows()).filter((r) => r.primary).map((r) => r.se_uuid);
    expect(primaries).toEqual([free]);
    await ended(await act('switchover'));
    expect((await rows()).filter((r) => r.primary).map((r) => r.se_uuid)).not.toEqual(primaries);
    const into = await ended(await act('scalein', { scaleinPrimary: true }));
    expect(into?.state).toBe('succeeded');
    expect(await activeOn()).toHaveLength(1);
    expect(await factor()).toBe(0);
    expect((await rows()).filter((r) => r.primary)).toHaveLength(1);
    expect(await events()).toEqual(
      expect.arrayContaining([
        'VS_FSM_ACTIVE',
        'VS_ADD_SE',
        'VS_SCALEOUT_COMPLETE',
        'VS_MIGRATE_STARTED',
        'VS_MIGRATE_COMPLETE',
        'VS_REMOVED_SE',
        'VS_SWITCHOVER',
        'VS_SCALEIN_COMPLETE',
        'CONFIG_ACTION',
      ]),
    );
  });

  it('refuses with code and reasons, and leaves the factor alone', async () => {
    await placedOn(1);
    await settled();
    await expect(act('scalein')).rejects.toMatchObject({ status: 409, code: 'AT_MIN' });
    await edit('serviceenginegroup', world.group, { max_scaleout_per_vs: 1 });
    await expect(act('scaleout')).rejects.toMatchObject({ code: 'AT_MAX' });
    await expect(act('migrate', { toSe: 'nowhere' })).rejects.toMatchObject({
      code: 'UNKNOWN_SE',
      status: 400,
    });
    expect(await factor()).toBe(0);
    expect((await events()).filter((e) => e === 'CONFIG_ACTION')).toHaveLength(3);
  });

  it('admits one of two actions that come at the same moment', async () => {
    await placedOn(1);
    await settled();
    const both = await Promise.allSettled([act('scaleout'), act('scaleout')]);
    const refused = both
      .filter((r) => r.status === 'rejected')
      .map((r) => (r.reason as { code: string }).code);
    expect(refused).toEqual(['OPERATION_RUNNING']);
    await placedOn(2);
    expect(await factor()).toBe(1);
  });

  it('tries the next SE when one fails, and fails with its reason when all have', async () => {
    const [on] = await placedOn(1);
    await settled();
    const others = world.ses.filter((s) => s !== on);
    const failure = { code: 'VIP_IN_USE', reason: '127.9.9.9:80 is taken', holder: 'nginx (pid 7)' };
    ses.behave(others[0] ?? '', { failure });
    await ended(await act('scaleout'));
    expect(await activeOn()).toEqual([on, others[1]]);
    await ended(await act('scalein'));
    for (const se of others) ses.behave(se, { failure });
    const failed = await ended(await act('scaleout'));
    expect(failed).toMatchObject({ state: 'failed', error_code: 'VIP_IN_USE' });
    expect(failed?.error).toContain('held by nginx (pid 7)');
    expect(await factor()).toBe(0);
    expect(await activeOn()).toEqual([on]);
    await settled();
  });

  it('replaces a lost SE, passes the primary on at once, and lets the lost one drain when it returns', async () => {
    await edit('serviceenginegroup', world.group, { min_scaleout_per_vs: 2 });
    await placedOn(2);
    await settled();
    const lost = (await rows()).find((r) => r.primary)?.se_uuid ?? '';
    await ses.lose(lost);
    await until(activeOn, (on) => on.filter((s) => s !== lost).length === 2, 'replaced');
    const primary = (await rows()).find((r) => r.primary);
    expect(primary?.se_uuid).not.toBe(lost);
    await until(
      rows,
      (all) => all.find((r) => r.se_uuid === lost)?.desired === 'drain',
      'the lost row drains',
    );
    ses.behave(lost, {});
    await ses.connect(lost);
    await until(rows, (all) => all.every((r) => r.se_uuid !== lost), 'the lost row is gone');
    expect(await activeOn()).toHaveLength(2);
  });

  it('evacuates a disabled SE and takes it back when it is enabled', async () => {
    const [on = ''] = await placedOn(1);
    await settled();
    await edit('serviceengine', on, { enable_state: 'SE_STATE_DISABLED' });
    await until(activeOn, (now) => now.length === 1 && now[0] !== on, 'moved');
    await settled();
    expect(await events()).toContain('MIGRATE_SE_FINISHED');
  });

  it('follows min, disable, enable, another group and deletion', async () => {
    await placedOn(1);
    await edit('serviceenginegroup', world.group, { min_scaleout_per_vs: 3 });
    await placedOn(3);
    await edit('serviceenginegroup', world.group, { min_scaleout_per_vs: 1 });
    await until(factor, (n) => n === 2, 'the factor rises as min falls');
    await settled();
    await edit('virtualservice', world.vs, { enabled: false });
    await until(rows, (all) => all.length === 0, 'unplaced');
    await edit('serviceenginegroup', world.group, { max_scaleout_per_vs: 2 });
    await edit('virtualservice', world.vs, { enabled: true });
    await placedOn(2);
    await until(factor, (n) => n === 1, 'capped at max');
    await settled();
    const other = await replica.store.create('serviceenginegroup', {
      name: 'Other',
      tenant_ref: 'admin',
      cloud_ref: world.cloud,
      vs_scalein_timeout: 1,
    });
    const se = await replica.store.create('serviceengine', {
      name: 'se-9',
      tenant_ref: 'admin',
      cloud_ref: world.cloud,
      se_group_ref: other.uuid,
      enable_state: 'SE_STATE_ENABLED',
    });
    await edit('virtualservice', world.vs, { se_group_ref: other.uuid });
    await ses.connect(se.uuid);
    await until(activeOn, (on) => on.length === 1 && on[0] === se.uuid, 'moved to the other group');
    await settled();
    expect(await factor()).toBe(0);
    await replica.store.remove('virtualservice', world.vs);
    await until(rows, (all) => all.length === 0, 'forgotten');
  });
});

describe('legacy active/standby', () => {
  it('keeps a standby ready and promotes it when the active one is lost', async () => {
    await begin({ ses: 3, group: { ha_mode: 'HA_MODE_LEGACY_ACTIVE_STANDBY' } });
    const both = await until(
      rows,
      (all) =>
        all
          .map((r) => `${r.desired} ${r.observed}`)
          .sort()
          .join() === 'active active,prepare prepared',
      'one active, one standby',
    );
    await settled();
    const standby = both.find((r) => r.desired === 'prepare')?.se_uuid;
    const active = both.find((r) => r.desired === 'active')?.se_uuid ?? '';
    await expect(act('scaleout')).rejects.toMatchObject({ code: 'LEGACY_HA' });
    await ses.lose(active);
    await until(activeOn, (on) => on.includes(standby ?? ''), 'the standby is active');
    await until(
      rows,
      (all) => all.filter((r) => r.desired === 'prepare' && r.observed === 'prepared').length === 1,
      'another standby',
    );
    expect((await rows()).filter((r) => r.primary).map((r) => r.se_uuid)).toEqual([standby]);
  });
});

describe('waiting', () => {
  it('a placement without an SE asks, and goes on by itself when one comes', async () => {
    await begin({ ses: 1 });
    await ses.detach();
    await replica.close();
    replica = await startReplica(await database.fresh());
    ses = new FakeSes();
    ses.attach(replica);
    world = await makeWorld(replica, { ses: 1 });
    const waiting = await until(
      async () => (await replica.operations.active())[0],
      (op) => op?.state === 'waiting',
      'the placement waits',
    );
    expect(waiting).toMatchObject({ type: 'place', question: { code: 'SE_NEEDED' } });
    expect(waiting?.text).toContain('Currently placing');
    await ses.connect(world.ses[0] ?? '');
    await placedOn(1);
    expect(await events()).toContain('VS_AWAITING_SE');
  });

  it('a scale-out to a new SE that nobody can make takes an answer', async () => {
    await begin({ ses: 2 });
    const [on] = await placedOn(1);
    await settled();
    const op = await act('scaleout', { toNewSe: true });
    await until(
      async () => (await replica.operations.find(op.uuid))?.state,
      (s) => s === 'waiting',
      'it asks',
    );
    expect(await activeOn()).toEqual([on]);
    const other = world.ses.find((s) => s !== on) ?? '';
    await replica.admin.answer(op.uuid, { to_se_ref: replica.cache.get(other)?.name });
    expect(await ended(op)).toMatchObject({ state: 'succeeded' });
    expect(await activeOn()).toEqual([on, other]);
  });

  it('a cancelled scale-out leaves nothing behind', async () => {
    await begin({ ses: 2 });
    const [on] = await placedOn(1);
    await settled();
    for (const se of world.ses) if (se !== on) ses.behave(se, { mute: true });
    const op = await act('scaleout');
    await until(
      async () => (await replica.operations.find(op.uuid))?.step,
      (s) => s === 'ready',
      'it waits for the SE',
    );
    await replica.admin.cancel(op.uuid);
    expect(await ended(op)).toMatchObject({ state: 'cancelled', error_code: 'CANCELLED' });
    expect((await rows()).map((r) => r.se_uuid)).toEqual([on]);
    expect(await factor()).toBe(0);
  });

  it('a cancelled scale-in serves on', async () => {
    await begin({ ses: 2, group: { min_scaleout_per_vs: 1, vs_scalein_timeout: 30 } });
    await placedOn(1);
    await settled();
    await ended(await act('scaleout'));
    for (const se of world.ses) ses.behave(se, { holdDrain: true });
    const op = await act('scalein');
    await until(
      async () => (await replica.operations.find(op.uuid))?.step,
      (s) => s === 'drain',
      'it drains',
    );
    await replica.admin.cancel(op.uuid);
    expect((await ended(op))?.state).toBe('cancelled');
    await placedOn(2);
    expect(await factor()).toBe(1);
  });
});
