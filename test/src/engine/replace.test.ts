import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  eventually,
  identify,
  processStat,
  RunningProcess,
  Scope,
  signalProcess,
  spawnClients,
  spawnOrigins,
  type ClientsReport,
  type Netns,
  type SpawnedClients,
  freeLoopback,
  freePort,
  testNetwork,
} from '@spillway/testing';
import { Engine } from './engine.js';
import { buildSnapshot } from './snapshot.js';

/** Promise: a worker that crashes is replaced within a second, one that hangs within a second of its time-out. */
const BUDGET = 1_000;
const HANG = 600;
/** What a test on a busy machine may take of it. */
const SLACK = 5;
/** Kills of the short soak; the long one is a command of its own (operations guide). */
const KILLS = Number(process.env['SPILLWAY_SOAK_KILLS'] ?? 12);
jest.setTimeout(180_000 + KILLS * 5_000);

let scope: Scope;
beforeEach(() => {
  scope = new Scope('replace');
});
afterEach(async () => await scope.close());

interface World {
  netns: Netns | undefined;
  migrates: boolean;
  engine: Engine;
  clients: (sort: 'new-connection' | 'keep-alive', connections: number) => Promise<SpawnedClients>;
}

async function world(env: Record<string, string> = {}): Promise<World> {
  const vip = freeLoopback();
  const { netns, migrates } = await testNetwork(scope);
  const network = netns ? { netns } : {};
  const { origins } = await spawnOrigins(scope, [{ name: 'web' }], network);
  const port = netns ? 8080 : await freePort();
  const servers = origins.map((o) => ({ address: o.host, port: o.port }));
  const snapshot = buildSnapshot({
    services: [{ name: 'web', vips: [vip], ports: [port], servers, drainTimeout: 3_000 }],
  });
  const fence = await scope.tempDir('fence');
  const engine = await Engine.start(scope, snapshot, {
    ...network,
    workers: 2,
    env: { SPILLWAY_FENCE_DIR: fence, ...env },
  });
  return {
    netns,
    migrates,
    engine,
    clients: (sort, connections) =>
      spawnClients(
        scope,
        { name: sort, sort, host: vip, port, connections, rate: 400, connectTimeout: 4_000, reopen: true },
        network,
      ),
  };
}

/** What `/metrics` says, by the name before the labels: sums over them. */
async function metrics(w: World): Promise<Map<string, number>> {
  const curl = await RunningProcess.start(scope, 'curl', ['-s', w.engine.ready.metrics ?? ''], {
    ...(w.netns && { netns: w.netns }),
  });
  await curl.exited;
  const sums = new Map<string, number>();
  for (const line of curl.output().split('\n')) {
    const found = /^([a-z_]+)(?:\{.*\})? (\S+)$/.exec(line);
    if (found !== null) sums.set(found[1]!, (sums.get(found[1]!) ?? 0) + Number(found[2]));
  }
  return sums;
}

const live = async (w: World): Promise<number> => (await metrics(w)).get('spillway_se_workers') ?? 0;
const replaced = (w: World): string[] =>
  w.engine.process
    .output()
    .split('\n')
    .filter((line) => /"msg":"worker \d+ is replaced"/.test(line));

function send(pid: number, signal: NodeJS.Signals): number {
  const who = identify(pid);
  if (who !== undefined) signalProcess(who, signal);
  return Date.now();
}

/** Milliseconds from `at` until another worker than `victim` serves in its place. */
async function untilReplaced(w: World, victim: number, at: number): Promise<number> {
  await eventually(
    async () => {
      const pids = w.engine.pids('worker');
      return pids.length === 2 && !pids.includes(victim) && (await live(w)) === 2;
    },
    { what: 'another worker to serve', every: 10, within: 20_000 },
  );
  return Date.now() - at;
}

const failures = (report: ClientsReport): unknown => ({ failed: report.failed, why: report.failures });

