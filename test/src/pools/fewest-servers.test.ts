import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, Scope, type SpawnedClients, spawnClients } from '@spillway/testing';
import { serversAre } from '../support/counts.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;

/** An origin serves so many at a time, each in so many milliseconds: 80 a second. */
const CONCURRENCY = 4;
const DELAY = 50;

interface ServerView {
  in_use?: boolean;
  excess?: boolean;
  estimated_capacity?: { requests: number; at_least: boolean };
}
interface PoolView {
  num_servers_in_use?: number;
  num_servers_excess?: number;
}

beforeAll(async () => {
  scope = new Scope('fewest');
  world = await World.create(scope, {
    serviceEngines: 2,
    workers: 2,
    origins: ['o1', 'o2', 'o3', 'o4'],
    pool: { lb_algorithm: 'LB_ALGORITHM_FEWEST_SERVERS' },
  });
  await world.instance.watched(async () => {
    for (const o of world.origins) await o.set({ concurrency: CONCURRENCY, delay: DELAY });
    await world.act('scaleout');
    await world.placedOn(2);
    await serversAre(world, ['OPER_UP', 'OPER_UP', 'OPER_UP', 'OPER_UP']);
  });
});
afterAll(async () => scope?.close());

const load = async (rate: number): Promise<SpawnedClients> => {
  const spawned = await spawnClients(
    world.scope,
    {
      name: `${rate} a second`,
      sort: 'new-connection',
      openLoop: true,
      connections: 400,
      rate,
      host: world.vip4,
      port: world.port,
    },
    world.netns ? { netns: world.netns } : {},
  );
  await spawned.start();
  return spawned;
};

const requests = (): Promise<number[]> =>
  Promise.all(world.origins.map(async (o) => (await o.counters()).requests));

/** Parts of the requests that the servers get while the clients send so many. */
async function parts(clients: SpawnedClients, count: number): Promise<number[]> {
  const before = await requests();
  const { ok } = await clients.progress();
  await clients.until('the requests', (p) => p.ok >= ok + count, 30_000);
  const counts = (await requests()).map((n, i) => n - before[i]!);
  const sum = counts.reduce((a, b) => a + b, 0);
  return counts.map((n) => n / sum);
}

const pool = (): Promise<PoolView> => world.api.get<PoolView>(`/api/pool/${world.pool.uuid}/runtime`);

const servers = async (): Promise<ServerView[]> =>
  (await world.api.get<{ results: ServerView[] }>(`/api/pool/${world.pool.uuid}/runtime/server`)).results;

const excessIs = (right: (excess: number) => boolean, what: string): Promise<unknown> =>
  eventually(
    async () => {
      const { num_servers_excess: excess = -1, num_servers_in_use: used } = await pool();
      return right(excess) || Promise.reject(new Error(`${excess} in excess, ${used} in use`));
    },
    { within: 40_000, every: 200, what },
  );

describe('fewest servers', () => {
  it('fills the first server, takes in the second under load, and releases it, over two SEs', () =>
    world.instance.watched(async () => {
      const light = await load(20);
      expect((await parts(light, 60))[0]).toBeGreaterThan(0.9);
      await excessIs((n) => n === 3, 'three servers to be in excess');
      expect(await servers()).toMatchObject([
        { in_use: true, excess: false, estimated_capacity: { at_least: true } },
        { in_use: false, excess: true },
        { in_use: false, excess: true },
        { in_use: false, excess: true },
      ]);

      // One and a half servers' worth.
      const heavy = await load(100);
      await excessIs((n) => n < 3, 'another server to be in use');
      await parts(heavy, 300);
      const [first, second, third, fourth] = (await parts(heavy, 600)) as [number, number, number, number];
      expect(first).toBeGreaterThan(0.4);
      expect(second).toBeGreaterThan(0.1);
      expect(first + second).toBeGreaterThan(0.75);
      expect(fourth).toBeLessThan(third + 0.05);
      const estimate = (await servers())[0]!.estimated_capacity!;
      expect(estimate.at_least).toBe(false);
      expect(estimate.requests).toBeGreaterThan(1);
      expect(estimate.requests).toBeLessThan(6 * CONCURRENCY);
      const report = await heavy.stop();
      expect(report.failed).toBe(0);

      await excessIs((n) => n === 3, 'the others to be released');
      expect((await parts(light, 60))[0]).toBeGreaterThan(0.9);
      expect((await light.stop()).failed).toBe(0);
    }));
});
