import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Json, run, Scope } from '@spillway/testing';
import { curl } from '../profile/curl.js';
import { live } from '../support/live.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

const REQUESTS = 60;

let scope: Scope;
let world: World;

beforeAll(async () => {
  scope = new Scope('reselect');
  // Without a monitor servers stay up, whatever they answer: what helps then is to ask another one.
  world = await World.create(scope, {
    serviceEngines: 2,
    workers: 2,
    monitored: false,
    pool: { inline_health_monitor: false },
  });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

beforeEach(async () => {
  for (const o of world.origins) {
    await o.comeBack();
    await o.set({ status: 200, respond: 'normal' });
  }
});

interface Answers {
  /** How many requests got each status. */
  statuses: Record<string, number>;
  /** Requests that each origin got. */
  counts: number[];
}

/** Sends requests, each on a connection of its own, so that all workers of both SEs get some. */
async function ask(...args: string[]): Promise<Answers> {
  const seen = () => Promise.all(world.origins.map(async (o) => (await o.counters()).requests));
  const before = await seen();
  const each = ['-o', '/dev/null', '-H', 'Connection: close', ...args];
  const target = `http://${world.vip4}:${world.port}/?[1-${REQUESTS}]`;
  const { stdout } = await run(
    'curl',
    ['-sS', '--max-time', '20', '-w', '%{http_code}\n', ...each, target],
    world.netns ? { netns: world.netns } : {},
  );
  const statuses: Record<string, number> = {};
  for (const status of stdout.trim().split('\n')) statuses[status] = (statuses[status] ?? 0) + 1;
  return { statuses, counts: (await seen()).map((n, i) => n - before[i]!) };
}

async function reselect(server_reselect: Json): Promise<void> {
  await live(world, () => world.api.patch(`/api/pool/${world.pool.uuid}`, { replace: { server_reselect } }));
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
const FIVES = { resp_code_block: ['HTTP_RSP_5XX'] };

describe('server reselect', () => {
  it('is off by default: clients get what the server said', () =>
    world.instance.watched(async () => {
      await world.origins[0]!.set({ status: 503 });
      const { statuses, counts } = await ask();
      expect(sum(counts)).toBe(REQUESTS);
      expect(counts[0]).toBeGreaterThan(10);
      expect(statuses).toEqual({ 200: REQUESTS - counts[0]!, 503: counts[0] });
    }));

  it('sends what a server answers with a listed code to another one, once to each', () =>
    world.instance.watched(async () => {
      await reselect({ enabled: true, svr_resp_code: FIVES });
      const [first, second, third] = world.origins;
      await first!.set({ status: 503 });
      let seen = await ask();
      expect(seen.statuses).toEqual({ 200: REQUESTS });
      expect(seen.counts[0]).toBeGreaterThan(0);
      expect(seen.counts[1]! + seen.counts[2]!).toBe(REQUESTS);
      await second!.set({ status: 500 });
      seen = await ask();
      expect([seen.statuses, seen.counts[2]]).toEqual([{ 200: REQUESTS }, REQUESTS]);
      expect(Math.max(seen.counts[0]!, seen.counts[1]!)).toBeLessThanOrEqual(REQUESTS);
      await third!.set({ status: 502 });
      seen = await ask();
      expect(seen.counts).toEqual([REQUESTS, REQUESTS, REQUESTS]);
      expect(sum(Object.values(seen.statuses))).toBe(REQUESTS);
      expect(Object.keys(seen.statuses).every((s) => ['500', '502', '503'].includes(s))).toBe(true);
    }));

  it('asks no more servers than num_retries allows, and passes other codes on', () =>
    world.instance.watched(async () => {
      await reselect({
        enabled: true,
        num_retries: 1,
        svr_resp_code: { codes: [404], ranges: [{ begin: 500, end: 501 }] },
      });
      for (const o of world.origins) await o.set({ status: 404 });
      let seen = await ask();
      expect([seen.statuses, sum(seen.counts)]).toEqual([{ 404: REQUESTS }, 2 * REQUESTS]);
      for (const o of world.origins) await o.set({ status: 502 });
      seen = await ask();
      expect([seen.statuses, sum(seen.counts)]).toEqual([{ 502: REQUESTS }, REQUESTS]);
    }));

  it('repeats what is not idempotent only when told to', () =>
    world.instance.watched(async () => {
      await reselect({ enabled: true, svr_resp_code: FIVES });
      await world.origins[0]!.set({ status: 503 });
      const { statuses, counts } = await ask('--data', 'body');
      expect(sum(counts)).toBe(REQUESTS);
      expect(statuses).toEqual({ 200: REQUESTS - counts[0]!, 503: counts[0] });
      await reselect({ enabled: true, retry_nonidempotent: true, svr_resp_code: FIVES });
      expect((await ask('--data', 'body')).statuses).toEqual({ 200: REQUESTS });
    }));

  it('leaves servers that are not there and servers that say nothing', () =>
    world.instance.watched(async () => {
      await reselect({ enabled: true, retry_timeout: 300 });
      const [first, second] = world.origins;
      await first!.goAway('reset');
      expect((await ask('--data', 'body')).statuses).toEqual({ 200: REQUESTS });
      await first!.comeBack();
      await second!.set({ respond: 'hang' });
      const target = `http://${world.vip4}:${world.port}/?[1-30]`;
      const began = performance.now();
      const { stdout } = await run(
        'curl',
        ['-sS', '--parallel', '--max-time', '20', '-w', '%{http_code}\n', '-o', '/dev/null', target],
        world.netns ? { netns: world.netns } : {},
      );
      expect(stdout.trim().split('\n')).toEqual(Array.from({ length: 30 }, () => '200'));
      expect(performance.now() - began).toBeLessThan(15_000);
    }));

  it('counts what servers got again, and is refused where it makes no sense', () =>
    world.instance.watched(async () => {
      const [name = ''] = Object.keys(await world.instance.serviceEngineRoots());
      const { metrics } = await world.instance.supervisor(name);
      const told = (await curl(world, metrics ?? '')).body;
      expect(told).toMatch(/spillway_server_retries_total\{[^}]*\} [1-9]/);
      const { status, text } = await world.api.send('PATCH', `/api/pool/${world.pool.uuid}`, {
        replace: {
          server_reselect: { enabled: true, svr_resp_code: { ranges: [{ begin: 200, end: 299 }] } },
        },
      });
      expect([status, text]).toEqual([
        400,
        expect.stringMatching(
          /server_reselect.svr_resp_code.ranges\[0\] failed : 200 to 299 are not all codes of errors/,
        ),
      ]);
    }));
});
