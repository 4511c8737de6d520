import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ConfigObject, eventually, type Json, run, Scope } from '@spillway/testing';
import { live } from '../support/live.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

const REQUESTS = 80;

let scope: Scope;
let world: World;
let blue: ConfigObject;
let green: ConfigObject;
let group: ConfigObject;

const pathOf = ({ url }: ConfigObject): string => new URL(url).pathname;

const rule = (index: number, path: string, switching_action: Json): Json => ({
  name: path,
  index,
  enable: true,
  match: { path: { match_criteria: 'REGEX_MATCH', match_str: [`^/${path}(/|$)`] } },
  switching_action,
});

beforeAll(async () => {
  scope = new Scope('pool-groups');
  world = await World.create(scope, { serviceEngines: 2, workers: 2, origins: ['plain', 'blue', 'green'] });
  await world.instance.watched(async () => {
    const { api } = world;
    const monitor = await api.find('healthmonitor', 'hm');
    await api.patch(pathOf(monitor), { replace: { failed_checks: 1, successful_checks: 1 } });
    const [first, second, third] = world.servers();
    await api.patch(pathOf(world.pool), { replace: { servers: [first] } });
    const pool = (name: string, server: Json | undefined): Promise<ConfigObject> =>
      api.post('/api/pool', { name, servers: [server], health_monitor_refs: [monitor.url] });
    blue = await pool('blue', second);
    green = await pool('green', third);
    group = await api.post('/api/poolgroup', { name: 'colours', ...members([3, '1'], [1, '1']) });
    const set = await api.post('/api/httppolicyset', {
      name: 'switch',
      http_request_policy: {
        rules: [
          rule(1, 'green', { action: 'HTTP_SWITCHING_SELECT_POOL', pool_ref: green.url }),
          rule(2, 'group', { action: 'HTTP_SWITCHING_SELECT_POOLGROUP', pool_group_ref: group.url }),
        ],
      },
    });
    await api.patch(pathOf(world.vs), {
      replace: { http_policies: [{ index: 1, http_policy_set_ref: set.url }] },
    });
    await world.act('scaleout');
    await world.placedOn(2);
    await answers('/group', ['blue', 'green']);
  });
});
afterAll(async () => scope?.close());

/** Ratio and priority label of the blue and the green pool. */
const members = (...of: [ratio: number, label: string][]): Json => ({
  members: [blue, green].map(({ url }, i) => ({
    pool_ref: url,
    ratio: of[i]![0],
    priority_label: of[i]![1],
  })),
});

const edit = (object: ConfigObject, replace: Json): Promise<void> =>
  live(world, () => world.api.patch(pathOf(object), { replace }));

/** How many of so many requests, each on a connection of its own, got which answer. */
async function ask(target: string): Promise<Record<string, number>> {
  const { stdout } = await run(
    'curl',
    [
      '-s',
      '--max-time',
      '20',
      '-H',
      'Connection: close',
      `http://${world.vip4}:${world.port}${target}?[1-${REQUESTS}]`,
    ],
    world.netns ? { netns: world.netns } : {},
  );
  const counts: Record<string, number> = {};
  for (const line of stdout.trim().split('\n')) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}

/** Waits until these, and no others, answer. */
const answers = (target: string, names: readonly string[]): Promise<unknown> =>
  eventually(
    async () => {
      const got = Object.keys(await ask(target)).sort();
      return got.join() === names.join() || Promise.reject(new Error(got.join()));
    },
    { within: 15_000, every: 20, what: `${names.join(' and ')} to answer ${target}` },
  );

interface Runtime {
  oper_status: { state: string; reason_code_string?: string; reason?: string[] };
  current_primary_pool?: string;
  deactivated_pools?: { pool_ref: string }[];
}
const runtimeOf = (object: ConfigObject): Promise<Runtime> => world.api.get(`${pathOf(object)}/runtime`);
const stateOf = async (object: ConfigObject): Promise<string> => {
  const { oper_status: s } = await runtimeOf(object);
  return `${s.state} ${s.reason_code_string ?? ''}`.trim();
};
const becomes = (object: ConfigObject, state: string): Promise<unknown> =>
  eventually(
    async () => (await stateOf(object)) === state || Promise.reject(new Error(await stateOf(object))),
    {
      within: 15_000,
      every: 50,
      what: `${object.name} to be ${state}`,
    },
  );
const health = (origin: number, now: 'ok' | 'fail'): Promise<void> =>
  world.origins[origin]!.set({ health: now });

