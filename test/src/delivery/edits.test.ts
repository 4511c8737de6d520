import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  editHarmlessly,
  expectClean,
  type LiveEdit,
  Load,
  now,
  processStat,
  quantile,
  Scope,
  sleep,
  spawnClients,
  summaries,
  timesToLive,
  World,
} from '@spillway/testing';

jest.setTimeout(300_000);

/** Budget: p50 30 ms, p99 100 ms. CI asserts five times that; the bench asserts the budget. */
const CEILING = { p50: 150, p99: 500 };
const EDITS = 200;

let scope: Scope;
let world: World;

beforeAll(async () => {
  scope = new Scope('edits');
  world = await World.create(scope, {
    serviceEngines: 2,
    monitored: false,
    origins: ['o1', 'o2', 'o3', 'o4'],
    pool: { graceful_disable_timeout: 1 },
  });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

describe('an edit', () => {
  it(`is live on every SE soon after the API's answer, over ${EDITS} edits`, () =>
    world.instance.watched(async () => {
      const path = `/api/pool/${world.pool.uuid}`;
      // Disabling is graceful, so that requests under way end well; removing would reset them (pools document).
      const only = (origin: string) =>
        world.origins
          .slice(0, 2)
          .map((o) => Object.assign({ enabled: o.name === origin }, world.servers([o])[0]));
      await world.api.patch(path, { replace: { servers: only('o1') } });
      const clients = await spawnClients(
        scope,
        {
          name: 'observer',
          sort: 'keep-alive',
          host: world.vip4,
          port: world.port,
          connections: 12,
          rate: 1_500,
          keepRequests: true,
        },
        world.netns ? { netns: world.netns } : {},
      );
      await clients.start();
      await clients.setServiceEngines(await world.instance.serviceEngineRoots());
      await clients.until(
        'connections to both SEs',
        (p) => Object.keys(p.openPerSe).length === 2 && Object.values(p.openPerSe).every((n) => n >= 2),
      );
      const edits: LiveEdit[] = [];
      for (let i = 0; i < EDITS; i++) {
        const origin = i % 2 === 0 ? 'o2' : 'o1';
        await world.api.patch(path, { replace: { servers: only(origin) } });
        edits.push({ answeredAt: now(), origin });
        // The pace of the edits; what each one did is found in the records afterwards.
        await sleep(40 + (i % 7) * 10);
      }
      const { ok } = await clients.progress();
      await clients.until('the last effect', (p) => p.ok > ok + 500);
      const report = await clients.stop();
      console.log(report.summary);
      expectClean({ observer: report });
      expect(Object.keys(report.serviceEngines).sort()).toEqual(
        Object.keys(await world.instance.serviceEngineRoots()).sort(),
      );
      const times = timesToLive(report, edits);
      const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
      console.log(
        `${EDITS} edits: live on both SEs after p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${Math.max(...times).toFixed(1)} ms`,
      );
      expect(p50).toBeLessThanOrEqual(CEILING.p50);
      expect(p99).toBeLessThanOrEqual(CEILING.p99);
      await world.api.patch(path, { replace: { servers: world.servers() } });
    }));

  it('is lossless: 1,000 edits of servers and pool under load, while idle tunnels hold', () =>
    world.instance.watched(async () => {
      const path = `/api/pool/${world.pool.uuid}`;
      await world.api.patch(path, { replace: { servers: world.servers().slice(0, 2) } });
      const tunnels = await spawnClients(
        scope,
        {
          name: 'idle tunnels',
          sort: 'tunnel',
          host: world.vip4,
          port: world.port,
          connections: 1_000,
          rate: 400,
          pingInterval: 0,
          reopen: false,
        },
        world.netns ? { netns: world.netns } : {},
      );
      await tunnels.start();
      await tunnels.until('1,000 tunnels', (p) => p.established === 1_000, 30_000);
      const load = await Load.start(world, {
        keepAlive: { rate: 300, connections: 24 },
        fresh: { rate: 60 },
        streams: false,
      });
      const rss: number[] = [];
      await editHarmlessly(world, 1_000, async (edits) => {
        if (edits % 100 === 0) rss.push(await workerMemory());
      });
      await load.flowing();
      const reports = await load.stop();
      console.log(summaries(reports));
      expectClean(reports);
      for (const o of world.origins.slice(2)) {
        expect((await o.counters()).requests).toBeGreaterThan(100);
      }
      const { established, failed } = await tunnels.progress();
      expect({ established, failed }).toEqual({ established: 1_000, failed: 0 });
      console.log(
        `resident memory of the workers after each 100 edits: ${rss.map((b) => (b / 1e6).toFixed(0)).join(', ')} MB`,
      );
      // The first hundreds warm caches and the JIT; from then on 1,000 tunnels must not pin old configurations.
      const late = Math.max(...rss.slice(-3));
      const warm = Math.max(...rss.slice(2, 5));
      expect(late).toBeLessThan(warm * 1.1 + 16e6);
      await tunnels.stop();
    }));
});

/** Resident bytes of all workers of all SEs together. */
async function workerMemory(): Promise<number> {
  let sum = 0;
  for (const name of Object.keys(await world.instance.serviceEngineRoots())) {
    const { workers } = await world.instance.supervisor(name);
    for (const pid of workers) sum += processStat(pid)?.rss ?? 0;
  }
  return sum;
}
