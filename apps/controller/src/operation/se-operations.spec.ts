import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { CloudConnector, CloudSe, SeWish } from '../cloud/connector.js';
import { PlacementRow } from '../database/entities/index.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { FakeSes } from '../testing/fake-ses.js';
import { makeWorld, type TestWorld } from '../testing/placement-world.js';
import { startReplica, type Replica } from '../testing/replica.js';
import { until } from '../testing/until.js';
import { crash } from './crash-point.js';

/** A cloud whose SEs connect as soon as they are made. */
class FakeCloud implements CloudConnector {
  readonly name = 'process';
  readonly made = new Map<string, SeWish>();
  failure: string | undefined;
  connects: (seUuid: string) => Promise<void> = () => Promise.resolve();

  async create(wish: SeWish, token: () => Promise<string>): Promise<void> {
    if (this.failure !== undefined) throw new Error(this.failure);
    if (this.made.has(wish.name)) return;
    await token();
    this.made.set(wish.name, wish);
    // A real SE takes its time to start; the call does not wait for it.
    void this.connects(wish.seUuid);
  }

  delete({ name }: Pick<SeWish, 'name'>): Promise<void> {
    this.made.delete(name);
    return Promise.resolve();
  }

  list(): Promise<CloudSe[]> {
    return Promise.resolve(
      [...this.made.values()].map((w) => ({ name: w.name, seUuid: w.seUuid, running: true, handle: '' })),
    );
  }
}

let database: TestDatabase;
let cloud: FakeCloud;
let ses: FakeSes;
let world: TestWorld;
const replicas: Replica[] = [];
const end = crash.now;
beforeAll(async () => {
  database = await testDatabase();
}, 60_000);
afterAll(() => database.stop());
afterEach(async () => {
  delete process.env['SPILLWAY_CRASH_AT'];
  crash.now = end;
  await ses.detach();
  for (const replica of replicas.splice(0)) await replica.close();
});

async function start(url: string): Promise<Replica> {
  const replica = await startReplica(url, {
    connectors: new Map([['process', cloud]]),
    issueToken: () => Promise.resolve('id.secret.pin'),
  });
  replicas.push(replica);
  ses.attach(replica);
  cloud.connects = (seUuid) => ses.connect(seUuid);
  return replica;
}

async function begin(count: number): Promise<{ replica: Replica; url: string }> {
  cloud = new FakeCloud();
  ses = new FakeSes();
  const url = await database.fresh();
  const replica = await start(url);
  world = await makeWorld(replica, { ses: count, connector: 'process' });
  for (const se of world.ses) await ses.connect(se);
  return { replica, url };
}

const rows = (r: Replica) => r.dataSource.manager.find(PlacementRow);
const activeOn = async (r: Replica) =>
  (await rows(r)).filter((p) => p.desired === 'active' && p.observed === 'active').map((p) => p.se_uuid);
const named = (r: Replica, type: string): Promise<Record<string, unknown>[]> =>
  r.dataSource.query('SELECT * FROM operation WHERE type = $1 ORDER BY created_at DESC', [type]);
const vsOf = (r: Replica) => {
  const vs = r.cache.get(world.vs);
  if (vs === undefined) throw new Error('no virtual service');
  return vs;
};

