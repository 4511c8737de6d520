import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, freeLoopback, type Json, Scope, SpawnedDns } from '@spillway/testing';
import { countsOf } from '../support/counts.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
let dns: SpawnedDns;
const DNS = { host: freeLoopback(), port: 5300 };
/** One server at each address, all on one port. */
const ADDRESSES = ['127.61.0.1', '127.61.0.2', '127.61.0.3'];
const PORT = 9300;
const NAME = 'app.example';

beforeAll(async () => {
  scope = new Scope('sources');
  world = await World.create(scope, {
    serviceEngines: 2,
    workers: 2,
    env: { SPILLWAY_DNS_SERVERS: `${DNS.host}:${DNS.port}` },
    origins: ADDRESSES.map((host) => ({ name: host, host, port: PORT })),
    pool: { default_server_port: PORT, graceful_disable_timeout: 1 },
  });
  dns = await SpawnedDns.start(scope, { ...DNS, netns: world.netns });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

const edit = async (replace: object): Promise<void> => {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace });
};
const v4 = (addr: string): Json => ({ addr, type: 'V4' });
const named = { ip: { addr: NAME, type: 'DNS' } };

/** Waits until just these servers get requests, over both SEs. */
const used = (...expected: boolean[]): Promise<unknown> =>
  eventually(
    async () => {
      const counts = await countsOf(world, 90, 90);
      const found = counts.map((n) => n > 0);
      return found.join() === expected.join() || Promise.reject(new Error(`requests: ${counts.join()}`));
    },
    { within: 20_000, every: 50, what: `servers to be used: ${expected.join()}` },
  );

interface Row {
  ip_addr: { addr: string };
  name: string;
  enabled: boolean;
}
async function servers(): Promise<Row[]> {
  const { results } = await world.api.get<{ results: Row[] }>(`/api/pool/${world.pool.uuid}/runtime/server`);
  return results;
}
const addresses = async (): Promise<string[]> => (await servers()).map((s) => s.ip_addr.addr);

describe('servers come from', () => {
  it('ranges of addresses, written into the pool or added from the command line', () =>
    world.instance.watched(async () => {
      await edit({ servers: [{ ip: v4(`${ADDRESSES[0]}-${ADDRESSES[1]}`) }] });
      await used(true, true, false);
      await world.instance.spillway(['server', 'add', 'pool', `${ADDRESSES[2]}-${ADDRESSES[2]}:${PORT}`]);
      await used(true, true, true);
      await world.instance.spillway(['server', 'remove', 'pool', `${ADDRESSES[0]}-${ADDRESSES[1]}`]);
      await used(false, false, true);
      expect(await addresses()).toEqual([ADDRESSES[2]]);
    }));

  it('an IP group, whose edits reach traffic and whose servers have no features of their own', () =>
    world.instance.watched(async () => {
      const group = await world.api.post('/api/ipaddrgroup', { name: 'servers', addrs: [v4(ADDRESSES[0]!)] });
      await edit({ servers: [], ipaddrgroup_ref: group.url });
      await used(true, false, false);
      const [begin, end] = [ADDRESSES[1]!, ADDRESSES[2]!].map(v4);
      await world.api.patch(`/api/ipaddrgroup/${group.uuid}`, { replace: { ranges: [{ begin, end }] } });
      await used(true, true, true);
      await world.api.patch(`/api/ipaddrgroup/${group.uuid}`, { replace: { addrs: [] } });
      await used(false, true, true);
      await expect(edit({ servers: [{ ip: v4(ADDRESSES[0]!), ratio: 2, enabled: false }] })).rejects.toThrow(
        /servers of a group cannot have: disabling a server, ratio/,
      );
      await expect(
        world.api.post(`/api/pool/${world.pool.uuid}/server/disable`, { servers: [ADDRESSES[1]] }),
      ).rejects.toThrow(/takes its servers from an IP group/);
      await world.api.patch(`/api/pool/${world.pool.uuid}`, {
        replace: { servers: world.servers() },
        delete: { ipaddrgroup_ref: group.url },
      });
      await used(true, true, true);
    }));

  it('a name, with all its addresses, by their time to live', () =>
    world.instance.watched(async () => {
      await dns.set(NAME, { addresses: [ADDRESSES[0]!], ttl: 1 });
      await edit({ servers: [named] });
      await used(true, false, false);
      expect((await servers())[0]).toMatchObject({ name: NAME, ip_addr: v4(ADDRESSES[0]!) });
      await dns.set(NAME, { addresses: ADDRESSES, ttl: 1 });
      await used(true, true, true);
      // A name that shrinks is left gracefully: the address is listed until its time is up, and gets nothing.
      await dns.set(NAME, { addresses: ADDRESSES.slice(0, 2), ttl: 1 });
      await used(true, true, false);
      expect((await servers()).map((s) => s.enabled)).toEqual([true, true, false]);
      await edit({ graceful_disable_timeout: 0 });
      // With no time to leave it, it is forgotten with the next answer.
      await eventually(
        async () => (await addresses()).length === 2 || Promise.reject(new Error((await addresses()).join())),
        {
          within: 10_000,
          every: 50,
          what: 'the address to be forgotten',
        },
      );
      await edit({ graceful_disable_timeout: 1, delete_server_on_dns_refresh: false });
      await dns.set(NAME, { addresses: ADDRESSES.slice(0, 1), ttl: 1 });
      await used(true, false, false);
      expect(await addresses()).toEqual(ADDRESSES.slice(0, 2));
    }));

  it.each([
    ['has no address any more', { addresses: [], ttl: 1 }],
    ['does not exist any more', { addresses: [], fails: 'nxdomain' }],
    ['cannot be asked for', { addresses: [], fails: 'servfail' }],
  ] as const)('a name that %s, as long as nobody knows better', (what, record) =>
    world.instance.watched(async () => {
      const name = `${what.replaceAll(' ', '-')}.example`;
      await dns.set(name, { addresses: ADDRESSES, ttl: 1 });
      await edit({ servers: [{ ip: { addr: name, type: 'DNS' } }] });
      await used(true, true, true);
      await dns.set(name, record);
      const asked = await dns.asked(name);
      // A question for each family, and again what was of no use.
      await eventually(
        async () => (await dns.asked(name)) >= asked + 4 || Promise.reject(new Error('not asked')),
        {
          within: 20_000,
          every: 50,
          what: 'the name to be asked for twice again',
        },
      );
      await used(true, true, true);
      const { resolved_names: names } = await world.api.get<{ resolved_names: Json[] }>(
        `/api/pool/${world.pool.uuid}/runtime/detail`,
      );
      const events = await world.api.list<{ event_id: string; description: string }>('event', {
        obj_uuid: world.pool.uuid,
      });
      const [told, ...more] = events.filter(
        (e) => e.event_id === 'DNS_QUERY_ERROR' && e.description.includes(name),
      );
      expect(told?.description).toContain(`it keeps ${ADDRESSES.join(', ')}`);
      expect(more).toEqual([]);
      const failure = expect.stringContaining(name) as unknown;
      expect(names).toEqual([{ name, addresses: ADDRESSES, lost: [], failure }]);
    }),
  );
});
