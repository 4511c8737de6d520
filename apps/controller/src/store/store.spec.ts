import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { readSettings } from '../config/settings.js';
import { dataSourceOptions, ensureCluster, migrate } from '../database/options.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { until } from '../testing/until.js';
import { ObjectCache, ObjectStore, SecretBox, type Change } from './index.js';

const logger = pino({ level: 'silent' });
let databases: TestDatabase;
beforeAll(async () => {
  databases = await testDatabase();
}, 60_000);
afterAll(() => databases.stop());

/** One replica: a pool of connections, a cache that follows, a store. */
interface Replica {
  readonly dataSource: DataSource;
  readonly cache: ObjectCache;
  readonly store: ObjectStore;
  readonly seen: Change[];
}

let url: string;
let replicas: Replica[] = [];

async function replica(): Promise<Replica> {
  const settings = readSettings({ DATABASE_URL: url, SPILLWAY_DIR: '/nonexistent' });
  const dataSource = await new DataSource(dataSourceOptions(url)).initialize();
  await migrate(dataSource);
  await ensureCluster(dataSource);
  const cache = new ObjectCache(dataSource, settings, logger);
  await cache.open();
  const seen: Change[] = [];
  cache.changes.subscribe((changes) => seen.push(...changes));
  const made = {
    dataSource,
    cache,
    store: new ObjectStore(dataSource, cache, new SecretBox(settings), logger),
    seen,
  };
  replicas.push(made);
  return made;
}

const pool = (name: string, more: object = {}) => ({
  name,
  tenant_ref: 'admin',
  cloud_ref: 'cloud-1',
  ...more,
});

let a: Replica;
beforeEach(async () => {
  url = await databases.fresh();
  a = await replica();
});
afterEach(async () => {
  for (const { cache, dataSource } of replicas) {
    await cache.onApplicationShutdown();
    await dataSource.destroy();
  }
  replicas = [];
});

