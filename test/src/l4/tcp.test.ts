import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, type Json, Program, Scope } from '@spillway/testing';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

interface Seen {
  server: string;
  text: string;
}

const PORT = 8443;
const LAST_PORT = PORT + 1499;

let scope: Scope;
let world: World;
let program: Program;
const ports = new Map<string, number>();

beforeAll(async () => {
  scope = new Scope('l4');
  world = await World.create(scope, { serviceEngines: 1, workers: 2 });
  program = await Program.start(scope, new URL('./tcp.program.js', import.meta.url), {
    name: 'tcp',
    ...(world.netns && { netns: world.netns }),
  });
  for (const name of ['a', 'b', 'rest'])
    ports.set(name, await program.call('server', { name, host: name === 'b' ? '::1' : '127.0.0.1' }));
});
afterAll(async () => scope?.close());

const pool = (name: string): Promise<Json & { url: string }> =>
  world.api.post('/api/pool', {
    name: `l4-${name}`,
    servers: [
      name === 'b'
        ? { ip: { addr: '::1', type: 'V6' }, port: ports.get(name) }
        : { ip: { addr: '127.0.0.1', type: 'V4' }, port: ports.get(name) },
    ],
  });

const selectPool = (ref: string): Json => ({
  select_pool: { action_type: 'L4_RULE_ACTION_SELECT_POOL', pool_ref: ref },
});

/** Changes the application profile and waits until it acts, which `acts` finds out. */
async function profile(change: Json, acts: () => Promise<boolean>): Promise<void> {
  const { uuid } = await world.api.find('applicationprofile', 'l4-test');
  await world.api.patch(`/api/applicationprofile/${uuid}`, { replace: change });
  await eventually(async () => (await acts()) || Promise.reject(new Error('not yet')), {
    within: 10_000,
    every: 50,
    what: 'the profile to act',
  });
}

const say = (text: string, host = world.vip4, port = PORT): Promise<string> =>
  program.call('say', { host, port, text });
const seen = (): Promise<Seen[]> => program.call('seen');

/** What the server got of a text that a client sent. */
async function told(text: string, host = world.vip4): Promise<Seen | undefined> {
  await seen();
  await say(text, host);
  return (await seen())[0];
}

describe('a virtual service for TCP, over the API', () => {
  it('passes TLS through by the name of the server, over both families and 1,500 ports', () =>
    world.instance.watched(async () => {
      const { api } = world;
      const [a, b, rest] = await Promise.all(['a', 'b', 'rest'].map(pool));
      const set = await api.post('/api/l4policyset', {
        name: 'names',
        l4_connection_policy: {
          rules: [
            {
              name: 'a',
              index: 1,
              match: { server_name: { match_criteria: 'EQUALS', match_str: ['A.example'] } },
              action: selectPool(a!.url),
            },
            {
              name: 'b',
              index: 2,
              match: { server_name: { match_criteria: 'ENDS_WITH', match_str: ['.b.example'] } },
              action: selectPool(b!.url),
            },
          ],
        },
      });
      const app = await api.post('/api/applicationprofile', {
        name: 'l4-test',
        type: 'APPLICATION_PROFILE_TYPE_L4',
      });
      world.vs = await api.post('/api/virtualservice', {
        name: 'l4',
        services: [{ port: PORT, port_range_end: LAST_PORT }],
        application_profile_ref: app.url,
        network_profile_ref: 'System-TCP-Proxy',
        pool_ref: rest!.url,
        vsvip_ref: world.vsvip.url,
        l4_policies: [{ index: 1, l4_policy_set_ref: set.url }],
      });
      await world.placedOn(1);
      for (const host of world.hosts)
        for (const port of [PORT, LAST_PORT])
          for (const [name, server] of [
            ['a.example', 'a'],
            ['x.b.example', 'b'],
            ['c.example', 'rest'],
          ]) {
            await seen();
            await program.call('hello', { host, port, name });
            const [got] = await seen();
            expect(got?.server).toBe(server);
            // The first record of a handshake, with the name in it, as it was sent.
            expect(got?.text.startsWith('\x16\x03')).toBe(true);
            expect(got?.text).toContain(name);
          }
      expect(await say('no TLS')).toBe('rest');
    }));

  it('tells servers of the client by the PROXY protocol, and takes it from those who may', () =>
    world.instance.watched(async () => {
      await profile({ tcp_app_profile: { proxy_protocol_enabled: true } }, async () =>
        ((await told('x'))?.text ?? '').startsWith('PROXY TCP4 127.'),
      );
      for (const host of world.hosts)
        expect((await told('hello', host))?.text).toMatch(
          host.includes(':')
            ? new RegExp(`^PROXY TCP6 [0-9a-f:]+ [0-9a-f:]+ \\d+ ${PORT}\r\nhello$`)
            : new RegExp(
                `^PROXY TCP4 127\\.0\\.0\\.1 ${world.vip4.replaceAll('.', '\\.')} \\d+ ${PORT}\r\nhello$`,
              ),
        );
      const header = 'PROXY TCP4 203.0.113.7 203.0.113.1 4711 443\r\n';
      await profile(
        { accept_proxy_protocol: true },
        async () => (await told(`${header}y`))?.text === `${header}y`,
      );
      expect(await say('no header at all\r\n')).toBe('reset');
      const group = await world.api.post('/api/ipaddrgroup', {
        name: 'elsewhere',
        addrs: [{ addr: '10.1.2.3', type: 'V4' }],
      });
      await profile(
        { proxy_protocol_group_ref: group.url },
        async () => (await told(`${header}z`))?.text.startsWith('PROXY TCP4 127.0.0.1 ') === true,
      );
      expect((await told(`${header}z`))?.text.endsWith(`\r\n${header}z`)).toBe(true);
    }));
});
