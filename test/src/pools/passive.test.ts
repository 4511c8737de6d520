import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, Scope } from '@spillway/testing';
import { countsOf } from '../support/counts.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
const REQUESTS = 450;

beforeAll(async () => {
  scope = new Scope('passive');
  world = await World.create(scope, {
    serviceEngines: 2,
    workers: 2,
    monitored: false,
    pool: { lb_algorithm: 'LB_ALGORITHM_LEAST_CONNECTIONS' },
  });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

const edit = async (replace: object): Promise<void> => {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace });
};

interface Throttled {
  se_name: string;
  share: number;
  error_ratio: number;
  throttled_since: { secs: number };
  reason: string;
}

/** What each SE holds back, server by server. */
async function throttled(): Promise<Throttled[][]> {
  const { results } = await world.api.get<{ results: { passive_monitor: Throttled[] }[] }>(
    `/api/pool/${world.pool.uuid}/runtime/server/detail`,
  );
  return results.map((s) => s.passive_monitor);
}

/** Sends requests until the counts of one round are as they should be; none of them may fail. */
const counts = (what: string, holds: (counts: number[]) => boolean): Promise<unknown> =>
  eventually(
    async () => {
      const found = await countsOf(world, REQUESTS);
      return holds(found) || Promise.reject(new Error(`counts are ${found.join(', ')}`));
    },
    { within: 40_000, every: 10, what },
  );

const isEven = (found: number[]): boolean => found.every((n) => Math.abs(n - REQUESTS / 3) < 0.12 * REQUESTS);
/** Nearer than what a single round is held to, so that whoever still comes back does not count as even. */
const isCalm = (found: number[]): boolean => found.every((n) => Math.abs(n - REQUESTS / 3) < 0.04 * REQUESTS);
const even = (): Promise<unknown> => counts('all servers to get the same', isCalm);
/** Of three servers the first is left a ninth of its share: one request of nineteen. */
const heldBack = ([first, second, third]: number[]): boolean =>
  first! < 0.09 * REQUESTS && Math.abs(second! - third!) < 0.15 * REQUESTS;

const heldBackFirst = ([first]: number[]): boolean => first! < 0.09 * REQUESTS;

const status = async (...codes: number[]): Promise<void> => {
  await Promise.all(codes.map((code, i) => world.origins[i]!.set({ status: code })));
};

const everywhere = (what: string, holds: (found: Throttled[][]) => boolean): Promise<unknown> =>
  eventually(
    async () => holds(await throttled()) || Promise.reject(new Error(JSON.stringify(await throttled()))),
    {
      within: 20_000,
      every: 100,
      what,
    },
  );

// What one case leaves behind must not be another one's failure.
afterEach(async () => {
  for (const origin of world.origins) {
    await origin.comeBack();
    await origin.set({ status: 200, delay: 0 });
  }
});