describe('content switching', () => {
  it('sends requests to pools and groups by their path, by the ratios of the group', () =>
    world.instance.watched(async () => {
      expect(await ask('/')).toEqual({ plain: REQUESTS });
      expect(await ask('/green/x')).toEqual({ green: REQUESTS });
      // Four workers take turns each for themselves, and begin at different ones.
      const { blue: three = 0, green: one = 0 } = await ask('/group');
      expect(three + one).toBe(REQUESTS);
      expect(Math.abs(one - REQUESTS / 4)).toBeLessThanOrEqual(4);
      await edit(group, members([3, '1'], [0, '1']));
      expect(await ask('/group')).toEqual({ blue: REQUESTS });
    }));

  it('takes the highest priority that can serve, and more until there are servers enough', () =>
    world.instance.watched(async () => {
      await edit(group, members([1, '10'], [1, '20']));
      expect(await ask('/group')).toEqual({ green: REQUESTS });
      await health(2, 'fail');
      await answers('/group', ['blue']);
      await health(2, 'ok');
      await answers('/group', ['green']);
      await edit(group, { min_servers: 2 });
      expect(Object.keys(await ask('/group')).sort()).toEqual(['blue', 'green']);
      await edit(group, { min_servers: 0 });
    }));

  it('takes the fail action of the group when none of its pools can serve', () =>
    world.instance.watched(async () => {
      const file = { content_type: 'text/plain', file_content: 'no colour\n' };
      await edit(group, { fail_action: { type: 'FAIL_ACTION_HTTP_LOCAL_RSP', local_rsp: { file } } });
      await Promise.all([health(1, 'fail'), health(2, 'fail')]);
      await answers('/group', ['no colour']);
      await becomes(group, 'OPER_DOWN POOL_DOWN');
      expect(await ask('/')).toEqual({ plain: REQUESTS });
    }));

  it('makes a virtual service up with as many pools as it asks for, or with a policy that redirects', () =>
    world.instance.watched(async () => {
      await becomes(world.vs, 'OPER_UP POOLS_DOWN');
      await world.api.patch(pathOf(world.vs), { replace: { min_pools_up: 2 } });
      await becomes(world.vs, 'OPER_DOWN NOT_ENOUGH_POOLS_UP');
      expect((await runtimeOf(world.vs)).oper_status.reason?.[0]).toBe('1 of 3 pools up, 2 needed');
      expect(await ask('/')).toEqual({ plain: REQUESTS });
      const set = await world.api.post('/api/httppolicyset', {
        name: 'redirects',
        http_request_policy: {
          rules: [
            {
              name: 'old',
              index: 1,
              enable: true,
              match: { path: { match_criteria: 'EQUALS', match_str: ['/old'] } },
              redirect_action: { protocol: 'HTTP', status_code: 'HTTP_REDIRECT_STATUS_CODE_302' },
            },
          ],
        },
      });
      const { http_policies: before } = await world.api.get<{ http_policies: Json[] }>(pathOf(world.vs));
      await edit(world.vs, { http_policies: [...before, { index: 2, http_policy_set_ref: set.url }] });
      await becomes(world.vs, 'OPER_UP REDIRECTS_ONLY');
      await edit(world.vs, { http_policies: before, min_pools_up: 1 });
      await Promise.all([health(1, 'ok'), health(2, 'ok')]);
      await answers('/group', ['green']);
      await becomes(world.vs, 'OPER_UP');
    }));
});

describe('deactivate_primary_pool_on_down', () => {
  it('leaves a primary pool out once it went down, on every service engine, until it is enabled again', () =>
    world.instance.watched(async () => {
      await edit(group, { deactivate_primary_pool_on_down: true });
      expect((await runtimeOf(group)).current_primary_pool).toBe('green');
      await health(2, 'fail');
      await answers('/group', ['blue']);
      await becomes(group, 'OPER_UP PRIMARY_POOL_DEACTIVATED');
      await health(2, 'ok');
      await becomes(green, 'OPER_UP');
      await answers('/green', ['green']);
      expect(await ask('/group')).toEqual({ blue: REQUESTS });
      const { current_primary_pool, deactivated_pools } = await runtimeOf(group);
      expect([current_primary_pool, deactivated_pools?.map((d) => d.pool_ref.split('#')[1])]).toEqual([
        'blue',
        ['green'],
      ]);
      // One that joins later knows it too, and so does one that is started again.
      await world.act('scalein');
      await world.act('scaleout');
      await world.placedOn(2);
      expect(await ask('/group')).toEqual({ blue: REQUESTS });
      await world.api.post(`${pathOf(group)}/enable_primary_pool/clear`, { pool_uuid: green.uuid });
      await answers('/group', ['green']);
      await becomes(group, 'OPER_UP');
      const { results } = await world.api.get<{ results: { event_id: string }[] }>(
        `/api/analytics/logs?type=2&filter=eq(obj_uuid,${green.uuid})&page_size=50`,
      );
      const ids = new Set(results.map((e) => e.event_id));
      expect(['POOL_UP', 'POOL_DOWN', 'POOL_DEACTIVATED'].filter((id) => !ids.has(id))).toEqual([]);
    }));
});
