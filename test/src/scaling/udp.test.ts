import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  Datagrams,
  eventually,
  type FlowsReport,
  identify,
  isAlive,
  killNow,
  now,
  processTree,
  Scope,
  signalProcess,
} from '@spillway/testing';
import { World } from '../support/world.js';

jest.setTimeout(180_000);

const FLOWS = 150;
const EVERY_MS = 100;
const UDP_PORT = 5300;
const IDLE_SECONDS = 2;
const DRAIN_SECONDS = 15;

let scope: Scope;
let world: World;
let datagrams: Datagrams;

beforeAll(async () => {
  scope = new Scope('udp');
  world = await World.create(scope, { serviceEngines: 3, workers: 2, drainSeconds: DRAIN_SECONDS });
  datagrams = await Datagrams.spawn(scope, world.netns === undefined ? {} : { netns: world.netns });
  await world.instance.watched(configure);
});
afterAll(async () => scope?.close());

/** A virtual service for UDP on the VIP, beside the one for HTTP. */
async function configure(): Promise<void> {
  const { api } = world;
  const servers = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => ({
      ip: { addr: '127.0.0.1', type: 'V4' },
      port: await datagrams.origin(name),
    })),
  );
  const pool = await api.post('/api/pool', {
    name: 'udp-pool',
    lb_algorithm: 'LB_ALGORITHM_ROUND_ROBIN',
    servers,
  });
  const profile = await api.post('/api/networkprofile', {
    name: 'udp',
    profile: {
      type: 'PROTOCOL_TYPE_UDP_FAST_PATH',
      udp_fast_path_profile: { session_idle_timeout: IDLE_SECONDS },
    },
  });
  world.vs = await api.post('/api/virtualservice', {
    name: 'udp',
    services: [{ port: UDP_PORT }],
    application_profile_ref: 'System-L4-Application',
    network_profile_ref: profile.url,
    pool_ref: pool.url,
    vsvip_ref: world.vsvip.url,
  });
  await world.placedOn(1);
}

async function start(): Promise<void> {
  for (const host of world.hosts)
    await datagrams.start({ host, port: UDP_PORT, flows: FLOWS, every: EVERY_MS });
  await answering();
}

/** Waits until every flow has been answered, and once more since. */
async function answering(): Promise<FlowsReport> {
  const { sent } = await datagrams.report();
  return eventually(
    async () => {
      const report = await datagrams.report();
      return report.answering === report.flows && report.answered >= sent + report.flows
        ? report
        : Promise.reject(new Error(JSON.stringify(report)));
    },
    { within: 20_000, every: 50, what: 'every flow to be answered' },
  );
}

/** Flows were not disturbed at all. */
function expectUntouched(report: FlowsReport): void {
  expect(report).toMatchObject({ moved: 0, serverChanged: 0, lost: 0, foreign: 0 });
}

describe('a virtual service for UDP with live flows', () => {
  it('scales out 1 -> 2 -> 3: no flow moves, no datagram is lost', () =>
    world.instance.watched(async () => {
      await start();
      for (const count of [2, 3]) {
        await world.act('scaleout');
        await world.placedOn(count);
        expectUntouched(await answering());
      }
      // Flows that begin now are spread over all of them; the old ones stay where they are.
      await start();
      expectUntouched(await answering());
    }));

  it('scales in and migrates: flows live on in the drain, which ends with the last one', () =>
    world.instance.watched(async () => {
      const began = now();
      const scalein = await world.begin('scalein');
      await eventually(
        async () =>
          (await world.placements()).filter((p) => p.active).length === 2 ||
          Promise.reject(new Error('3 active')),
        { within: 10_000, every: 50, what: 'the withdrawal' },
      ).catch(() => undefined);
      expectUntouched(await answering());
      await start();
      expectUntouched(await answering());
      const report = await datagrams.stop();
      console.log(`scale in: ${JSON.stringify(report)}`);
      expectUntouched(report);
      await world.api.waitOperation(scalein.uuid, { within: 30_000 });
      expect(now() - began).toBeLessThan(DRAIN_SECONDS * 1000);
      await world.placedOn(2);

      await start();
      const migrate = await world.begin('migrate');
      expectUntouched(await answering());
      expectUntouched(await answering());
      const moved = await datagrams.stop();
      console.log(`migrate: ${JSON.stringify(moved)}`);
      expectUntouched(moved);
      await world.api.waitOperation(migrate.uuid, { within: 30_000 });
      await world.placedOn(2);
    }));

  it('loses with a killed worker only the flows of that worker, and those keep their servers', () =>
    world.instance.watched(async () => {
      await start();
      const [on] = await world.placements();
      const before = await world.instance.supervisor(on!.name);
      const worker = identify(before.workers[0]!)!;
      await killNow(worker);
      await eventually(
        async () => {
          const { workers } = await world.instance.supervisor(on!.name);
          return (
            (workers.length === 2 && !workers.includes(worker.pid)) ||
            Promise.reject(new Error(workers.join()))
          );
        },
        { within: 10_000, every: 50, what: 'a new worker' },
      );
      await answering();
      const report = await datagrams.stop();
      console.log(`worker killed: ${JSON.stringify(report)}`);
      expect(report).toMatchObject({ serverChanged: 0, foreign: 0 });
      expect(report.moved).toBeGreaterThan(0);
      expect(report.moved).toBeLessThan(report.flows * 0.6);
      // Each flow of the dead worker may lose what it sends until its socket is gone and that is noticed.
      expect(report.lost).toBeLessThanOrEqual(report.moved * 3);
    }));

  it('loses with a killed SE only the flows of that SE, and those keep their servers', () =>
    world.instance.watched(async () => {
      await world.placedOn(2);
      await start();
      const victim = (await world.placements()).find((p) => !p.primary)!;
      const { pid } = await world.instance.supervisor(victim.name);
      const tree = processTree(pid).map((p) => identify(p.pid)!);
      for (const p of tree) signalProcess(p, 'SIGKILL');
      await eventually(() => !tree.some(isAlive), { within: 2_000, what: 'the SE to be gone' });
      const { moved: before } = await datagrams.report();
      await answering();
      const report = await datagrams.stop();
      console.log(`SE killed: ${JSON.stringify(report)}, ${before} moved as it went`);
      expect(report).toMatchObject({ serverChanged: 0, foreign: 0 });
      expect(report.moved).toBeGreaterThan(0);
      expect(report.moved).toBeLessThan(report.flows * 0.8);
      expect(report.lost).toBeLessThanOrEqual(report.moved * 3);
    }));
});
