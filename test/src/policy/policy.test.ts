import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ConfigObject, eventually, Scope } from '@spillway/testing';
import { curl, type CurlResponse } from '../profile/curl.js';
import { expectClean, Load } from '../support/load.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

type Json = Record<string, unknown>;

let scope: Scope;
let world: World;
let set: ConfigObject;
let moved: ConfigObject;
let office: ConfigObject;
let green: ConfigObject;
let group: ConfigObject;

const rule = (index: number, parts: Json): Json => ({ name: `rule ${index}`, index, enable: true, ...parts });
const path = (match_criteria: string, ...match_str: string[]): Json => ({
  path: { match_criteria, match_str },
});
const pathOf = ({ url }: ConfigObject): string => new URL(url).pathname;
const ask = (target: string, ...args: string[]): Promise<CurlResponse> =>
  curl(world, `http://${world.vip4}:${world.port}${target}`, '--path-as-is', ...args);
const status = async (target: string, ...args: string[]): Promise<number> =>
  (await ask(target, ...args)).status;

/** Gives the policy set these policies and waits until `seen` shows them in traffic. */
async function policies(spec: Json, seen: () => Promise<boolean>): Promise<void> {
  const none = { http_security_policy: {}, http_request_policy: {}, http_response_policy: {} };
  await world.api.patch(pathOf(set), { replace: { ...none, ...spec } });
  await live(seen, JSON.stringify(spec));
}

const live = (seen: () => Promise<boolean>, what: string): Promise<unknown> =>
  eventually(seen, { within: 10_000, every: 20, what: `${what} to be live` });

beforeAll(async () => {
  scope = new Scope('policy');
  world = await World.create(scope, { serviceEngines: 1, origins: ['blue', 'green'] });
  await world.instance.watched(async () => {
    const { api } = world;
    const [blueServer, greenServer] = world.servers();
    await api.patch(`/api/pool/${world.pool.uuid}`, { replace: { servers: [blueServer] } });
    green = await api.post('/api/pool', { name: 'green', servers: [greenServer] });
    group = await api.post('/api/poolgroup', {
      name: 'colours',
      members: [{ pool_ref: green.url, priority_label: '10' }],
    });
    moved = await api.post('/api/stringgroup', {
      name: 'moved',
      type: 'SG_TYPE_KEYVAL',
      kv: [{ key: '/old', value: '/new' }],
    });
    office = await api.post('/api/ipaddrgroup', {
      name: 'office',
      addrs: [{ addr: '198.51.100.7', type: 'V4' }],
    });
    set = await api.post('/api/httppolicyset', { name: 'policies' });
    await api.patch(`/api/virtualservice/${world.vs.uuid}`, {
      replace: { http_policies: [{ index: 1, http_policy_set_ref: set.url }] },
    });
  });
});
afterAll(async () => scope?.close());

const refused = async (spec: Json): Promise<{ status: number; text: string }> => {
  const { status: code, text } = await world.api.send('PATCH', pathOf(set), { replace: spec });
  return { status: code, text };
};
const request = (parts: Json): Json => ({ http_request_policy: { rules: [rule(1, parts)] } });

