import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  ClientConnection,
  eventually,
  exposeFrom,
  header,
  now,
  type Origin,
  RequestFailure,
  Scope,
} from '@spillway/testing';
import { countsOf, serversAre } from '../support/counts.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
let target: { host: string; port: number };
const CLIENTS = 40;

beforeAll(async () => {
  scope = new Scope('server life');
  world = await World.create(scope, { serviceEngines: 2, workers: 2, origins: ['o1', 'o2', 'o3', 'o4'] });
  await world.instance.watched(async () => {
    await edit({ servers: world.servers(world.origins.slice(0, 3)), graceful_disable_timeout: 2 });
    await world.act('scaleout');
    await world.placedOn(2);
  });
  const vip = { host: world.vip4, port: world.port };
  target = world.netns ? await exposeFrom(scope, world.netns, vip) : vip;
});
afterAll(async () => scope?.close());

beforeEach(async () => {
  await edit({ servers: world.servers(world.origins.slice(0, 3)), graceful_disable_timeout: 2 });
  await serversAre(world, ['OPER_UP', 'OPER_UP', 'OPER_UP']);
});

const edit = async (replace: object): Promise<void> => {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace });
};
const server = (o: Origin): string => `${o.host}:${o.port}`;
/** `spillway server ACTION pool SERVER` */
const act = async (action: string, o: Origin): Promise<string> =>
  (await world.instance.spillway(['server', action, 'pool', server(o)])).stdout;

/** The same over the API, without the time that a program takes to start. */
const post = (action: string, o: Origin): Promise<unknown> =>
  world.api.post(`/api/pool/${world.pool.uuid}/server/${action}`, { servers: [server(o)] });

interface ServerRow {
  uuid: string;
  connections_open: number;
  connections_active: number;
  graceful_disable_until?: string;
  oper_status: { state: string; reason?: string[]; reason_code_string?: string };
  service_engine: { se_name: string; connections_open: number; connections_active: number }[];
}

async function runtimeOf(o: Origin): Promise<ServerRow> {
  const { results } = await world.api.get<{ results: ServerRow[] }>(
    `/api/pool/${world.pool.uuid}/runtime/server/detail`,
  );
  const row = results.find((r) => r.uuid === server(o));
  if (row === undefined) throw new Error(`${server(o)} is not in ${results.map((r) => r.uuid).join()}`);
  return row;
}

const requestsOf = (): Promise<number[]> =>
  Promise.all(world.origins.map(async (o) => (await o.counters()).requests));

interface Held {
  connections: ClientConnection[];
  /** What became of each: the origin that answered, or why nobody did. */
  ends: Promise<string[]>;
  /** Requests that each origin has got of them, when all were under way. */
  at: number[];
}

/** Clients whose requests are all under way, each on a connection of its own. */
async function hold(milliseconds: number, method = 'GET'): Promise<Held> {
  const before = await requestsOf();
  const connections = await Promise.all(Array.from({ length: CLIENTS }, () => ClientConnection.open(target)));
  const ends = Promise.all(
    connections.map((c) =>
      c.request({ method, path: `/delay/${milliseconds}`, timeout: 20_000 }).then(
        ({ head }) => `${head.status} ${header(head, 'x-origin')}`,
        (error: unknown) => (error instanceof RequestFailure ? error.reason : String(error)),
      ),
    ),
  );
  const under = async (): Promise<number[]> => (await requestsOf()).map((n, i) => n - before[i]!);
  await eventually(
    async () => (await under()).reduce((a, b) => a + b, 0) >= CLIENTS || Promise.reject(new Error()),
    {
      within: 10_000,
      every: 20,
      what: 'every request to be under way',
    },
  );
  return { connections, ends, at: await under() };
}

const count = (ends: readonly string[], what: string): number => ends.filter((e) => e === what).length;

/** One request of a client, with its cookie; the origin that answered, and the cookie from now on. */
const visit = async (cookie?: string): Promise<{ origin: string; cookie: string }> => {
  const c = await ClientConnection.open(target);
  const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie };
  const { head } = await c.request({ path: '/', headers });
  c.close();
  const set = (header(head, 'set-cookie') ?? '').split(';')[0]!;
  return { origin: header(head, 'x-origin')!, cookie: set === '' ? (cookie ?? '') : set };
};

