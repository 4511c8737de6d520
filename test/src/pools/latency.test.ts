import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  type ClientsConfig,
  type ClientsReport,
  eventually,
  Scope,
  type SpawnedClients,
  spawnClients,
} from '@spillway/testing';
import { countsOf, serversAre } from '../support/counts.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;

/** Milliseconds that the long response takes, and that a short one waits at least which waits for it. */
const LONG = 600;
const SHORT = 10;
const BEHIND = LONG / 3;
const UP = ['OPER_UP', 'OPER_UP', 'OPER_UP'];

beforeAll(async () => {
  scope = new Scope('latency');
  world = await World.create(scope, { serviceEngines: 2, workers: 2 });
  await world.instance.watched(() => serversAre(world, UP));
});
afterAll(async () => scope?.close());

const use = async (algorithm: string): Promise<void> => {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace: { lb_algorithm: algorithm } });
};

async function clients(
  config: Partial<ClientsConfig> & Pick<ClientsConfig, 'name'>,
): Promise<SpawnedClients> {
  const whole: ClientsConfig = {
    sort: 'new-connection',
    host: world.vip4,
    port: world.port,
    connections: 1,
    rate: 0,
    ...config,
  };
  const spawned = await spawnClients(world.scope, whole, world.netns ? { netns: world.netns } : {});
  await spawned.start();
  return spawned;
}

/** Short requests that were answered only after a long response of their server that had begun before them. */
const waited = (short: ClientsReport, long: ClientsReport): number =>
  (short.requests ?? []).filter((s) =>
    (long.requests ?? []).some(
      (l) =>
        l.origin === s.origin &&
        l.startedAt < s.startedAt &&
        (l.endedAt ?? 0) > s.startedAt + BEHIND &&
        (l.endedAt ?? 0) <= (s.endedAt ?? 0),
    ),
  ).length;

/**
 * Servers that serve one request at a time; one long response is under way all the time, short requests come four at a
 * time on new connections, to both workers. How many short ones took as long as if they had waited for the long one.
 */
async function shortBehindLong(): Promise<{ behind: number; of: number }> {
  const [ofLong, ofShort] = [{ path: `/delay/${LONG}` }, { path: `/delay/${SHORT}` }];
  // Each worker has to have seen both.
  const learning = [
    await clients({ name: 'learning long', connections: 3, request: ofLong }),
    await clients({ name: 'learning short', connections: 4, request: ofShort }),
  ] as const;
  await Promise.all([
    learning[0].until('the long ones to be known', (p) => p.ok >= 10, 20_000),
    learning[1].until('the short ones to be known', (p) => p.ok >= 30, 20_000),
  ]);
  for (const clientsThatLearn of learning) await clientsThatLearn.stop();
  const long = await clients({ name: 'long', request: ofLong, keepRequests: true });
  const short = await clients({
    name: 'short',
    connections: 4,
    request: ofShort,
    keepRequests: true,
  });
  await long.until('ten long ones', (p) => p.ok >= 10, 30_000);
  const [shorts, longs] = [await short.stop(), await long.stop()];
  for (const r of [shorts, longs]) expect(r.failed).toBe(0);
  return { behind: waited(shorts, longs), of: shorts.ok };
}

describe('least load', () => {
  beforeAll(async () => {
    for (const o of world.origins) await o.set({ concurrency: 1 });
  });
  afterAll(async () => {
    for (const o of world.origins) await o.set({ concurrency: 0 });
  });

  it('queues no short request behind a long response, as least connections does', () =>
    world.instance.watched(async () => {
      await use('LB_ALGORITHM_LEAST_LOAD');
      const load = await shortBehindLong();
      expect(load.of).toBeGreaterThan(200);
      await use('LB_ALGORITHM_LEAST_CONNECTIONS');
      const connections = await shortBehindLong();
      expect(connections.behind).toBeGreaterThanOrEqual(8);
      // None or one, but two workers that choose in the same moment may choose the same server: more so on a busy machine.
      expect(load.behind).toBeLessThanOrEqual(connections.behind / 2);
    }));
});

describe('fastest response', () => {
  const REQUESTS = 300;

  beforeAll(() =>
    world.instance.watched(async () => {
      await use('LB_ALGORITHM_FASTEST_RESPONSE');
      await world.act('scaleout');
      await world.placedOn(2);
    }),
  );

  it('gives a slow server little, and its part again when it is as fast as the others', () =>
    world.instance.watched(async () => {
      const slow = world.origins[1]!;
      await slow.set({ delay: 150 });
      await countsOf(world, REQUESTS, 10);
      const [first, second, third] = (await countsOf(world, REQUESTS, 10)) as [number, number, number];
      expect(second).toBeLessThan(0.08 * REQUESTS);
      expect(Math.min(first, third)).toBeGreaterThan(0.2 * REQUESTS);
      await slow.set({ delay: 0 });
      await eventually(
        async () => {
          const counts = await countsOf(world, REQUESTS, 10);
          return counts[1]! > 0.2 * REQUESTS || Promise.reject(new Error(`counts are ${counts.join(', ')}`));
        },
        { within: 40_000, every: 10, what: 'the server to get its part again' },
      );
    }));
});