describe('policies, from the API to traffic', () => {
  it('keep out what a rule of security stops, however it is spelled', () =>
    world.instance.watched(async () => {
      const denied = {
        action: 'HTTP_SECURITY_ACTION_SEND_RESPONSE',
        status_code: 'HTTP_LOCAL_RESPONSE_STATUS_CODE_403',
      };
      await policies(
        {
          http_security_policy: {
            rules: [rule(1, { match: path('BEGINS_WITH', '/admin'), action: denied })],
          },
        },
        async () => (await status('/admin')) === 403,
      );
      for (const target of ['//ADMIN/x', '/%61dmin', '/%2fadmin'])
        expect([target, await status(target)]).toEqual([target, 403]);
      for (const target of ['/x/../admin', '/x/%2e%2e/admin'])
        expect([target, await status(target)]).toEqual([target, 400]);
      expect(await status('/other')).toBe(200);
      const [name = ''] = Object.keys(await world.instance.serviceEngineRoots());
      const { metrics } = await world.instance.supervisor(name);
      const counted = async (): Promise<boolean> =>
        /policy_rule_hits_total\{[^}]*phase="security",index="1",rule="rule 1"\} [1-9]/.test(
          (await curl(world, metrics ?? '')).body,
        );
      await live(counted, 'the hits of the rule');
    }));

  it('follow an edit of a group that they refer to', () =>
    world.instance.watched(async () => {
      const redirect = {
        protocol: 'HTTP',
        status_code: 'HTTP_REDIRECT_STATUS_CODE_301',
        path: { type: 'URI_PARAM_TYPE_TOKENIZED', tokens: [{ type: 'URI_TOKEN_TYPE_STRING_GROUP' }] },
      };
      const close = { action: 'HTTP_SECURITY_ACTION_CLOSE_CONN' };
      const fromOffice = { client_ip: { match_criteria: 'IS_IN', group_refs: [office.url] } };
      const toMoved = { path: { match_criteria: 'BEGINS_WITH', string_group_refs: [moved.url] } };
      await policies(
        {
          http_security_policy: { rules: [rule(1, { match: fromOffice, action: close })] },
          http_request_policy: { rules: [rule(1, { match: toMoved, redirect_action: redirect })] },
        },
        async () => (await status('/old')) === 301,
      );
      expect((await ask('/old/x?y', '-H', 'Host: shop.example')).fields.get('location')).toEqual([
        'http://shop.example/new?y',
      ]);
      await world.api.patch(pathOf(moved), { replace: { kv: [{ key: '/older', value: '/newer' }] } });
      await live(async () => (await status('/old')) === 200, 'the edit of the string group');
      expect(await status('/older')).toBe(301);
      const everybody = { addr: '0.0.0.0', type: 'V4' };
      await world.api.patch(pathOf(office), { replace: { prefixes: [{ ip_addr: everybody, mask: 0 }] } });
      await live(
        () =>
          ask('/').then(
            () => false,
            () => true,
          ),
        'the edit of the address group',
      );
      await world.api.patch(pathOf(office), { delete: { prefixes: [{ ip_addr: everybody, mask: 0 }] } });
      await live(
        () =>
          ask('/').then(
            () => true,
            () => false,
          ),
        'its way back',
      );
    }));

  it('send requests to pools and pool groups, and say what they do to headers', () =>
    world.instance.watched(async () => {
      const pool = { action: 'HTTP_SWITCHING_SELECT_POOL', pool_ref: green.url };
      const poolGroup = { action: 'HTTP_SWITCHING_SELECT_POOLGROUP', pool_group_ref: group.url };
      const header = {
        action: 'HTTP_ADD_HDR',
        hdr: { name: 'X-Client', value: { var: 'HTTP_POLICY_VAR_CLIENT_IP' } },
      };
      await policies(
        {
          http_request_policy: {
            rules: [
              rule(1, { match: path('EQUALS', '/green'), switching_action: pool }),
              rule(2, {
                match: { host_hdr: { match_criteria: 'HDR_EQUALS', value: ['green.example'] } },
                switching_action: poolGroup,
              }),
              rule(3, { hdr_action: [header] }),
            ],
          },
          http_response_policy: {
            rules: [
              rule(1, {
                hdr_action: [
                  { action: 'HTTP_REPLACE_HDR', hdr: { name: 'X-Powered-By', value: { val: 'water' } } },
                ],
              }),
            ],
          },
        },
        async () => (await ask('/green')).body === 'green\n',
      );
      expect((await ask('/')).body).toBe('blue\n');
      expect((await ask('/', '-H', 'Host: GREEN.example:8080')).body).toBe('green\n');
      const echo = await ask('/echo');
      expect(echo.body).toContain('"X-Client","127.');
      expect(echo.fields.get('x-powered-by')).toEqual(['water']);
    }));

  it('hold clients to a rate', () =>
    world.instance.watched(async () => {
      const rate_profile = {
        per_client_ip: true,
        rate_limiter: { count: 3, period: 3600 },
        action: { type: 'RL_ACTION_LOCAL_RSP' },
      };
      const action = { action: 'HTTP_SECURITY_ACTION_RATE_LIMIT', rate_profile };
      await policies(
        { http_security_policy: { rules: [rule(1, { match: path('BEGINS_WITH', '/limited'), action })] } },
        async () => (await status('/limited')) === 429,
      );
      expect(await status('/free')).toBe(200);
    }));

  it('are refused by field when they cannot be meant', () =>
    world.instance.watched(async () => {
      const regex = await refused(request({ match: path('REGEX_MATCH', '(a)\\1') }));
      expect(regex.status).toBe(400);
      expect(regex.text).toContain('http_request_policy.rules[0].match.path.match_str[0]');
      const gone = { action: 'HTTP_SWITCHING_SELECT_POOL', pool_ref: '/api/pool/pool-gone' };
      expect((await refused(request({ switching_action: gone }))).status).toBeGreaterThanOrEqual(400);
    }));

  it('keep what they refer to from being deleted, and name what is without effect', () =>
    world.instance.watched(async () => {
      const pool = { action: 'HTTP_SWITCHING_SELECT_POOL', pool_ref: green.url };
      const reply = await world.api.send('PATCH', pathOf(set), {
        replace: {
          http_request_policy: {
            rules: [
              rule(1, {
                match: { path: { match_criteria: 'EQUALS', string_group_refs: [moved.url] } },
                switching_action: pool,
                log: true,
              }),
            ],
          },
        },
      });
      expect(reply.status).toBe(200);
      expect(reply.headers['x-spillway-unhonoured']).toBe('http_request_policy.rules[].log');
      for (const used of [set, green, moved]) {
        const { status: code, text } = await world.api.send('DELETE', pathOf(used));
        expect([used.name, code]).toEqual([used.name, 403]);
        expect(text).toContain(used === set ? 'vs' : 'policies');
      }
    }));

  it('cost nobody a request while they change', () =>
    world.instance.watched(async () => {
      const load = await Load.start(world, { streams: false });
      for (let n = 0; n < 30; n++)
        await world.api.patch(pathOf(set), {
          replace: {
            http_security_policy: {
              rules: Array.from({ length: 1 + (n % 5) * 20 }, (_, i) =>
                rule(i, {
                  match: path('EQUALS', `/never/${n}/${i}`),
                  action: { action: 'HTTP_SECURITY_ACTION_CLOSE_CONN' },
                }),
              ),
            },
            http_request_policy: {
              rules: [
                rule(1, {
                  hdr_action: [
                    { action: 'HTTP_ADD_HDR', hdr: { name: 'X-Edit', value: { val: String(n) } } },
                  ],
                }),
              ],
            },
          },
        });
      await load.flowing();
      expectClean(await load.stop(), world);
      await live(async () => (await ask('/echo')).body.includes('"X-Edit","29"'), 'the last edit');
    }));

  it('leave a virtual service with what cannot be honoured unserved, and say why', () =>
    world.instance.watched(async () => {
      const geo = { attribute: 'ATTRIBUTE_COUNTRY_CODE', match_operation: 'IS_IN', values: ['NL'] };
      await world.api.patch(pathOf(set), {
        replace: {
          http_security_policy: {
            rules: [
              rule(1, {
                match: { geo_matches: [geo] },
                action: { action: 'HTTP_SECURITY_ACTION_CLOSE_CONN' },
              }),
            ],
          },
        },
      });
      await live(async () => {
        const { runtime } = await world.api.get<{ runtime: Json }>(
          `/api/virtualservice-inventory/${world.vs.uuid}`,
        );
        return JSON.stringify(runtime).includes('geo_matches is not honoured yet');
      }, 'the reason');
      await policies({}, async () => (await status('/').catch(() => 0)) === 200);
    }));

  it('serve a virtual service from a pool group, and fall back when its first pool goes', () =>
    world.instance.watched(async () => {
      await policies({}, async () => (await status('/')) === 200);
      await world.api.patch(pathOf(group), {
        replace: {
          members: [
            { pool_ref: world.pool.url, priority_label: '10' },
            { pool_ref: green.url, priority_label: '1' },
          ],
        },
      });
      const { pool_ref: _, ...vs } = await world.api.get<Json>(pathOf(world.vs));
      await world.api.put(pathOf(world.vs), { ...vs, pool_group_ref: group.url });
      await live(async () => (await ask('/')).body === 'blue\n', 'the group');
      await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace: { enabled: false } });
      await live(async () => (await ask('/')).body === 'green\n', 'the fallback');
      await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace: { enabled: true } });
      await live(async () => (await ask('/')).body === 'blue\n', 'the way back');
    }));
});
