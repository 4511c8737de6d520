import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, Scope } from '@spillway/testing';
import { countsOf, serverDetails, serversAre } from '../support/counts.js';
import { expectClean, Load } from '../support/load.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
const UP = ['OPER_UP', 'OPER_UP', 'OPER_UP'];

beforeAll(async () => {
  scope = new Scope('algorithms');
  world = await World.create(scope, { serviceEngines: 2, workers: 2 });
  await world.instance.watched(() => serversAre(world, UP));
});
afterAll(async () => scope?.close());

const edit = async (replace: object): Promise<void> => {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace });
};

/** Puts another pool behind the virtual service, with an external monitor that tells tasks by the server's port. */
async function poolOfTasks(name: string, sendInterval: number, tasks: readonly number[]): Promise<void> {
  const [first] = world.origins;
  const monitor = await world.api.post('/api/healthmonitor', {
    name: `${name}-monitor`,
    type: 'HEALTH_MONITOR_EXTERNAL',
    send_interval: sendInterval,
    receive_timeout: 1,
    external_monitor: {
      command_code: [
        '#!/bin/sh',
        `[ "$PORT" = ${first!.port} ] && n=${tasks[0]} || n=${tasks[1]}`,
        'echo $n > "$HM_NAME.$POOL.$IP.$PORT.tasks"',
        'echo good',
      ].join('\n'),
    },
  });
  world.pool = await world.api.post('/api/pool', {
    name,
    lb_algorithm: 'LB_ALGORITHM_FEWEST_TASKS',
    fewest_tasks_feedback_delay: 1,
    connection_ramp_duration: 0,
    health_monitor_refs: [monitor.url],
    servers: world.servers().slice(0, 2),
  });
  await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, { replace: { pool_ref: world.pool.url } });
  await serversAre(world, UP.slice(1));
}

describe('on one SE with two workers', () => {
  it('fewest tasks counts what monitors tell, and each request since', () =>
    world.instance.watched(async () => {
      const { pool } = world;
      await poolOfTasks('tasks', 3600, [100, 10]);
      expect(await countsOf(world, 90, 1)).toEqual([0, 90, 0]);
      expect(await countsOf(world, 110, 1)).toEqual([55, 55, 0]);
      await settled(async () => {
        const shown = (await serverDetails(world)).map(({ fewest_tasks: [se] = [] }) => [
          se?.feedback,
          se?.tasks,
        ]);
        expect(shown).toEqual([
          [100, 155],
          [10, 155],
        ]);
      });
      await poolOfTasks('told-again', 2, [100, 10]);
      await countsOf(world, 150, 1);
      await eventually(
        async () => {
          const counts = await countsOf(world, 40, 1);
          return counts[0] === 0 || Promise.reject(new Error(counts.join()));
        },
        { within: 20_000, every: 500, what: 'what is told again to count anew' },
      );
      await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, { replace: { pool_ref: pool.url } });
      world.pool = pool;
      await serversAre(world, UP);
    }));
});

describe('on two SEs with two workers each', () => {
  beforeAll(async () => {
    await world.instance.watched(async () => {
      await world.act('scaleout');
      await world.placedOn(2);
    });
  });

  it.each([
    'LB_ALGORITHM_ROUND_ROBIN',
    'LB_ALGORITHM_LEAST_CONNECTIONS',
    'LB_ALGORITHM_RANDOM',
    'LB_ALGORITHM_POWER_OF_TWO',
    'LB_ALGORITHM_CORE_AFFINITY',
    'LB_ALGORITHM_FEWEST_TASKS',
    'LB_ALGORITHM_CONSISTENT_HASH',
  ])('%s gives each server its part by ratio, and loses nothing when it is chosen', (algorithm) =>
    world.instance.watched(async () => {
      const load = await Load.start(world, { streams: false });
      await edit({
        lb_algorithm: algorithm,
        lb_algorithm_hash: 'LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS_AND_PORT',
        lb_algorithm_core_nonaffinity: 2,
        servers: world.servers().map((s, i) => ({ ...s, ratio: i + 1 })),
      });
      await load.flowing();
      expectClean(await load.stop(), world);
      const requests = 600;
      (await countsOf(world, requests, 20)).forEach((n, i) =>
        expect(Math.abs(n / requests - (i + 1) / 6)).toBeLessThan(0.08),
      );
    }),
  );

  it('consistent hash leads a URI to one server, whichever SE and worker it comes to', () =>
    world.instance.watched(async () => {
      await edit({
        lb_algorithm: 'LB_ALGORITHM_CONSISTENT_HASH',
        lb_algorithm_hash: 'LB_ALGORITHM_CONSISTENT_HASH_URI',
        servers: world.servers(),
      });
      const paths = Array.from({ length: 12 }, (_, i) => `/cached/${i}`);
      let before: number[] = [];
      await settled(async () => (before = await homes(paths)));
      expect(new Set(before).size).toBeGreaterThan(1);
      // One that is disabled gives its own away, and gets them back.
      const servers = world.servers().map((s, i) => (i === before[0] ? { ...s, enabled: false } : s));
      await edit({ servers });
      await settled(async () => {
        (await homes(paths)).forEach((home, i) => {
          if (before[i] === before[0]) expect(home).not.toBe(before[0]);
          else expect(home).toBe(before[i]);
        });
      });
      await edit({ servers: world.servers() });
      await serversAre(world, UP);
      await settled(async () => expect(await homes(paths)).toEqual(before));
    }));

  it('refuses to leave out ports where that says nothing', async () => {
    await expect(
      edit({ lb_algorithm: 'LB_ALGORITHM_ROUND_ROBIN', ignore_server_port: true }),
    ).rejects.toThrow(/ignore_server_port.*use_service_port/s);
  });
});

/** An edit is live on both SEs a moment after the API has answered: until then, what is expected may not be so. */
const settled = (expectation: () => Promise<unknown>): Promise<unknown> =>
  eventually(async () => expectation().then(() => true), { within: 10_000, every: 20 });

/** Which origin each path is served by: all requests for it, on both SEs. */
async function homes(paths: readonly string[]): Promise<number[]> {
  const roots = await world.instance.serviceEngineRoots();
  const found: number[] = [];
  for (const path of paths) {
    const before = await requests();
    const spread = { host: world.vip4, port: world.port, connections: 24, batch: 12, roots, path };
    const { failures, perSe } = await world.probe.spread(spread);
    expect(failures).toEqual([]);
    expect(Object.keys(perSe)).toHaveLength(2);
    const counts = (await requests()).map((n, i) => n - before[i]!);
    expect([...counts].sort((a, b) => a - b)).toEqual([0, 0, 24]);
    found.push(counts.indexOf(24));
  }
  return found;
}

const requests = async (): Promise<number[]> =>
  Promise.all(world.origins.map(async (o) => (await o.counters()).requests));
