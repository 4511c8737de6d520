import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import {
  type ClientsReport,
  eventually,
  identify,
  Instance,
  isAlive,
  killNow,
  now,
  processTree,
  RunningProcess,
  Scope,
  signalProcess,
} from '@spillway/testing';
import { expectClean, Load, type Reports, summaries } from '../support/load.js';
import { World } from '../support/world.js';

jest.setTimeout(240_000);

/** Promise of the design: last failed new connection within 1.0 s of a kill, 1.5 s of a hang. */
const KILLED = 1_000;
const HUNG = 1_500;
/** So long is looked for late failures. */
const OBSERVED = 2_500;

let scope: Scope;
let world: World;

beforeAll(async () => {
  scope = new Scope('kill');
  world = await World.create(scope, { serviceEngines: 3, workers: 2 });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

beforeEach(async () => {
  // Whatever a test killed is started again, and the virtual service is back on two SEs.
  await world.instance.watched(async () => {
    await world.instance.up();
    await eventually(async () => Object.keys(await world.instance.serviceEngineRoots()).length >= 3, {
      within: 20_000,
      what: 'three living SEs',
    });
    await settled();
  });
});

async function settled(): Promise<void> {
  const roots = await world.instance.serviceEngineRoots();
  await eventually(
    async () => {
      const on = await world.placements();
      const good = on.length === 2 && on.every((p) => p.active && roots[p.name] !== undefined);
      return good || Promise.reject(new Error(`placed on ${JSON.stringify(on)}`));
    },
    { within: 30_000, every: 100, what: 'the virtual service to be active on two living SEs' },
  );
}

/**
 * Judges a run in which the SE `victim` was hit at `hitAt`: what failed was on the victim or a new connection,
 * no new connection failed later than `limit` ms after, and no connection of another SE was touched.
 */
function expectContained(reports: Reports, victim: string, hitAt: number, limit: number): void {
  const strange = Object.values(reports).flatMap((r) =>
    r.failures
      .filter((f) => (f.se !== undefined && f.se !== victim) || f.startedAt > hitAt + limit)
      .map(
        (f) =>
          `${r.name}: ${Math.round(f.startedAt - hitAt)} ms after: ${f.reason} ${f.detail} ${f.se ?? ''}`,
      ),
  );
  const late = Object.values(reports).flatMap((r) => r.lastFailedNewConnectionAt ?? []);
  const last = Math.max(...late.filter((at) => at > hitAt)) - hitAt;
  console.log(
    Number.isFinite(last)
      ? `last failed new connection begun ${Math.round(last)} ms after the hit`
      : 'no connection begun after the hit failed',
  );
  expect(strange).toEqual([]);
  for (const r of Object.values(reports)) {
    expect(r.sent).toBe(r.ok + r.failed + r.cutAfterDeadline + r.inFlight);
    expect(r.notSent).toBe(0);
  }
}

/** Open-loop connections are what shows the last failure; 100 a second and address. */
function startLoad(): Promise<Load> {
  return Load.start(world, { fresh: { rate: 100, connections: 1_000 } });
}

async function stop(load: Load): Promise<Reports> {
  const reports = await load.stop();
  console.log(summaries(reports));
  return reports;
}

/** A placed SE, by preference not the primary, and its processes. */
async function victimSe() {
  const on = await world.placements();
  const { name } = on.find((p) => !p.primary) ?? on[0]!;
  const { pid, workers } = await world.instance.supervisor(name);
  return { name, pid, workers, tree: processTree(pid).map((p) => identify(p.pid)!) };
}

/** New connections are served again, by living SEs only. */
async function expectServing(dead?: string): Promise<void> {
  const roots = await world.instance.serviceEngineRoots();
  for (const host of world.hosts) {
    const spread = await world.probe.spread({ host, port: world.port, connections: 100, roots });
    expect(spread).toMatchObject({ failures: [], unattributed: 0 });
    if (dead !== undefined) expect(Object.keys(spread.perSe)).not.toContain(dead);
  }
}

describe('kill -9 of an SE', () => {
  it('costs its own connections only; new ones go to the others, also those in its queue', () =>
    world.instance.watched(async () => {
      const load = await startLoad();
      const victim = await victimSe();
      // Its workers take no connection for a moment, so that some wait in its queue when it is killed.
      for (const pid of victim.workers) signalProcess(identify(pid)!, 'SIGSTOP');
      const stoppedAt = now();
      const fresh = load.clients.find((c) => c.config.sort === 'new-connection')!;
      await fresh.until('connections in the queue', (p) => p.inFlight >= 3);
      const hitAt = now();
      for (const p of victim.tree) signalProcess(p, 'SIGKILL');
      await eventually(() => !victim.tree.some(isAlive), { within: 2_000, what: 'the SE to be gone' });
      await load.attribute();
      await load.runUntil(hitAt + OBSERVED);
      await load.flowing();
      const reports = await stop(load);
      expectContained(reports, victim.name, hitAt, KILLED);
      if (world.migrates) {
        for (const r of Object.values(reports)) {
          // What was begun after its workers had stopped was never in their hands: it waited in the queue.
          if (r.sort !== 'new-connection') continue;
          expect(r.failures.filter((f) => f.startedAt > stoppedAt + 20)).toEqual([]);
        }
      }
      await expectServing();
    }));

  it('takes agent and workers along when only the supervisor is killed', () =>
    world.instance.watched(async () => {
      const load = await startLoad();
      const victim = await victimSe();
      const hitAt = now();
      await killNow(victim.tree[0]!);
      await eventually(() => !victim.tree.some(isAlive), { within: 2_000, what: 'its children to be gone' });
      await load.attribute();
      await load.runUntil(hitAt + OBSERVED);
      await load.flowing();
      expectContained(await stop(load), victim.name, hitAt, KILLED);
    }));
});

describe('SIGSTOP', () => {
  it('of a whole SE: its peers fence it, new connections fail for 1.5 s at most', () =>
    world.instance.watched(async () => {
      const load = await startLoad();
      const victim = await victimSe();
      const hitAt = now();
      for (const p of victim.tree) signalProcess(p, 'SIGSTOP');
      await eventually(() => !victim.tree.some(isAlive), {
        within: 10_000,
        what: 'the hung SE to be killed',
      });
      console.log(`the hung SE was gone ${Math.round(now() - hitAt)} ms after it stopped`);
      await load.attribute();
      await load.runUntil(hitAt + OBSERVED);
      await load.flowing();
      const reports = await stop(load);
      expectContained(reports, victim.name, hitAt, HUNG);
      expectGaps(reports, HUNG);
    }));

  it('of one worker: its supervisor kills it and starts another', () =>
    world.instance.watched(async () => {
      const load = await startLoad();
      const victim = await victimSe();
      const worker = identify(victim.workers[0]!)!;
      const hitAt = now();
      signalProcess(worker, 'SIGSTOP');
      await eventually(() => !isAlive(worker), { within: 10_000, what: 'the hung worker to be killed' });
      console.log(`the hung worker was gone ${Math.round(now() - hitAt)} ms after it stopped`);
      await eventually(
        async () => {
          const { pid, workers } = await world.instance.supervisor(victim.name);
          return pid === victim.pid && workers.length === 2 && !workers.includes(worker.pid);
        },
        { within: 10_000, what: 'another worker of the same SE' },
      );
      await load.runUntil(hitAt + OBSERVED);
      await load.flowing();
      const reports = await stop(load);
      expectContained(reports, victim.name, hitAt, HUNG);
      expectGaps(reports, HUNG);
    }));
});

/** New connections never went without a success for longer than `limit` ms. */
function expectGaps(reports: Reports, limit: number): void {
  const fresh = Object.values(reports).filter((r) => r.sort === 'new-connection');
  for (const r of fresh) expect(r.newConnections.maxGap).toBeLessThan(limit);
}

describe('without the controller', () => {
  it('kill -9 of the controller: traffic does not notice, SEs are found again', () =>
    world.instance.watched(async () => {
      const load = await startLoad();
      const before = await world.instance.serviceEngineRoots();
      await killNow(await world.instance.controller());
      await load.flowing();
      await world.instance.up();
      await settled();
      expect(await world.instance.serviceEngineRoots()).toEqual(before);
      await load.flowing();
      const reports = await stop(load);
      expectClean(reports);
      expectUncut(reports);
    }));

  it('an SE that restarts while the controller is down serves from its disk', () =>
    world.instance.watched(async () => {
      const { name, pid, tree } = await victimSe();
      const environment = Object.fromEntries(
        readFileSync(`/proc/${pid}/environ`, 'utf8')
          .split('\0')
          .filter(Boolean)
          .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
      );
      const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        .split('\0')
        .filter(Boolean);
      await killNow(await world.instance.controller());
      for (const p of tree) await killNow(p);
      const again = await RunningProcess.start(scope, command, args, {
        name: `SE ${name}`,
        env: environment,
        ...(world.netns && { netns: world.netns }),
      });
      await eventually(async () => (await world.instance.supervisor(name)).pid === again.pid, {
        within: 10_000,
        what: 'the supervisor file of the new SE',
      });
      const roots = await world.instance.serviceEngineRoots();
      const target = { port: world.port, roots, se: name, within: 10_000 };
      for (const host of world.hosts) await world.probe.firstServedBy({ ...target, host });
      await expectServing();
      // With the controller back nothing moves.
      await world.instance.up();
      await settled();
      expect((await world.instance.serviceEngineRoots())[name]).toBe(again.pid);
    }));
});

function expectUncut(reports: Reports): void {
  const streams = Object.values(reports).filter((r: ClientsReport) => r.sort === 'stream');
  for (const r of streams) expect(r.connections.opened).toBe(r.inFlight);
}

describe('two instances that claim one VIP', () => {
  it('the second is refused and told who holds it; the first goes on', () =>
    world.instance.watched(async () => {
      const load = await startLoad();
      const own = new Scope('second');
      try {
        const second = await Instance.start(own, {
          serviceEngines: 1,
          ...(world.netns && { netns: world.netns }),
        });
        await second.watched(async () => {
          const pool = await second.api.post('/api/pool', { name: 'p', servers: world.servers() });
          const vsvip = await second.api.post('/api/vsvip', {
            name: 'v',
            vip: [{ vip_id: '0', ip_address: { addr: world.vip4, type: 'V4' } }],
          });
          const vs = await second.api.post('/api/virtualservice', {
            name: 'intruder',
            services: [{ port: world.port }],
            pool_ref: pool.url,
            vsvip_ref: vsvip.url,
          });
          const refused = await eventually(
            async () => {
              const { runtime } = await second.api.get<{
                runtime: { oper_status: { state: string; reason?: string[] } };
              }>(`/api/virtualservice-inventory/${vs.uuid}`);
              const { state, reason = [] } = runtime.oper_status;
              const named = state === 'OPER_DOWN' && reason.join(' ').includes(world.vip4);
              return named ? reason.join(' ') : Promise.reject(new Error(JSON.stringify(runtime)));
            },
            { within: 15_000, every: 100, what: 'the second virtual service to be refused' },
          );
          console.log(`refused: ${refused}`);
          expect(refused).toMatch(/held|holder|taken|claimed|in use/i);
          await expectServing();
        });
      } finally {
        await own.close();
      }
      await load.flowing();
      expectClean(await stop(load));
    }));
});
