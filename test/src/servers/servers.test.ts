import { afterAll, beforeAll, beforeEach, describe, it, jest } from '@jest/globals';
import { eventually, now, Scope, ClientConnection, exposeFrom } from '@spillway/testing';
import { expectClean, Load, type Reports, summaries } from '../support/load.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;

beforeAll(async () => {
  scope = new Scope('servers');
  world = await World.create(scope, { serviceEngines: 2 });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

/** Operational states of the pool's servers. */
async function serverStates(): Promise<string[]> {
  const { results } = await world.api.get<{ results: { oper_status: { state: string } }[] }>(
    `/api/pool/${world.pool.uuid}/runtime/server`,
  );
  return results.map((s) => s.oper_status.state);
}

beforeEach(async () => {
  for (const o of world.origins) {
    await o.comeBack();
    await o.set({ health: 'ok', respond: 'normal', delay: 0, keepAliveTimeout: 0, resetEvery: 0 });
  }
  await eventually(async () => (await counts()).every((n) => n > 0), {
    within: 15_000,
    every: 100,
    what: 'every server to be used again',
  });
});

/** Requests that each origin gets while 120 are sent. */
async function counts(): Promise<number[]> {
  const seen = async () => Promise.all(world.origins.map(async (o) => (await o.counters()).requests));
  const before = await seen();
  const roots = await world.instance.serviceEngineRoots();
  await world.probe.spread({ host: world.vip4, port: world.port, connections: 120, batch: 60, roots });
  return (await seen()).map((n, i) => n - before[i]!);
}

async function finish(load: Load): Promise<Reports> {
  const reports = await load.stop();
  console.log(summaries(reports));
  expectClean(reports, world);
  return reports;
}

describe('a server', () => {
  it('that is killed costs nobody a request, and comes back', () =>
    world.instance.watched(async () => {
      const load = await Load.start(world, { streams: false });
      const [gone] = world.origins;
      await gone!.goAway('reset');
      await load.runUntil(now() + 1_500);
      await eventually(async () => (await counts())[0] === 0, { within: 10_000, what: 'no request to it' });
      await gone!.comeBack();
      await eventually(async () => (await counts())[0]! > 0, {
        within: 10_000,
        what: 'requests to the server that came back',
      });
      await load.flowing();
      await finish(load);
    }));

  it('that fails its health check gets nothing new, and loses nothing', () =>
    world.instance.watched(async () => {
      const load = await Load.start(world, { streams: false });
      const [sick] = world.origins;
      await sick!.set({ health: 'fail' });
      await eventually(async () => (await counts())[0] === 0, { within: 15_000, what: 'no request to it' });
      await sick!.set({ health: 'ok' });
      await eventually(async () => (await counts())[0]! > 0, {
        within: 15_000,
        what: 'requests to it again',
      });
      await load.flowing();
      await finish(load);
    }));

  it('that closes idle connections early costs nobody a request', () =>
    world.instance.watched(async () => {
      // Shorter than the pauses on each kept connection: most requests meet one that is just being closed.
      for (const o of world.origins) await o.set({ keepAliveTimeout: 20 });
      const load = await Load.start(world, {
        streams: false,
        keepAlive: { rate: 150, connections: 8 },
        fresh: { rate: 50 },
      });
      await load.runUntil(now() + 4_000);
      await finish(load);
    }));

  it('that closes after each response costs nobody a request, with bodies too', () =>
    world.instance.watched(async () => {
      for (const o of world.origins) await o.set({ closeAfterResponse: true });
      const load = await Load.start(world, {
        streams: false,
        keepAlive: {
          request: { method: 'POST', path: '/body', bodyBytes: 30_000 },
          expect: { body: { pattern: 30_000 } },
        },
      });
      await load.runUntil(now() + 2_000);
      await finish(load);
      for (const o of world.origins) await o.set({ closeAfterResponse: false });
    }));
});

describe('all servers down', () => {
  it('resets those who connect, and ends with the first good check', () =>
    world.instance.watched(async () => {
      for (const o of world.origins) await o.goAway('reset');
      const target = { host: world.vip4, port: world.port };
      const here = world.netns ? await exposeFrom(scope, world.netns, target) : target;
      const ask = async (): Promise<string> => {
        try {
          const connection = await ClientConnection.open(here);
          const { head } = await connection.request({ path: '/' });
          connection.close();
          return String(head.status);
        } catch (error) {
          return String(error);
        }
      };
      await eventually(
        async () => {
          const [first, second] = [await ask(), await ask()];
          return (
            (/reset/i.test(first) && /reset/i.test(second)) || Promise.reject(new Error(`${first} ${second}`))
          );
        },
        { within: 10_000, every: 50, what: 'resets of new connections' },
      );
      await eventually(
        async () => {
          const states = await serverStates();
          return (
            (states.length === 3 && states.every((s) => s === 'OPER_DOWN')) ||
            Promise.reject(new Error(states.join()))
          );
        },
        { within: 10_000, every: 100, what: 'three servers down in the runtime of the pool' },
      );
      const back = now();
      for (const o of world.origins) await o.comeBack();
      await eventually(async () => (await counts()).some((n) => n > 0), { within: 10_000, every: 20 });
      console.log(`served again ${Math.round(now() - back)} ms after the servers were back`);
    }));
});
