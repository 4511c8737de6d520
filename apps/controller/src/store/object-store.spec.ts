import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { filled, TestController } from '../testing/controller.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';

let database: TestDatabase;
let controller: TestController;

beforeAll(async () => {
  database = await testDatabase();
  controller = await TestController.start(await database.fresh());
}, 60_000);

afterAll(async () => {
  await controller?.stop();
  await database?.stop();
}, 60_000);

const group = (name: string) => filled('ipaddrgroup', { name, tenant_ref: 'admin' });

describe('a transaction that writes more than once', () => {
  it('joins in again, and sees what it wrote', async () => {
    const { store, cache, db } = controller;
    const uuid = await db.transaction(async (manager) => {
      const first = await store.within(manager);
      const { uuid: made } = await first.create('ipaddrgroup', group('twice'));
      // An undo in the transaction of the step that it undoes asks for the store once more.
      const second = await store.within(manager);
      expect(second.get(made)?.name).toBe('twice');
      await second.remove('ipaddrgroup', made);
      return made;
    });
    await cache.catchUp(await committed());
    expect(cache.get(uuid)).toBeUndefined();
  });

  it('also after it told of a change that is no object', async () => {
    const { store, cache, db } = controller;
    const [touched, created] = await db.transaction(async (manager) => {
      const generation = await store.touch(manager, 'placement', randomUUID(), 'created');
      const tx = await store.within(manager);
      return [generation, await tx.create('ipaddrgroup', group('after'))];
    });
    expect(created.generation).toBe(touched + 1);
    await cache.catchUp(created.generation);
    expect(cache.get(created.uuid)?.name).toBe('after');
  });

  it('leaves the lock to others when it is undone', async () => {
    const { store, cache } = controller;
    await expect(
      store.transaction(async (tx) => {
        await tx.create('ipaddrgroup', group('never'));
        throw new Error('changed its mind');
      }),
    ).rejects.toThrow('changed its mind');
    const { uuid } = await store.create('ipaddrgroup', group('next'));
    expect(cache.get(uuid)?.name).toBe('next');
    expect(cache.byName('ipaddrgroup', 'never')).toEqual([]);
  });
});

async function committed(): Promise<number> {
  const [row]: { generation: string }[] = await controller.db.query('SELECT generation FROM cluster_state');
  return Number(row?.generation);
}
