import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  type ConfigObject,
  eventually,
  freeLoopback,
  identify,
  isAlive,
  type Json,
  now,
  type Operation,
  Scope,
  signalProcess,
  spawnClients,
  spawnOrigins,
} from '@spillway/testing';
import { expectClean, Load, type Reports, summaries } from '../support/load.js';
import { stepTimes, World } from '../support/world.js';

jest.setTimeout(180_000);

let scope: Scope;
let world: World;

beforeAll(async () => {
  scope = new Scope('change');
  world = await World.create(scope, { serviceEngines: 3, drainSeconds: 2 });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

async function finish(load: Load): Promise<Reports> {
  const reports = await load.stop();
  console.log(summaries(reports));
  expectClean(reports, world);
  return reports;
}

const patchVs = (replace: Json) => world.api.patch(`/api/virtualservice/${world.vs.uuid}`, { replace });

/** Waits until new connections to `host:port` are answered (or refused). */
async function reached(
  host: string,
  port: number,
  wanted: 'answers' | 'refuses',
  path: string | null = '/',
): Promise<void> {
  const roots = await world.instance.serviceEngineRoots();
  await eventually(
    async () => {
      const { failures } = await world.probe.spread({ host, port, connections: 8, roots, path });
      const good = wanted === 'answers' ? failures.length === 0 : failures.length === 8;
      return good || Promise.reject(new Error(failures.join('; ') || 'all answered'));
    },
    { within: 10_000, every: 50, what: `${host} port ${port}: ${wanted}` },
  );
}

describe('a change of the virtual service under traffic', () => {
  it('of its ports: what stays loses nothing', () =>
    world.instance.watched(async () => {
      const load = await Load.start(world);
      const more = world.port + 1;
      await patchVs({ services: [{ port: world.port }, { port: more }] });
      for (const host of world.hosts) await reached(host, more, 'answers');
      await patchVs({ services: [{ port: world.port }] });
      for (const host of world.hosts) await reached(host, more, 'refuses');
      await load.flowing();
      await finish(load);
    }));

  it('of its VIP: the address that stays loses nothing, the new one answers', () =>
    world.instance.watched(async () => {
      if (world.hosts.length < 2) return;
      const load = await Load.start(world, { hosts: [world.vip6] });
      const fresh = freeLoopback();
      const path = `/api/vsvip/${world.vsvip.uuid}`;
      const vip = (addr: string) => [
        {
          vip_id: '0',
          ip_address: { addr, type: 'V4' },
          ip6_address: { addr: world.vip6, type: 'V6' },
        },
      ];
      await world.api.patch(path, { replace: { vip: vip(fresh) } });
      await reached(fresh, world.port, 'answers');
      await reached(world.vip4, world.port, 'refuses');
      await world.api.patch(path, { replace: { vip: vip(world.vip4) } });
      await reached(world.vip4, world.port, 'answers');
      await load.flowing();
      await finish(load);
    }));

  it('of its pool: requests under way end where they began', () =>
    world.instance.watched(async () => {
      const other = await world.api.post('/api/pool', {
        name: 'other',
        servers: world.servers().slice(0, 1),
      });
      const load = await Load.start(world);
      for (let i = 0; i < 20; i++) await patchVs({ pool_ref: i % 2 ? world.pool.url : other.url });
      await load.flowing();
      await finish(load);
      await world.api.delete(`/api/pool/${other.uuid}`);
    }));

  it('disable drains it, enable brings it back', () =>
    world.instance.watched(async () => {
      const load = await Load.start(world, { fresh: false });
      const disabledAt = now();
      await patchVs({ enabled: false });
      await load.drain({ deadline: disabledAt + world.drainMs });
      await reached(world.vip4, world.port, 'refuses');
      await load.runUntil(disabledAt + world.drainMs + 1_000);
      const reports = await load.reports();
      for (const r of Object.values(reports)) {
        // Whoever was connected was served to the end; what fails is the attempt to connect anew.
        // (The address of the VIP goes as well, where the SE had added it.)
        const other = r.failures.filter((f) => f.connection !== undefined);
        expect(other).toEqual([]);
        if (r.sort === 'keep-alive') expect(r.connections.announcedCloses).toBeGreaterThan(0);
        else expect(r.cutAfterDeadline).toBe(r.newConnections.ok);
      }
      await patchVs({ enabled: true });
      for (const host of world.hosts) await reached(host, world.port, 'answers');
      await load.flowing();
      await load.stop();
    }));
});

/** Waits until two other SEs serve. */
async function onTwo(without: string): Promise<void> {
  await eventually(
    async () => {
      const on = await world.placements();
      const good = on.length === 2 && on.every((p) => p.active && p.name !== without);
      return good || Promise.reject(new Error(JSON.stringify(on)));
    },
    { within: 20_000, every: 50, what: `two active SEs without ${without}` },
  );
}

describe('an SE that leaves', () => {
  it('because it is disabled: its virtual services move without a loss', () =>
    world.instance.watched(async () => {
      await world.placedOn(2);
      const load = await Load.start(world);
      const { name, uuid } = (await world.placements()).find((p) => p.primary)!;
      const began = now();
      await world.api.patch(`/api/serviceengine/${uuid}`, {
        replace: { enable_state: 'SE_STATE_DISABLED' },
      });
      await load.drain({ se: name, deadline: began + world.drainMs });
      await onTwo(name);
      await load.flowing();
      expect((await load.streamsPerSe())[name]).toBeUndefined();
      await finish(load);
      await world.api.patch(`/api/serviceengine/${uuid}`, { replace: { enable_state: 'SE_STATE_ENABLED' } });
    }));

  it('because it is stopped (SIGTERM): it drains first', () =>
    world.instance.watched(async () => {
      await world.placedOn(2);
      const load = await Load.start(world);
      const { name } = (await world.placements()).find((p) => p.primary)!;
      const { pid } = await world.instance.supervisor(name);
      const supervisor = identify(pid)!;
      const began = now();
      signalProcess(supervisor, 'SIGTERM');
      await load.drain({ se: name, deadline: began + world.drainMs });
      await eventually(() => !isAlive(supervisor), { within: 15_000, what: 'the end of the SE' });
      console.log(`the SE ended ${Math.round(now() - began)} ms after SIGTERM`);
      await onTwo(name);
      await load.flowing();
      await finish(load);
      await world.instance.up();
    }));
});

describe('a virtual service that moves to another SE group', () => {
  it('is served by an SE of that group, created for it, without a loss', () =>
    world.instance.watched(async () => {
      const load = await Load.start(world);
      const earlier = (await world.api.list<Operation>('operation')).map((o) => o.uuid);
      const group = await world.api.post('/api/serviceenginegroup', {
        name: 'second-group',
        vs_scalein_timeout: 2,
      });
      await patchVs({ se_group_ref: group.url });
      await eventually(
        async () => {
          const on = await world.placements();
          const refs = await Promise.all(
            on.map(async (p) => {
              const se = await world.api.get(`/api/serviceengine/${p.uuid}`);
              return String(se['se_group_ref']).includes(group.uuid);
            }),
          );
          const good = on.length > 0 && on.every((p) => p.active) && refs.every(Boolean);
          return good || Promise.reject(new Error(JSON.stringify(on)));
        },
        { within: 40_000, every: 100, what: 'placement on the other group alone' },
      );
      await load.attribute();
      await load.flowing();
      for (const operation of await world.api.list<Operation>('operation')) {
        if (earlier.includes(operation.uuid)) continue;
        console.log(`${operation.type}: ${operation.text}`);
        const { from_se_ref: from } = operation;
        if (typeof from !== 'string') continue;
        const { name } = await world.api.get<ConfigObject>(new URL(from).pathname);
        await load.drain({ se: name, deadline: stepTimes(operation, 'withdraw').start + world.drainMs });
      }
      await finish(load);
    }));
});

describe('an L4 virtual service', () => {
  it('keeps its connections through scale out, and cuts them at the deadline of scale in', () =>
    world.instance.watched(async () => {
      const port = world.port + 2;
      const { origins } = await spawnOrigins(
        scope,
        [
          { name: 't1', kind: 'tcp' },
          { name: 't2', kind: 'tcp' },
        ],
        world.netns ? { netns: world.netns } : {},
      );
      const pool = await world.api.post('/api/pool', { name: 'l4', servers: world.servers(origins) });
      const profile = await world.api.find('applicationprofile', 'System-L4-Application');
      await world.api.post('/api/virtualservice', {
        name: 'l4',
        services: [{ port }],
        pool_ref: pool.url,
        vsvip_ref: world.vsvip.url,
        application_profile_ref: profile.url,
      });
      const clients = await spawnClients(
        scope,
        { name: 'l4', sort: 'tcp', host: world.vip4, port, connections: 20, pingInterval: 50 },
        world.netns ? { netns: world.netns } : {},
      );
      for (const host of world.hosts) await reached(host, port, 'answers', null);
      await clients.start();
      await clients.until('all standing', (p) => p.established === 20);
      const report = await clients.stop();
      console.log(report.summary);
      expect(report.inFlight).toBe(20);
    }));
});
