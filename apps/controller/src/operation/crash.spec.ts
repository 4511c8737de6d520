import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { OPERATIONS } from '@spillway/placement';
import { PlacementRow, VsScale } from '../database/entities/index.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { FakeSes } from '../testing/fake-ses.js';
import { makeWorld, type TestWorld } from '../testing/placement-world.js';
import { startReplica, type Replica } from '../testing/replica.js';
import { until } from '../testing/until.js';
import type { ActionName } from './action.service.js';
import { crash } from './crash-point.js';

/**
 * At every step of every operation on a virtual service, the replica that carries it on ends: the transaction that it is
 * in is rolled back, and nothing of it runs any more. Another one over the same rows has to bring it to the right end.
 */
let database: TestDatabase;
const replicas: Replica[] = [];
const end = crash.now;
beforeAll(async () => {
  database = await testDatabase();
}, 60_000);
afterAll(() => database.stop());
afterEach(async () => {
  delete process.env['SPILLWAY_CRASH_AT'];
  crash.now = end;
  for (const replica of replicas.splice(0)) await replica.close();
});

/** What each operation starts from, how it is asked for, and what must be true in the end. */
const CASES: Record<
  string,
  { start: number; ask?: ActionName; disable?: boolean; on: number; factor: number }
> = {
  place: { start: 0, on: 1, factor: 0 },
  scaleout: { start: 1, ask: 'scaleout', on: 2, factor: 1 },
  scalein: { start: 2, ask: 'scalein', on: 1, factor: 0 },
  migrate: { start: 1, ask: 'migrate', on: 1, factor: 0 },
  switchover: { start: 2, ask: 'switchover', on: 2, factor: 1 },
  unplace: { start: 2, disable: true, on: 0, factor: 1 },
};
const POINTS = Object.keys(CASES).flatMap((type) =>
  OPERATIONS[type as 'place'].steps.flatMap(({ name }) =>
    (['before', 'after'] as const).map((when) => [type, name, when] as const),
  ),
);

async function start(url: string, ses: FakeSes): Promise<Replica> {
  const replica = await startReplica(url);
  replicas.push(replica);
  ses.attach(replica);
  return replica;
}

const rowsOf = (r: Replica) => r.dataSource.manager.find(PlacementRow);
const activeOn = async (r: Replica) =>
  (await rowsOf(r)).filter((p) => p.desired === 'active' && p.observed === 'active').map((p) => p.se_uuid);
const quiet = (r: Replica) =>
  until(
    async () => ({
      ops: (await r.operations.active()).map((o) => o.text),
      rows: (await rowsOf(r)).map((p) => `${p.desired}/${p.observed}`),
    }),
    (s) => s.ops.length === 0 && s.rows.every((p) => p === 'active/active'),
    'comes to rest',
    8_000,
  );

async function edit(r: Replica, world: TestWorld, change: Record<string, unknown>): Promise<void> {
  await r.store.transaction((tx) =>
    tx.replace('virtualservice', world.vs, { ...tx.get(world.vs)?.spec, ...change }),
  );
}

const vsOf = (r: Replica, world: TestWorld) => {
  const vs = r.cache.get(world.vs);
  if (vs === undefined) throw new Error('no virtual service');
  return vs;
};

describe('the controller ends in the middle', () => {
  it.each(POINTS)(
    '%s %s %s',
    async (type, step, when) => {
      const wanted = CASES[type];
      if (wanted === undefined) throw new Error(type);
      const url = await database.fresh();
      const ses = new FakeSes();
      const first = await start(url, ses);
      const world = await makeWorld(first, { ses: 3 });
      if (wanted.start > 0) for (const se of world.ses) await ses.connect(se);
      if (wanted.start > 0)
        await until(
          () => activeOn(first),
          (on) => on.length === 1,
          'placed',
        );
      await (wanted.start > 0 ? quiet(first) : undefined);
      for (let n = 1; n < wanted.start; n++) {
        await first.actions.act('scaleout', vsOf(first, world), { vipId: '0' }, 'admin');
        await until(
          () => activeOn(first),
          (on) => on.length === n + 1,
          'scaled out',
        );
        await quiet(first);
      }
      const before = await activeOn(first);

      let crashed = 0;
      crash.now = () => {
        crashed++;
        delete process.env['SPILLWAY_CRASH_AT'];
        first.runner.abandon();
        throw new Error('the process has ended here');
      };
      process.env['SPILLWAY_CRASH_AT'] = `${type}.${step}.${when}`;
      if (wanted.start === 0) for (const se of world.ses) await ses.connect(se);
      if (wanted.ask !== undefined)
        await first.actions.act(wanted.ask, vsOf(first, world), { vipId: '0' }, 'admin');
      if (wanted.disable === true) await edit(first, world, { enabled: false });
      await until(
        () => crashed,
        (n) => n === 1,
        `the operation comes to ${type}.${step}.${when}`,
      );
      await ses.detach();
      await first.reconciler.onApplicationShutdown();

      const second = await start(url, ses);
      await quiet(second);
      const rows = await rowsOf(second);
      expect(rows.filter((p) => p.desired === 'active')).toHaveLength(wanted.on);
      expect(rows.filter((p) => p.primary)).toHaveLength(wanted.on > 0 ? 1 : 0);
      const scale = await second.dataSource.manager.findOneBy(VsScale, { vs_uuid: world.vs, vip_id: '0' });
      expect(scale?.num_additional_se).toBe(wanted.factor);
      if (type === 'migrate') expect(rows[0]?.se_uuid).not.toBe(before[0]);
      const ops = await second.dataSource.query('SELECT type, state FROM operation WHERE type = $1', [type]);
      expect(ops.at(-1)).toMatchObject({ type, state: 'succeeded' });
    },
    30_000,
  );
});
