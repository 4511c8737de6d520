import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  ClientConnection,
  type EchoedRequest,
  eventually,
  exposeFrom,
  type Origin,
  Scope,
} from '@spillway/testing';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
let target: { host: string; port: number };
const REQUESTS = 60;

beforeAll(async () => {
  scope = new Scope('host header');
  world = await World.create(scope, {
    serviceEngines: 2,
    workers: 2,
    origins: ['o1', 'o2'],
    monitored: false,
  });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
  const vip = { host: world.vip4, port: world.port };
  target = world.netns ? await exposeFrom(scope, world.netns, vip) : vip;
});
afterAll(async () => scope?.close());

/** Writes the pool, and waits until both SEs run it: every answer is of the new one. */
async function edit(replace: object, ...hosts: [string, string]): Promise<void> {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace });
  await eventually(
    async () => {
      const found = await told();
      return (
        JSON.stringify(found) === JSON.stringify(hosts) || Promise.reject(new Error(JSON.stringify(found)))
      );
    },
    { within: 10_000, every: 50, what: `servers to be told ${hosts.join(' and ')}` },
  );
}

/** The Host that each server was told, by many clients; more than one stand beside each other. */
async function told(method = 'GET'): Promise<string[]> {
  const hosts: Set<string>[] = [new Set(), new Set()];
  await Promise.all(
    Array.from({ length: REQUESTS }, async () => {
      const c = await ClientConnection.open(target);
      const { head, body } = await c.request({ method, path: '/echo' });
      expect(head.status).toBe(200);
      const echoed = JSON.parse(body.toString()) as EchoedRequest;
      const lines = echoed.rawHeaders.filter(([name]) => name.toLowerCase() === 'host');
      expect(lines.length).toBe(1);
      hosts[echoed.origin === 'o1' ? 0 : 1]!.add(lines[0]![1]);
      c.close();
    }),
  );
  return hosts.map((set) => [...set].sort().join(' '));
}

/** What clients say. */
const client = (): string => `${target.host}:${target.port}`;

const servers = (...more: [object, object]): object[] =>
  world.servers().map((server, i) => ({ ...server, hostname: `s${i + 1}.example`, ...more[i] }));

describe('the Host that servers are told', () => {
  it("is the client's, and the server's name with its port where the pool says so", () =>
    world.instance.watched(async () => {
      const [o1, o2] = world.origins as [Origin, Origin];
      await edit({ servers: servers({}, {}) }, client(), client());
      const name = { rewrite_host_header_to_server_name: true };
      await edit(name, `s1.example:${o1.port}`, `s2.example:${o2.port}`);
      await edit({ append_port: 'NEVER' }, 's1.example', 's2.example');
      await edit({ append_port: 'ALWAYS' }, `s1.example:${o1.port}`, `s2.example:${o2.port}`);
    }));

  it('is the name of one server where only that one says so, whoever is asked first', () =>
    world.instance.watched(async () => {
      await edit(
        {
          rewrite_host_header_to_server_name: false,
          append_port: 'NEVER',
          servers: servers({ rewrite_host_header: true }, {}),
        },
        's1.example',
        client(),
      );
      // Requests that the other server resets are sent again, to this one: with its own Host each.
      for (const [sick, expected] of [
        [0, ['', client()]],
        [1, ['s1.example', '']],
      ] as const) {
        const origin = world.origins[sick]!;
        await origin.set({ respond: 'reset' });
        const { requests } = await origin.counters();
        expect(await told('PUT')).toEqual(expected);
        expect((await origin.counters()).requests).toBeGreaterThan(requests);
        await origin.set({ respond: 'normal' });
      }
    }));
});