describe('replacing workers', () => {
  test('all of them under load, without a failed request', async () => {
    const w = await world();
    const kept = await w.clients('keep-alive', 32);
    const fresh = await w.clients('new-connection', 16);
    for (const c of [kept, fresh]) await c.start();
    await fresh.until('traffic', (p) => p.ok > 100);
    const before = w.engine.pids('worker');
    w.engine.process.signal('SIGUSR2');
    await eventually(() => replaced(w).length === 2, { what: 'both workers to be replaced', within: 60_000 });
    const after = w.engine.pids('worker');
    expect(after).toHaveLength(2);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    const seen = (await kept.progress()).ok;
    await kept.until('traffic after that', (p) => p.ok > seen + 200);
    const reports = [await kept.stop(), await fresh.stop()];
    if (!w.migrates) return; // without it the kernel resets what waits at a listener that closes
    for (const r of reports) expect(failures(r)).toEqual({ failed: 0, why: [] });
  });

  test('connections of all workers are told of, while they are served', async () => {
    const w = await world();
    const kept = await w.clients('keep-alive', 20);
    await kept.start();
    await kept.until('traffic', (p) => p.ok > 100);
    const url = (w.engine.ready.metrics ?? '').replace('/metrics', '/connections?limit=200');
    const read = async (more: string): Promise<{ connections: Record<string, unknown>[] }> => {
      const curl = await RunningProcess.start(scope, 'curl', ['-s', `${url}${more}`], {
        ...(w.netns && { netns: w.netns }),
      });
      await curl.exited;
      return JSON.parse(curl.output()) as { connections: Record<string, unknown>[] };
    };
    const { connections } = await read('');
    const clients = connections.filter((c) => c['side'] === 'client');
    expect(clients.length).toBe(20);
    expect(new Set(clients.map((c) => c['worker'])).size).toBe(2);
    expect((await read('&virtual_service=virtualservice-none')).connections).toEqual([]);
    const report = await kept.stop();
    expect(failures(report)).toEqual({ failed: 0, why: [] });
  });

  test('one that has grown too large', async () => {
    const w = await world({ SPILLWAY_WORKER_MEMORY: '64' });
    const before = w.engine.pids('worker');
    await eventually(() => replaced(w).length >= 1, { what: 'a worker to be replaced', within: 60_000 });
    expect(w.engine.process.output()).toMatch(/is being replaced by worker \d: it uses \d+ MiB of 64 MiB/);
    expect(w.engine.pids('worker').filter((pid) => !before.includes(pid))).toHaveLength(1);
  });

  test.each([
    ['crashed', 'SIGKILL', 0],
    ['hung', 'SIGSTOP', HANG],
  ] as const)('one that has %s, in time', async (_what, signal, limit) => {
    const w = await world();
    await eventually(async () => (await live(w)) === 2, { what: 'both workers to serve', within: 20_000 });
    const [victim = 0] = w.engine.pids('worker');
    const took = await untilReplaced(w, victim, send(victim, signal));
    expect(took).toBeLessThan(limit + SLACK * BUDGET);
  });

  test(`killed ${KILLS} times under load leaves no count behind`, async () => {
    const w = await world();
    const kept = await w.clients('keep-alive', 24);
    const fresh = await w.clients('new-connection', 24);
    for (const c of [kept, fresh]) await c.start();
    await fresh.until('traffic', (p) => p.ok > 50);
    for (let i = 0; i < KILLS; i++) {
      // Any moment of a worker's life: while it starts, applies, serves.
      const pids = w.engine.pids('worker');
      const victim = pids[Math.floor(Math.random() * pids.length)] ?? 0;
      send(victim, 'SIGKILL');
      const ok = (await fresh.progress()).ok;
      const more = Math.floor(Math.random() * 60);
      await fresh.until('more traffic', (p) => p.ok > ok + more);
      await eventually(() => processStat(victim) === undefined, { what: 'the victim to be gone' });
    }
    await eventually(async () => (await live(w)) === 2, { what: 'both workers to serve again' });
    const seen = (await fresh.progress()).ok;
    await fresh.until('traffic after that', (p) => p.ok > seen + 100);
    await kept.stop();
    await fresh.stop();
    const left = ['spillway_vs_connections', 'spillway_vs_requests_active', 'spillway_server_active'];
    await eventually(
      async () => {
        const m = await metrics(w);
        return left.every((name) => m.get(name) === 0);
      },
      { what: 'nothing to be counted any more' },
    );
    const m = await metrics(w);
    // What dead workers had counted is not lost either.
    expect(m.get('spillway_vs_requests_total')).toBeGreaterThanOrEqual(seen);
  });
});