describe('a write', () => {
  it('is seen by its own replica at once, and by the others soon', async () => {
    const b = await replica();
    const made = await a.store.create('pool', pool('p'));
    expect(a.cache.get(made.uuid)).toMatchObject({
      name: 'p',
      kind: 'pool',
      generation: 1,
      tenantUuid: 'admin',
      scopeUuid: 'cloud-1',
    });
    await b.cache.whenAt(1);
    expect(b.cache.get(made.uuid)).toEqual(a.cache.get(made.uuid));
    await b.store.replace('pool', made.uuid, pool('q'));
    expect(b.cache.byName('pool', 'q')).toHaveLength(1);
    expect(b.cache.byName('pool', 'p')).toEqual([]);
    await a.cache.whenAt(2);
    await a.store.remove('pool', made.uuid);
    await b.cache.whenAt(3);
    expect([...b.cache.byKind('pool')]).toEqual([]);
    expect(b.seen.map((c) => [c.change, c.generation])).toEqual([
      ['created', 1],
      ['updated', 2],
      ['deleted', 3],
    ]);
  });

  it('gets dense generations in the order of commit, however many write at once', async () => {
    const b = await replica();
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? a : b).store.create('pool', pool(`p${i}`))),
    );
    await Promise.all([a.cache.whenAt(40), b.cache.whenAt(40)]);
    const ids: { id: string }[] = await a.dataSource.query('SELECT id FROM outbox ORDER BY id');
    expect(ids.map((r) => Number(r.id))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    for (const { cache, seen } of [a, b]) {
      expect([...cache.byKind('pool')]).toHaveLength(40);
      expect(seen.map((c) => c.generation)).toEqual(ids.map((r) => Number(r.id)));
    }
  });

  it('that throws leaves nothing behind', async () => {
    await expect(
      a.store.transaction(async (tx) => {
        await tx.create('pool', pool('p'));
        expect(tx.byName('pool', 'p')).toHaveLength(1);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(a.cache.size).toBe(0);
    expect((await a.store.create('pool', pool('p'))).generation).toBe(1);
  });

  it('refuses a name that is taken in its scope, also by another replica a moment ago', async () => {
    const b = await replica();
    await a.store.create('pool', pool('p'));
    await expect(b.store.create('pool', pool('p'))).rejects.toMatchObject({
      status: 409,
      code: 'ALREADY_EXISTS',
    });
    await b.store.create('pool', pool('p', { cloud_ref: 'cloud-2' }));
    await b.store.create('pool', pool('p', { tenant_ref: 'tenant-1' }));
    const racing = await Promise.allSettled([
      a.store.create('pool', pool('race')),
      b.store.create('pool', pool('race')),
    ]);
    expect(racing.map((r) => r.status).toSorted((x, y) => x.localeCompare(y))).toEqual([
      'fulfilled',
      'rejected',
    ]);
  });

  it('refuses to remove what is referred to, also inside one transaction', async () => {
    const hm = await a.store.create('healthmonitor', { name: 'hm' });
    const p = await a.store.create('pool', pool('p', { health_monitor_refs: [hm.uuid] }));
    await expect(a.store.remove('healthmonitor', hm.uuid)).rejects.toMatchObject({
      code: 'OBJECT_IN_USE',
      message: expect.stringContaining("'Pool p'"),
    });
    expect(a.cache.referrers(hm.uuid)).toMatchObject([
      { object: { uuid: p.uuid }, path: 'health_monitor_refs.0' },
    ]);
    expect(
      await a.dataSource.query('SELECT from_uuid, path, to_uuid FROM object_reference WHERE to_uuid = $1', [
        hm.uuid,
      ]),
    ).toEqual([{ from_uuid: p.uuid, path: 'health_monitor_refs.0', to_uuid: hm.uuid }]);
    await a.store.transaction(async (tx) => {
      await tx.replace('pool', p.uuid, pool('p'));
      await tx.remove('healthmonitor', hm.uuid);
    });
    expect(a.cache.get(hm.uuid)).toBeUndefined();
    expect(await a.dataSource.query('SELECT 1 FROM object_reference WHERE to_uuid = $1', [hm.uuid])).toEqual(
      [],
    );
  });

  it('of something that is not an object takes a generation in the transaction of the caller', async () => {
    await a.dataSource.transaction((manager) => a.store.touch(manager, 'placement', 'row-1', 'updated'));
    await expect(
      a.dataSource.transaction(async (manager) => {
        await a.store.touch(manager, 'placement', 'row-2', 'updated');
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await a.cache.whenAt(1);
    expect(a.seen).toEqual([{ kind: 'placement', uuid: 'row-1', change: 'updated', generation: 1 }]);
    expect((await a.store.create('pool', pool('p'))).generation).toBe(2);
  });
});

describe('a cache', () => {
  it('finds what it missed while its listening connection was gone', async () => {
    const b = await replica();
    await a.dataSource.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'spillway-listen' AND datname = current_database()",
    );
    for (let i = 0; i < 5; i += 1) await a.store.create('pool', pool(`p${i}`));
    await b.cache.whenAt(5);
    expect([...b.cache.byKind('pool')]).toHaveLength(5);
    const listening = async (): Promise<number> => {
      const [row]: { n: string }[] = await a.dataSource.query(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'spillway-listen' AND datname = current_database()",
      );
      return Number(row?.n);
    };
    await until(listening, (n) => n === 2, 'both listen again');
    await a.store.create('pool', pool('after'));
    await b.cache.whenAt(6);
  });

  it('that is too far behind reads everything, and tells what differs', async () => {
    const kept = await a.store.create('pool', pool('kept'));
    const gone = await a.store.create('pool', pool('gone'));
    const b = await replica();
    // As if b had slept while much was written and the outbox was pruned.
    await a.dataSource.query('DELETE FROM "object" WHERE uuid = $1', [gone.uuid]);
    await a.dataSource.query(
      `UPDATE "object" SET generation = 90, spec = spec || '{"description":"new"}' WHERE uuid = $1`,
      [kept.uuid],
    );
    await a.dataSource.query('UPDATE cluster_state SET generation = 90, epoch = 2');
    await a.dataSource.query('DELETE FROM outbox');
    await b.cache.catchUp(90);
    expect(b.cache.get(gone.uuid)).toBeUndefined();
    expect(b.cache.get(kept.uuid)?.spec['description']).toBe('new');
    expect([b.cache.generation, b.cache.epoch]).toEqual([90, 2]);
    expect(b.seen).toEqual(
      expect.arrayContaining([
        { kind: 'pool', uuid: kept.uuid, change: 'updated', generation: 90 },
        { kind: 'pool', uuid: gone.uuid, change: 'deleted', generation: 90 },
        { kind: 'placement', uuid: '', change: 'updated', generation: 90 },
      ]),
    );
  });

  it('keeps everything when the database answers empty, with another cluster, or with an older state', async () => {
    const made = await a.store.create('pool', pool('p'));
    const refuses = async (sql: string, undo: string): Promise<void> => {
      await a.dataSource.query(sql);
      await expect(a.cache.catchUp(1_000)).rejects.toMatchObject({ status: 503 });
      expect(a.cache.get(made.uuid)).toBeDefined();
      expect(a.cache.generation).toBe(1);
      await a.dataSource.query(undo);
    };
    await refuses(
      "UPDATE cluster_state SET cluster_uuid = cluster_uuid || 'x'",
      "UPDATE cluster_state SET cluster_uuid = rtrim(cluster_uuid, 'x')",
    );
    await refuses('UPDATE cluster_state SET generation = 0', 'UPDATE cluster_state SET generation = 1');
    await a.dataSource.query('CREATE TABLE away AS SELECT * FROM "object"');
    await refuses(
      'DELETE FROM "object"; DELETE FROM outbox; UPDATE cluster_state SET generation = 50',
      'INSERT INTO "object" SELECT * FROM away; UPDATE cluster_state SET generation = 1',
    );
    await refuses('ALTER TABLE outbox RENAME TO hidden', 'ALTER TABLE hidden RENAME TO outbox').catch(
      (err: unknown) => {
        // A failed read is told as it is; what counts is that nothing went.
        expect(String(err)).toMatch(/outbox/);
      },
    );
    expect(a.cache.get(made.uuid)).toBeDefined();
  });
});