describe('a server that is disabled gracefully', () => {
  it('ends what is under way, gets nothing new, and says who is left', () =>
    world.instance.watched(async () => {
      const [o1] = world.origins as [Origin];
      const { connections, ends, at } = await hold(9_000);
      const began = now();
      expect(await act('graceful-disable', o1)).toBe(
        `server ${server(o1)} of pool pool disabled gracefully\n`,
      );
      // Requests in flight, over the SEs that have some, and until when.
      const row = await eventually(
        async () => {
          const found = await runtimeOf(o1);
          return (
            (found.connections_active === at[0] && found) ||
            Promise.reject(new Error(`${found.connections_active} of ${at[0]}`))
          );
        },
        { within: 7_000, every: 50, what: 'the count of who is left' },
      );
      expect(row.service_engine.reduce((sum, se) => sum + se.connections_active, 0)).toBe(at[0]);
      expect(row.service_engine.length).toBe(2);
      expect(row.oper_status.state).toBe('OPER_DISABLED');
      expect(row.oper_status.reason?.[0]).toMatch(/^\d+ connections left, reset at 20/);
      const until = Date.parse(row.graceful_disable_until!);
      expect(Math.abs(until - began - 120_000)).toBeLessThan(20_000);
      const { healthChecks } = await o1.counters();
      // The next requests go elsewhere, those on new connections too.
      expect((await countsOf(world, 60))[0]).toBe(0);
      const told = await ends;
      expect(told.filter((e) => !e.startsWith('200 '))).toEqual([]);
      expect(count(told, '200 o1')).toBe(at[0]);
      const next = await Promise.all(connections.map((c) => c.request({ path: '/' })));
      expect(next.filter(({ head }) => head.status !== 200 || header(head, 'x-origin') === 'o1')).toEqual([]);
      for (const c of connections) c.close();
      // Nothing of it is left, and nobody asks how it is.
      await eventually(
        async () => {
          const { oper_status: status } = await runtimeOf(o1);
          return status.reason?.[0] === 'nothing left' || Promise.reject(new Error(String(status.reason)));
        },
        { within: 10_000, every: 100, what: 'nothing left' },
      );
      expect(await o1.counters()).toMatchObject({ openConnections: 0, healthChecks });
      // Another edit does not begin its time anew.
      await edit({ description: 'another edit' });
      expect(Date.parse((await runtimeOf(o1)).graceful_disable_until!)).toBe(until);
      const { stdout } = await world.instance.spillway(['get', 'servers', 'pool']);
      expect(stdout).toMatch(new RegExp(`${o1.port} .*DISABLED .* 0 +0 +nothing left`));
      await act('enable', o1);
      await serversAre(world, ['OPER_UP', 'OPER_UP', 'OPER_UP']);
      expect((await countsOf(world, 60))[0]).toBeGreaterThan(10);
    }));

  it('keeps the clients that persistence knows until its time is up, unless told otherwise', () =>
    world.instance.watched(async () => {
      const profile = await world.api.find('applicationpersistenceprofile', 'System-Persistence-Http-Cookie');
      await edit({ application_persistence_profile_ref: profile.url });
      const known = await eventually(
        async () => {
          const found = await visit();
          return (
            (found.origin === 'o1' && found.cookie !== '' && found) || Promise.reject(new Error(found.origin))
          );
        },
        { within: 10_000, every: 10, what: 'a client of the first server' },
      );
      await act('graceful-disable', world.origins[0]!);
      // On both SEs: a connection each time, to whoever takes it.
      for (let i = 0; i < 20; i++) expect((await visit(known.cookie)).origin).toBe('o1');
      for (let i = 0; i < 20; i++) expect((await visit()).origin).not.toBe('o1');
      await edit({ server_disable_type: 'DISALLOW_NEW_CONNECTION' });
      await eventually(
        async () => (await visit(known.cookie)).origin !== 'o1' || Promise.reject(new Error('still o1')),
        { within: 10_000, every: 20, what: 'another server' },
      );
      for (let i = 0; i < 20; i++) expect((await visit(known.cookie)).origin).not.toBe('o1');
      await world.api.patch(`/api/pool/${world.pool.uuid}`, {
        delete: { application_persistence_profile_ref: profile.url },
      });
    }));
});

describe('what is under way at a server', () => {
  const ways: [string, () => Promise<unknown>][] = [
    ['is disabled', () => post('disable', world.origins[1]!)],
    ['is removed', () => post('remove', world.origins[1]!)],
    [
      'gets another port',
      () => {
        const [o1, , o3, o4] = world.origins as [Origin, Origin, Origin, Origin];
        return edit({ servers: world.servers([o1, o4, o3]) });
      },
    ],
    [
      'is disabled by a pool that gives no time',
      async () => {
        const [o1, o2, o3] = world.servers() as [object, object, object];
        await edit({ graceful_disable_timeout: 0, servers: [o1, { ...o2, enabled: false }, o3] });
      },
    ],
  ];

  it.each(ways)('that %s ends at once; what can be asked again is', (_what, take) =>
    world.instance.watched(async () => {
      const gets = await hold(3_500);
      const posts = await hold(3_500, 'POST');
      await take();
      const [got, posted] = [await gets.ends, await posts.ends];
      // Every GET has an answer, and none of the server that is gone.
      expect(got.filter((e) => !e.startsWith('200 '))).toEqual([]);
      expect(count(got, '200 o2')).toBe(0);
      // A POST that it had is not sent again: its client is reset, the others know nothing of it.
      expect(posts.at[1]).toBeGreaterThan(0);
      expect(posted.filter((e) => !e.startsWith('200 ')).length).toBe(posts.at[1]);
      expect(count(posted, '200 o2')).toBe(0);
      for (const c of [...gets.connections, ...posts.connections]) c.close();
    }),
  );
});