describe('write access', () => {
  it('makes an SE where none has room, and uses it', async () => {
    const { replica } = await begin(0);
    await until(
      () => activeOn(replica),
      (on) => on.length === 1,
      'placed on an SE that was made',
    );
    expect(cloud.made.size).toBe(1);
    const [made] = [...cloud.made.values()];
    // se_name_prefix, at its default.
    expect(made?.name).toMatch(/^Spillway-se-[0-9a-f]{5}$/);
    expect(replica.cache.get(made?.seUuid ?? '')).toMatchObject({
      name: made?.name,
      spec: { controller_created: true },
    });
  });

  it('makes none for what no SE could serve, says what is wrong, and places it once that is corrected', async () => {
    cloud = new FakeCloud();
    ses = new FakeSes();
    const replica = await start(await database.fresh());
    world = await makeWorld(replica, {
      connector: 'process',
      vs: { services: [{ port: 80, port_range_end: 80, enable_ssl: true }] },
    });
    const [waiting] = await until(
      () => named(replica, 'place'),
      ([op]) => op?.['state'] === 'waiting',
      'it waits',
    );
    expect(waiting).toMatchObject({ error_code: 'CONFIGURATION', attempts: 0 });
    expect(waiting?.['error']).toMatch(/^ssl_key_and_certificate_refs: /);
    expect(await named(replica, 'create_se')).toEqual([]);
    const services = [{ port: 80, port_range_end: 80 }];
    await replica.store.transaction((tx) =>
      tx.replace('virtualservice', world.vs, { ...tx.get(world.vs)?.spec, services }),
    );
    const [placed] = await until(
      () => named(replica, 'place'),
      ([op]) => op?.['state'] === 'succeeded',
      'placed',
    );
    expect(placed?.['uuid']).toBe(waiting?.['uuid']);
    expect(await activeOn(replica)).toHaveLength(1);
  });

  it('makes one for a scale-out when asked, though another has room', async () => {
    const { replica } = await begin(2);
    await until(
      () => activeOn(replica),
      (on) => on.length === 1,
      'placed',
    );
    const op = await replica.actions.act('scaleout', vsOf(replica), { vipId: '0', toNewSe: true }, 'admin');
    await until(
      async () => (await replica.operations.find(op.uuid))?.state,
      (s) => s === 'succeeded',
      'scaled out',
    );
    expect(await activeOn(replica)).toContain([...cloud.made.values()][0]?.seUuid);
  });

  it('waits and says why when none can be made; goes on when one enrols by hand', async () => {
    const { replica } = await begin(0);
    await until(
      () => activeOn(replica),
      (on) => on.length === 1,
      'placed',
    );
    cloud.failure = 'the cloud is full';
    const op = await replica.actions.act('scaleout', vsOf(replica), { vipId: '0' }, 'admin');
    const waiting = await until(
      () => replica.operations.find(op.uuid),
      (o) => o?.state === 'waiting',
      'it waits',
    );
    expect(waiting?.question).toMatchObject({ code: 'RETRY_LATER' });
    expect(waiting?.error).toContain('the cloud is full');
    expect((await named(replica, 'create_se'))[0]).toMatchObject({
      state: 'failed',
      error_code: 'CREATE_SE_FAIL',
    });
    // It waits as long as it says (se_spawn_retry_interval), whatever wakes it meanwhile.
    expect(waiting?.next_retry?.getTime()).toBeGreaterThan(Date.now() + 250_000);
    // The first made the SE that it was placed on.
    const waits = (n: number) =>
      until(
        async () => ({
          tries: (await named(replica, 'create_se')).length,
          op: await replica.operations.find(op.uuid),
        }),
        (s) => s.tries === n && s.op?.state === 'waiting',
        `it waits after ${n} attempts`,
      );
    for (let i = 0; i < 3; i++) {
      replica.runner.wake(op.uuid);
      await replica.runner.idle();
    }
    await waits(2);
    // A user who says "try again" does not wait.
    await replica.actions.retryPlacement(vsOf(replica), '0');
    await waits(3);
    // Nothing of the failed attempt is left.
    await until(
      () => [...replica.cache.byKind('serviceengine')].length,
      (n) => n === 1,
      'the object is gone',
    );
    const hand = await replica.store.create('serviceengine', {
      name: 'by-hand',
      tenant_ref: 'admin',
      cloud_ref: world.cloud,
      se_group_ref: world.group,
      enable_state: 'SE_STATE_ENABLED',
    });
    await ses.connect(hand.uuid);
    await until(
      async () => (await replica.operations.find(op.uuid))?.state,
      (s) => s === 'succeeded',
      'scaled out',
    );
    expect(await activeOn(replica)).toContain(hand.uuid);
  });

  it.each(['create.before', 'create.after', 'enrolled.before', 'enrolled.after'])(
    'the controller ends at %s: one SE is made all the same',
    async (point) => {
      const { replica: first, url } = await begin(1);
      await until(
        () => activeOn(first),
        (on) => on.length === 1,
        'placed',
      );
      let crashed = 0;
      crash.now = () => {
        crashed++;
        delete process.env['SPILLWAY_CRASH_AT'];
        first.runner.abandon();
        throw new Error('the process has ended here');
      };
      process.env['SPILLWAY_CRASH_AT'] = `create_se.${point}`;
      const op = await first.actions.act('scaleout', vsOf(first), { vipId: '0', toNewSe: true }, 'admin');
      await until(
        () => crashed,
        (n) => n === 1,
        'it ends there',
      );
      await first.reconciler.onApplicationShutdown();
      const second = await start(url);
      await until(
        async () => (await second.operations.find(op.uuid))?.state,
        (s) => s === 'succeeded',
        'scaled out',
      );
      expect(cloud.made.size).toBe(1);
      expect(await activeOn(second)).toHaveLength(2);
    },
    30_000,
  );
});

describe('an SE that goes', () => {
  it('is evacuated, step by step, whatever is killed', async () => {
    const { replica: first, url } = await begin(2);
    const [on = ''] = await until(
      () => activeOn(first),
      (a) => a.length === 1,
      'placed',
    );
    let crashed = 0;
    crash.now = () => {
      crashed++;
      delete process.env['SPILLWAY_CRASH_AT'];
      first.runner.abandon();
      throw new Error('the process has ended here');
    };
    process.env['SPILLWAY_CRASH_AT'] = 'evacuate_se.evacuate.before';
    await first.store.transaction((tx) =>
      tx.replace('serviceengine', on, { ...tx.get(on)?.spec, enable_state: 'SE_STATE_DISABLED' }),
    );
    await until(
      () => crashed,
      (n) => n === 1,
      'it ends there',
    );
    await first.reconciler.onApplicationShutdown();
    const second = await start(url);
    await until(
      () => activeOn(second),
      (a) => a.length === 1 && a[0] !== on,
      'moved',
    );
    await until(
      async () => (await named(second, 'evacuate_se'))[0]?.['state'],
      (s) => s === 'succeeded',
      'evacuated',
    );
  }, 30_000);

  it('deleted by force: others take over, its object and process are gone', async () => {
    const { replica } = await begin(1);
    await until(
      () => activeOn(replica),
      (a) => a.length === 1,
      'placed',
    );
    const op = await replica.dataSource.transaction((m) =>
      replica.operations.insert(m, {
        type: 'delete_se',
        subjectUuid: world.ses[0] ?? '',
        subjectName: 'se-1',
        tenantUuid: 'admin',
        params: { force: true },
        requestedBy: 'admin',
      }),
    );
    replica.runner.wake(op?.uuid ?? '');
    await until(
      () => replica.cache.get(world.ses[0] ?? ''),
      (o) => o === undefined,
      'the object is gone',
    );
    await until(
      () => activeOn(replica),
      (a) => a.length === 1 && a[0] !== world.ses[0],
      'replaced by one that was made',
    );
  });
});
