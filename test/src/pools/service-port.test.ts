import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  ClientConnection,
  eventually,
  exposeFrom,
  freePort,
  header,
  type Origin,
  Scope,
  spawnOrigins,
} from '@spillway/testing';
import { connect } from 'node:net';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
/** Servers at addresses of their own, on every port of the virtual service; named `<server> <port>`. */
const SERVERS = ['127.62.0.1', '127.62.0.2'];
let ports: number[] = [];
let origins: Origin[] = [];
const targets: { host: string; port: number }[] = [];
const REQUESTS = 40;

beforeAll(async () => {
  scope = new Scope('service port');
  world = await World.create(scope, { serviceEngines: 2, workers: 2, origins: ['unused'] });
  const inNetwork = world.netns ? { netns: world.netns } : {};
  // One port by itself, and a range.
  const first =
    world.netns === undefined && process.env['SPILLWAY_TEST_NETWORK'] !== 'namespace'
      ? await freePort()
      : 8200;
  ports = [world.port, first, first + 1];
  const specs = SERVERS.flatMap((host) => ports.map((port) => ({ name: `${host} ${port}`, host, port })));
  ({ origins } = await spawnOrigins(scope, specs, inNetwork));
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
    await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
      replace: { services: [{ port: world.port }, { port: first, port_range_end: first + 1 }] },
    });
  });
  for (const port of ports) {
    const vip = { host: world.vip4, port };
    targets.push(world.netns ? await exposeFrom(scope, world.netns, vip) : vip);
  }
});
afterAll(async () => scope?.close());

const edit = async (replace: object): Promise<void> => {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace });
};

/** Origins that answer on a port of the virtual service, with how often. */
async function answers(at: number, path = '/'): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  await Promise.all(
    Array.from({ length: REQUESTS }, async (_, i) => {
      const c = await ClientConnection.open(targets[at]!);
      // Two on a connection: the second one meets a server connection that is kept.
      for (let n = 0; n < 2; n++) {
        const { head } = await c.request({ path: path.replace('?', String(i)) });
        expect(head.status).toBe(200);
        const name = header(head, 'x-origin') ?? '';
        found[name] = (found[name] ?? 0) + 1;
      }
      c.close();
    }),
  );
  return found;
}

/** The server that a key has on a port of the virtual service. */
async function serverOf(at: number, key: string): Promise<string> {
  const c = await ClientConnection.open(targets[at]!);
  const { head } = await c.request({ path: '/', headers: { 'X-Key': key } });
  c.close();
  return header(head, 'x-origin')?.split(' ')[0] ?? `${head.status}`;
}

describe('servers without a port of their own', () => {
  it('need a monitor that has one', () =>
    world.instance.watched(async () => {
      await expect(
        edit({ use_service_port: true, servers: SERVERS.map((addr) => ({ ip: { addr, type: 'V4' } })) }),
      ).rejects.toThrow(/health monitor hm has no monitor_port/);
      const monitor = await world.api.find('healthmonitor', 'hm');
      await world.api.patch(`/api/healthmonitor/${monitor.uuid}`, { replace: { monitor_port: ports[0] } });
      await edit({ use_service_port: true, servers: SERVERS.map((addr) => ({ ip: { addr, type: 'V4' } })) });
    }));

  it('are spoken to on the port on which the client came', () =>
    world.instance.watched(async () => {
      await eventually(
        async () => {
          for (const [at, port] of ports.entries()) {
            const names = Object.keys(await answers(at)).sort();
            if (names.join() !== SERVERS.map((host) => `${host} ${port}`).join())
              throw new Error(`port ${port}: ${names.join()}`);
          }
          return true;
        },
        { within: 15_000, every: 100, what: 'every port to be served by its servers' },
      );
      const before = await Promise.all(origins.map((o) => o.counters()));
      for (let round = 0; round < 3; round++)
        for (const [at, port] of ports.entries()) {
          const found = await answers(at);
          expect(Object.keys(found).every((name) => name.endsWith(` ${port}`))).toBe(true);
          expect(Object.values(found).reduce((a, b) => a + b, 0)).toBe(2 * REQUESTS);
        }
      const after = await Promise.all(origins.map((o) => o.counters()));
      for (const [i, o] of origins.entries()) {
        const [was, is] = [before[i]!, after[i]!];
        // An even part of the requests, most of them on connections that were kept for that port.
        expect(is.requests - was.requests).toBeGreaterThan(0.3 * 6 * REQUESTS);
        expect(is.connections - was.connections).toBeLessThan(is.requests - was.requests);
        expect([o.name, is.healthChecks > 0]).toEqual([o.name, o.port === ports[0]]);
      }
    }));

  it('are the same on every port for a key, with ignore_server_port', () =>
    world.instance.watched(async () => {
      await edit({
        lb_algorithm: 'LB_ALGORITHM_CONSISTENT_HASH',
        lb_algorithm_hash: 'LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER',
        lb_algorithm_consistent_hash_hdr: 'X-Key',
        ignore_server_port: true,
      });
      await eventually(
        async () => {
          const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`);
          const found = await Promise.all(
            ports.map(async (_, at) => (await Promise.all(keys.map((key) => serverOf(at, key)))).join()),
          );
          expect(new Set(found).size).toBe(1);
          for (const server of SERVERS) expect(found[0]).toContain(server);
          return true;
        },
        { within: 10_000, every: 100, what: 'one server for each key' },
      );
    }));

  it('at L4 too', () =>
    world.instance.watched(async () => {
      const l4 = [ports[2]! + 1, ports[2]! + 2];
      await spawnOrigins(
        scope,
        l4.map((port) => ({
          name: `tcp ${port}`,
          kind: 'tcp' as const,
          host: SERVERS[0]!,
          port,
          banner: true,
        })),
        world.netns ? { netns: world.netns } : {},
      );
      const pool = await world.api.post('/api/pool', {
        name: 'l4',
        use_service_port: true,
        servers: [{ ip: { addr: SERVERS[0], type: 'V4' } }],
      });
      await world.api.post('/api/virtualservice', {
        name: 'l4',
        services: [{ port: l4[0], port_range_end: l4[1] }],
        pool_ref: pool.url,
        vsvip_ref: world.vsvip.url,
        application_profile_ref: '/api/applicationprofile?name=System-L4-Application',
      });
      for (const port of l4) {
        const vip = { host: world.vip4, port };
        const at = world.netns ? await exposeFrom(scope, world.netns, vip) : vip;
        expect(
          await eventually(() => bannerOf(at), { within: 15_000, every: 100, what: `port ${port}` }),
        ).toBe(`tcp ${port}\n`);
      }
    }));
});

/** What a server says first. */
const bannerOf = (at: { host: string; port: number }): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(at, () => undefined);
    socket.setTimeout(2_000, () => socket.destroy(new Error('nothing was said')));
    socket.once('data', (data: Buffer) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
