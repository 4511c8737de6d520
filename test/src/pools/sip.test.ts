import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Program, Scope } from '@spillway/testing';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

const PORT = 5060;
const CALLS = Array.from({ length: 30 }, (_, i) => `call-${i}@example.com`);

let scope: Scope;
let world: World;
let program: Program;
let poolUuid: string;
const servers: { ip: object; port: number }[] = [];

beforeAll(async () => {
  scope = new Scope('sip');
  world = await World.create(scope, { serviceEngines: 2, workers: 2 });
  program = await Program.start(scope, new URL('./sip.program.js', import.meta.url), {
    name: 'sip',
    ...(world.netns && { netns: world.netns }),
  });
  for (const name of ['a', 'b', 'c'])
    servers.push({ ip: { addr: '127.0.0.1', type: 'V4' }, port: await program.call('server', { name }) });
  await world.instance.watched(configure);
});
afterAll(async () => scope?.close());

/** SIP over TCP and UDP on one port, on two SEs. */
async function configure(): Promise<void> {
  const { api } = world;
  const pool = await api.post('/api/pool', {
    name: 'sip-pool',
    lb_algorithm: 'LB_ALGORITHM_CONSISTENT_HASH',
    lb_algorithm_hash: 'LB_ALGORITHM_CONSISTENT_HASH_CALLID',
    connection_ramp_duration: 0,
    servers: servers.slice(0, 2),
  });
  poolUuid = pool['uuid'];
  const profile = await api.post('/api/applicationprofile', {
    name: 'sip',
    type: 'APPLICATION_PROFILE_TYPE_SIP',
    sip_service_profile: { transaction_timeout: 32 },
  });
  world.vs = await api.post('/api/virtualservice', {
    name: 'sip',
    services: [{ port: PORT }, { port: PORT, override_network_profile_ref: 'System-UDP-Fast-Path' }],
    application_profile_ref: profile.url,
    network_profile_ref: 'System-TCP-Proxy',
    pool_ref: pool.url,
    vsvip_ref: world.vsvip.url,
  });
  await world.placedOn(1);
  await world.act('scaleout');
  await world.placedOn(2);
}

let clients = 0;
async function client(kind: 'tcp' | 'udp'): Promise<string> {
  const name = `client-${clients++}`;
  await program.call('client', { name, kind, host: world.vip4, port: PORT });
  return name;
}

const ask = (name: string, calls = CALLS): Promise<string[]> => program.call('ask', { name, calls });
const counts = (): Promise<Record<string, number>> => program.call('counts');

describe('a virtual service for SIP, over the API', () => {
  it.each(['tcp', 'udp'] as const)('sends each call to its server over %s, on every SE and worker', (kind) =>
    world.instance.watched(async () => {
      const names = await Promise.all(Array.from({ length: 8 }, () => client(kind)));
      const before = await counts();
      const answers = await Promise.all(names.map((name) => ask(name)));
      for (const other of answers) expect(other).toEqual(answers[0]);
      expect(new Set(answers[0])).toEqual(new Set(['a', 'b']));
      const after = await counts();
      for (const name of ['a', 'b'])
        expect(after[name]! - before[name]!).toBe(8 * answers[0]!.filter((s) => s === name).length);
    }),
  );

  it('keeps calls that are known at their server when another one joins', () =>
    world.instance.watched(async () => {
      const [tcp, udp] = [await client('tcp'), await client('udp')];
      const known = await ask(tcp);
      expect(await ask(udp)).toEqual(known);
      await world.api.patch(`/api/pool/${poolUuid}`, { replace: { servers } });
      // New clients see the new server once it has been taken in.
      let fresh: string[] = [];
      while (!fresh.includes('c')) fresh = await ask(await client('udp'));
      expect([await ask(tcp), await ask(udp)]).toEqual([known, known]);
      fresh.forEach((server, i) => expect([known[i], 'c']).toContain(server));
    }));
});
