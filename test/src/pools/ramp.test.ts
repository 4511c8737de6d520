import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, Scope } from '@spillway/testing';
import { countsOf, serverDetails, serversAre } from '../support/counts.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
const REQUESTS = 600;

/** A ramp of five hours: nothing of it passes while a test runs. */
const LONG = { connection_ramp_duration: 300 };
const UP = ['OPER_UP', 'OPER_UP', 'OPER_UP'];

beforeAll(async () => {
  scope = new Scope('ramp');
  world = await World.create(scope, { serviceEngines: 2, workers: 2, pool: LONG });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
    await serversAre(world, UP);
  });
});
afterAll(async () => scope?.close());

const edit = async (replace: object): Promise<void> => {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace });
};

/** The third server gets next to nothing yet, and the others the same. */
async function isHeldBack(): Promise<void> {
  const [first, second, third] = (await countsOf(world, REQUESTS)) as [number, number, number];
  expect(Math.abs(first - second)).toBeLessThan(0.1 * REQUESTS);
  expect(third).toBeLessThan(0.03 * REQUESTS);
}

const isEven = async (): Promise<boolean | Error> => {
  const counts = await countsOf(world, REQUESTS);
  if (counts.every((n) => Math.abs(n - REQUESTS / 3) < 0.1 * REQUESTS)) return true;
  throw new Error(`counts are ${counts.join(', ')}`);
};
const becomesEven = (): Promise<unknown> =>
  eventually(isEven, { within: 20_000, every: 10, what: 'all servers to get the same' });

/** Has the third server leave the pool and join it again. */
async function rejoin(): Promise<void> {
  await edit({ servers: world.servers().slice(0, 2) });
  await serversAre(world, UP.slice(1));
  await edit({ servers: world.servers() });
  await serversAre(world, UP);
}

describe('the connection ramp', () => {
  it('holds no server back that came with the pool, on a joining SE neither', () =>
    world.instance.watched(async () => {
      await isEven();
    }));

  it.each(['LB_ALGORITHM_ROUND_ROBIN', 'LB_ALGORITHM_LEAST_CONNECTIONS', 'LB_ALGORITHM_CONSISTENT_HASH'])(
    'holds a new server back, with %s',
    (algorithm) =>
      world.instance.watched(async () => {
        await edit({
          lb_algorithm: algorithm,
          lb_algorithm_hash: 'LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS_AND_PORT',
        });
        await rejoin();
        await isHeldBack();
      }),
  );

  it('shows in the runtime of the pool, for each SE', () =>
    world.instance.watched(() =>
      eventually(
        async () => {
          const servers = await serverDetails(world);
          expect(servers.map((s) => s.share)).toEqual([undefined, undefined, expect.any(Number)]);
          const { share, connection_ramp: ramps = [] } = servers[2]!;
          expect(share).toBeLessThan(0.02);
          expect(ramps.map((r) => r.se_name).sort()).toEqual(['se-1', 'se-2']);
          const hours = (Date.parse(ramps[0]!.full_at) - Date.now()) / 3_600_000;
          expect(Math.abs(hours - 5)).toBeLessThan(0.1);
          return true;
        },
        { within: 10_000, every: 200, what: 'the ramp in the runtime of the pool' },
      ),
    ));

  it('goes on over a change of the pool, a new worker and a new agent', () =>
    world.instance.watched(async () => {
      await edit({ lb_algorithm: 'LB_ALGORITHM_ROUND_ROBIN', description: 'edited' });
      await isHeldBack();
      for (const name of Object.keys(await world.instance.serviceEngineRoots())) {
        const before = await world.instance.supervisor(name);
        process.kill(before.agent_pid, 'SIGKILL');
        process.kill(before.workers[0]!, 'SIGKILL');
        await eventually(
          async () => {
            const after = await world.instance.supervisor(name);
            return (
              after.agent_pid !== before.agent_pid &&
              after.workers.length === before.workers.length &&
              !after.workers.includes(before.workers[0]!)
            );
          },
          { within: 20_000, every: 50, what: `${name} to have a new agent and a new worker` },
        );
      }
      await serversAre(world, UP);
      await isHeldBack();
    }));

  it('is over after its time, which seconds may tell', () =>
    world.instance.watched(async () => {
      await edit({ connection_ramp_duration_secs: 1 });
      await becomesEven();
    }));

  it('holds a server back that is enabled again', () =>
    world.instance.watched(async () => {
      await edit({ connection_ramp_duration_secs: 18_000 });
      const [first, second, third] = world.servers();
      await edit({ servers: [first, second, { ...third, enabled: false, disable_immediately: true }] });
      await serversAre(world, ['OPER_UP', 'OPER_UP', 'OPER_DISABLED']);
      await edit({ servers: world.servers() });
      await serversAre(world, UP);
      await isHeldBack();
      await edit({ connection_ramp_duration_secs: 0 });
      await becomesEven();
    }));

  it('holds a server back that was down, and none when all come back', () =>
    world.instance.watched(async () => {
      await edit({ connection_ramp_duration_secs: 18_000 });
      const third = world.origins[2]!;
      await third.set({ health: 'fail' });
      await serversAre(world, ['OPER_UP', 'OPER_UP', 'OPER_DOWN']);
      await third.set({ health: 'ok' });
      await serversAre(world, UP);
      await isHeldBack();
      for (const o of world.origins) await o.set({ health: 'fail' });
      await serversAre(world, ['OPER_DOWN', 'OPER_DOWN', 'OPER_DOWN']);
      for (const o of world.origins) await o.set({ health: 'ok' });
      await serversAre(world, UP);
      await becomesEven();
    }));
});