describe('the passive monitor', () => {
  it('holds a server back that answers 404 at once, for all workers of all SEs, and says so', () =>
    world.instance.watched(async () => {
      await even();
      await status(404, 200, 200);
      await counts('the first to get next to nothing', heldBack);
      // What an SE tells is a second old, and it judges by the requests that have come.
      await eventually(
        async () => {
          await countsOf(world, 60);
          const [told] = await throttled();
          const settled = told!.length === 2 && told!.every((t) => t.share < 0.2 && t.error_ratio > 0.9);
          return settled || Promise.reject(new Error(JSON.stringify(told)));
        },
        { within: 20_000, every: 100, what: 'both SEs to tell' },
      );
      const [first, ...rest] = await throttled();
      expect(rest).toEqual([[], []]);
      for (const t of first!) {
        expect(t.share).toBeLessThan(0.2);
        expect(t.error_ratio).toBeGreaterThan(0.9);
        expect(t.throttled_since.secs).toBeGreaterThan(Date.now() / 1000 - 120);
        expect(t.reason).toContain('more than of its peers');
      }
      expect(new Set(first!.map((t) => t.se_name)).size).toBe(2);
      const runtime = await world.api.get(`/api/pool/${world.pool.uuid}/runtime`);
      expect(runtime).toMatchObject({ num_servers_up: 3, num_servers_throttled: 1 });
    }));

  it('holds it back still after a change of the pool, with new workers and new agents', () =>
    world.instance.watched(async () => {
      await edit({ description: 'edited' });
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
      expect(heldBack(await countsOf(world, REQUESTS))).toBe(true);
    }));

  it('gives it all back when it answers well again', () =>
    world.instance.watched(async () => {
      await status(200, 200, 200);
      await even();
      await everywhere('nobody to be held back', (found) => found.every((s) => s.length === 0));
    }));

  it('blames nobody for what all servers answer', () =>
    world.instance.watched(async () => {
      await status(404, 404, 404);
      for (let i = 0; i < 3; i++) expect(isEven(await countsOf(world, REQUESTS))).toBe(true);
      expect((await throttled()).every((s) => s.length === 0)).toBe(true);
      await status(200, 200, 200);
    }));

  it('rescues least connections from a server that refuses at once, and loses no request', () =>
    world.instance.watched(async () => {
      const [first] = world.origins;
      await even();
      await first!.goAway();
      await counts('the others to get all', ([refuses]) => refuses === 0);
      await everywhere(
        'both SEs to hold it back',
        ([s]) => s!.length === 2 && s!.every((t) => t.share < 0.2),
      );
      await first!.comeBack();
      await even();
    }));

  it('rescues fastest response from a server that answers 404 at once', () =>
    world.instance.watched(async () => {
      await edit({ lb_algorithm: 'LB_ALGORITHM_FASTEST_RESPONSE' });
      // The others take their time, so that the bad one looks good.
      await Promise.all(
        world.origins.map((o, i) => o.set({ delay: i === 0 ? 0 : 5, status: i === 0 ? 404 : 200 })),
      );
      await counts('the first to get next to nothing', heldBackFirst);
      await Promise.all(world.origins.map((o) => o.set({ delay: 0, status: 200 })));
      await edit({ lb_algorithm: 'LB_ALGORITHM_LEAST_CONNECTIONS' });
      await even();
    }));

  it('takes for errors what the analytics profile does', () =>
    world.instance.watched(async () => {
      const profile = await world.api.post('/api/analyticsprofile', {
        name: 'lenient',
        exclude_http_error_codes: [404],
        resp_code_block: ['AP_HTTP_RSP_5XX'],
      });
      await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
        replace: { analytics_profile_ref: profile.url },
      });
      await status(404, 200, 503);
      for (let i = 0; i < 3; i++) expect(isEven(await countsOf(world, REQUESTS))).toBe(true);
      await status(410, 200, 503);
      await counts('the one that answers another code to get next to nothing', heldBackFirst);
      await status(200, 200, 200);
      await even();
    }));

  it('watches connections of layer 4: a server that resets them before it says anything', () =>
    world.instance.watched(async () => {
      const { api } = world;
      const pool = await api.post('/api/pool', {
        name: 'l4',
        lb_algorithm: 'LB_ALGORITHM_LEAST_CONNECTIONS',
        connection_ramp_duration: 0,
        servers: world.servers(),
      });
      const profile = await api.find('applicationprofile', 'System-L4-Application');
      const port = world.port + 1;
      await api.post('/api/virtualservice', {
        name: 'l4',
        services: [{ port }],
        pool_ref: pool.url,
        vsvip_ref: world.vsvip.url,
        application_profile_ref: profile.url,
      });
      const roots = await world.instance.serviceEngineRoots();
      const failed = async (): Promise<number> =>
        (await world.probe.spread({ host: world.vip4, port, connections: REQUESTS, batch: 50, roots }))
          .failures.length;
      await eventually(async () => (await failed()) === 0, {
        within: 20_000,
        every: 50,
        what: 'answers at layer 4',
      });
      await world.origins[0]!.set({ respond: 'reset' });
      await eventually(
        async () => {
          const n = await failed();
          return n < 0.09 * REQUESTS || Promise.reject(new Error(`${n} of ${REQUESTS} were reset`));
        },
        { within: 40_000, every: 10, what: 'few connections to be reset' },
      );
      await world.origins[0]!.set({ respond: 'normal' });
      await eventually(async () => (await failed()) === 0, {
        within: 20_000,
        every: 50,
        what: 'answers at layer 4',
      });
    }));

  it('watches no pool that asks for none, and holds no server back that is alone', () =>
    world.instance.watched(async () => {
      await status(410, 200, 200);
      await counts('the first to get next to nothing', heldBackFirst);
      await edit({ inline_health_monitor: false });
      await even();
      await edit({ inline_health_monitor: true, servers: world.servers().slice(0, 1) });
      await counts('the only server to get all', ([first]) => first === REQUESTS);
      await everywhere('nobody to be held back', (found) => found.flat().length === 0);
    }));
});
