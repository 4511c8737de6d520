import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, run, Scope } from '@spillway/testing';
import { countsOf } from '../support/counts.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
const inNetwork = (): object => (world.netns ? { netns: world.netns } : {});

beforeAll(async () => {
  scope = new Scope('server-counts');
  // Monitors would connect to the origins too.
  world = await World.create(scope, { serviceEngines: 2, workers: 2, monitored: false });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

/** Sums over both SEs of what they tell of each server, in the order of the origins. */
async function told(metric: string): Promise<number[]> {
  const sums = world.origins.map(() => 0);
  for (const name of Object.keys(await world.instance.serviceEngineRoots())) {
    const { metrics = '' } = await world.instance.supervisor(name);
    const { stdout } = await run('curl', ['-sS', '--max-time', '10', metrics], inNetwork());
    for (const line of stdout.split('\n')) {
      const [, labels = '', value] = new RegExp(`^${metric}\\{(.*)\\} (\\S+)$`).exec(line) ?? [];
      const of = world.origins.findIndex((o) => labels.includes(`server="${o.host}:${o.port}"`));
      if (of >= 0) sums[of]! += Number(value);
    }
  }
  return sums;
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
const seen = (): Promise<Awaited<ReturnType<(typeof world.origins)[0]['counters']>>[]> =>
  Promise.all(world.origins.map((o) => o.counters()));

/** Asks for each of `[1-n]` in the target on a connection of its own; the codes of the answers. */
async function ask(target: string): Promise<string[]> {
  const url = `http://${world.vip4}:${world.port}${target}`;
  const args = [
    '-sS',
    '--max-time',
    '20',
    '-H',
    'Connection: close',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}\n',
  ];
  return (await run('curl', [...args, url], inNetwork())).stdout.trim().split('\n');
}

/** Waits until the SEs tell of every request that the servers have seen: what was counted is told once a tick. */
const toldAll = (requests: readonly number[]): Promise<unknown> =>
  eventually(
    async () => {
      const found = await told('spillway_server_requests_total');
      return found.join() === requests.join() || Promise.reject(new Error(found.join()));
    },
    { within: 10_000, every: 50, what: `requests to be ${requests.join()}` },
  );

describe('what is counted of each server, over the workers of two SEs', () => {
  it('is what the servers have seen: requests, errors, connections', () =>
    world.instance.watched(async () => {
      await countsOf(world, 300);
      expect(new Set(await ask('/status/404?[1-60]'))).toEqual(new Set(['404']));
      expect(new Set(await ask('/status/503?[1-40]'))).toEqual(new Set(['503']));
      const origins = await seen();
      expect(sum(origins.map((o) => o.requests))).toBeGreaterThanOrEqual(400);
      await toldAll(origins.map((o) => o.requests));
      expect(await told('spillway_server_connections_total')).toEqual(origins.map((o) => o.connections));
      expect(await told('spillway_server_connections')).toEqual(origins.map((o) => o.openConnections));
      expect(sum(await told('spillway_server_error_responses_total'))).toBe(100);
      expect(sum(await told('spillway_server_errors_total'))).toBe(100);
      expect(sum(await told('spillway_server_failures_total'))).toBe(0);
      expect(await told('spillway_server_first_byte_seconds_count')).toEqual(origins.map((o) => o.requests));
      for (const metric of ['received_bytes_total', 'sent_bytes_total', 'connect_seconds_sum'])
        expect((await told(`spillway_server_${metric}`)).every((n) => n > 0)).toBe(true);
    }));

  it('tells what was never sent from what was, and whose failure it was', () =>
    world.instance.watched(async () => {
      const [before, refused] = [await seen(), await told('spillway_server_failures_total')];
      await world.origins[0]!.goAway();
      await eventually(async () => (await told('spillway_server_connections'))[0] === 0, {
        within: 10_000,
        every: 50,
        what: 'kept connections to the first server to end',
      });
      expect(new Set(await ask('/?[1-60]'))).toEqual(new Set(['200']));
      await world.origins[0]!.comeBack();
      const after = await seen();
      expect(after[0]!.requests).toBe(before[0]!.requests);
      await toldAll(after.map((o) => o.requests));
      const failures = (await told('spillway_server_failures_total')).map((n, i) => n - refused[i]!);
      expect(failures[0]).toBeGreaterThan(0);
      expect(failures.slice(1)).toEqual([0, 0]);
      // What the first one refused the others got, each once.
      expect(sum(await told('spillway_server_retries_total'))).toBe(failures[0]);
      expect(sum(await told('spillway_server_errors_total'))).toBe(100 + failures[0]!);
    }));
});
