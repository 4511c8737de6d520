import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ConfigObject, eventually, run, Scope } from '@spillway/testing';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
let set: ConfigObject;
const KEYS = 60;
const NAMES = ['o1', 'o2', 'o3'];

beforeAll(async () => {
  scope = new Scope('hash-keys');
  world = await World.create(scope, {
    serviceEngines: 2,
    workers: 2,
    pool: { lb_algorithm: 'LB_ALGORITHM_CONSISTENT_HASH' },
  });
  await world.instance.watched(async () => {
    set = await world.api.post('/api/httppolicyset', { name: 'keys' });
    await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
      replace: { http_policies: [{ index: 1, http_policy_set_ref: set.url }] },
    });
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

const by = async (key: string, more: object = {}): Promise<void> => {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, {
    replace: { lb_algorithm_hash: `LB_ALGORITHM_CONSISTENT_HASH_${key}`, ...more },
  });
};

/**
 * Who answers, request by request: `[1-60]` in `target` counts. Each request comes by a connection of its own, so that
 * all workers of both SEs are asked.
 */
async function servers(target: string, ...args: string[]): Promise<string[]> {
  const url = `http://${world.vip4}:${world.port}${target}`;
  const options = ['-sS', '--max-time', '20', '-H', 'Connection: close', ...args, url];
  const { stdout } = await run('curl', options, world.netns ? { netns: world.netns } : {});
  return stdout.trim().split('\n');
}
const all = `[1-${KEYS}]`;
const distinct = (found: readonly string[]): number => new Set(found).size;

/** Asks until two rounds agree: the last change is live in every worker. */
async function settled(target: string, ...args: string[]): Promise<string[]> {
  let found: string[] = [];
  await eventually(
    async () => {
      found = await servers(target, ...args);
      return found.join() === (await servers(target, ...args)).join() && distinct(found) === NAMES.length;
    },
    { within: 20_000, every: 50, what: `requests for ${target} to be told apart` },
  );
  expect(found).toHaveLength(KEYS);
  expect(NAMES).toEqual(expect.arrayContaining([...new Set(found)]));
  return found;
}

/** Requests without the key meet all servers, and not the same ones each time. */
async function isSpread(target: string, ...args: string[]): Promise<void> {
  const found = await servers(target, ...args);
  expect(distinct(found)).toBe(NAMES.length);
  expect(found.join()).not.toBe((await servers(target, ...args)).join());
}

const one = async (value: string): Promise<string> => (await servers('/', '-H', `X-KEY: ${value}`))[0]!;

const policy = async (tokens: object[], match: object = {}): Promise<void> => {
  await world.api.patch(`/api/httppolicyset/${set.uuid}`, {
    replace: {
      http_request_policy: {
        rules: [{ name: 'key', index: 1, enable: true, match, hash_string_action: { tokens } }],
      },
    },
  });
};

describe('consistent hash, over the workers of two SEs', () => {
  it('goes by host and path, and not by the query', () =>
    world.instance.watched(async () => {
      await by('URI');
      const found = await settled(`/${all}`);
      expect(await servers(`/${all}?q=1`)).toEqual(found);
      expect(await servers(`/${all}`, '-H', 'Host: other.example')).not.toEqual(found);
      expect(distinct(await servers(`/same?q=${all}`))).toBe(1);
    }));

  it('goes by a header, and spreads what has none', () =>
    world.instance.watched(async () => {
      await by('CUSTOM_HEADER', { lb_algorithm_consistent_hash_hdr: 'X-Key' });
      await eventually(async () => distinct(await servers(`/${all}`, '-H', 'x-key: one')) === 1, {
        within: 20_000,
        every: 50,
        what: 'one value to meet one server',
      });
      const values = Array.from({ length: 12 }, (_, i) => `value ${i}`);
      const found = await Promise.all(values.map(one));
      expect(distinct(found)).toBe(NAMES.length);
      expect(await Promise.all(values.map(one))).toEqual(found);
      await isSpread(`/${all}`);
      await isSpread(`/${all}`, '-H', 'X-Key;');
    }));

  it('goes by the string that a policy makes, and spreads what lacks a part of it', () =>
    world.instance.watched(async () => {
      await by('CUSTOM_STRING');
      await policy([
        { type: 'URI_TOKEN_TYPE_QUERY', name: 'user' },
        { type: 'URI_TOKEN_TYPE_COOKIE', name: 'shop' },
      ]);
      const cookie = ['-H', 'Cookie: a=b; shop=7'];
      const found = await settled(`/x?user=${all}`, ...cookie);
      expect(await servers(`/y/z?a=b&user=${all}&c`, ...cookie, '-H', 'Host: other.example')).toEqual(found);
      expect(await servers(`/x?user=${all}`, '-H', 'Cookie: shop=8')).not.toEqual(found);
      expect(distinct(await servers(`/${all}?user=one`, ...cookie))).toBe(1);
      await isSpread(`/x?user=one&n=${all}`);
      await isSpread(`/x?n=${all}`, ...cookie);
    }));

  it('takes parts of the path and what a rule has captured, where the rule matches', () =>
    world.instance.watched(async () => {
      await policy([{ type: 'URI_TOKEN_TYPE_REGEX', start_index: 1, end_index: 1 }], {
        path: { match_criteria: 'REGEX_MATCH', match_str: ['^/user/(\\d+)/'] },
      });
      const found = await settled(`/user/${all}/inbox`);
      expect(await servers(`/user/${all}/sent?x`)).toEqual(found);
      await isSpread(`/group/${all}/inbox`);
      await policy([{ type: 'URI_TOKEN_TYPE_PATH', start_index: 1, end_index: 1 }]);
      await eventually(async () => distinct(await servers(`/${all}/one/x`)) === 1, {
        within: 20_000,
        every: 50,
        what: 'the second part of the path to decide',
      });
    }));

  it('moves few keys when a server goes, and none of those that stay', () =>
    world.instance.watched(async () => {
      const before = await settled(`/a/${all}`);
      await world.api.patch(`/api/pool/${world.pool.uuid}`, {
        replace: { servers: world.servers().slice(0, 2) },
      });
      let after: string[] = [];
      await eventually(
        async () => {
          after = await servers(`/a/${all}`);
          return !after.includes('o3');
        },
        { within: 20_000, every: 50, what: 'the third server to be gone' },
      );
      for (const [i, name] of before.entries()) if (name !== 'o3') expect(after[i]).toBe(name);
      await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace: { servers: world.servers() } });
      expect(await settled(`/a/${all}`)).toEqual(before);
    }));

  it('refuses a string that cannot be made, with the reason', () =>
    world.instance.watched(async () => {
      const { status, text } = await world.api.send('PATCH', `/api/httppolicyset/${set.uuid}`, {
        replace: {
          http_request_policy: {
            rules: [
              {
                name: 'key',
                index: 1,
                enable: true,
                hash_string_action: { tokens: [{ type: 'URI_TOKEN_TYPE_COOKIE' }] },
              },
            ],
          },
        },
      });
      expect(status).toBe(400);
      expect(text).toContain('hash_string_action.tokens[0].name');
      expect(text).toContain('Set it to the name of the cookie');
    }));
});
