import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  eventually,
  identify,
  isAlive,
  Netns,
  processStat,
  processTree,
  RunningProcess,
  Scope,
  signalProcess,
  spawnClients,
  spawnOrigins,
  type Origin,
  type SpawnedClients,
} from '@spillway/testing';
import { Engine } from './engine.js';
import { buildSnapshot, type SnapshotSpec } from './snapshot.js';

jest.setTimeout(90_000);
const VIP = '10.90.0.1';
const PORT = 8080;
/** Promise: a process that hangs costs new connections for at most so many milliseconds. */
const HUNG = 1_500;

let scope: Scope;
beforeEach(() => {
  scope = new Scope('crash');
});
afterEach(async () => await scope.close());

// Without a namespace of its own there is no tcp_migrate_req and no VIP on lo.
const inNamespace = Netns.available ? describe : describe.skip;

interface World {
  netns: Netns;
  fence: string;
  origin: Origin;
  snapshot: (more?: Partial<SnapshotSpec>) => ReturnType<typeof buildSnapshot>;
  engine: (se: string, workers?: number) => Promise<Engine>;
  clients: (sort: 'new-connection' | 'keep-alive' | 'tunnel', connections: number) => Promise<SpawnedClients>;
}

async function world(): Promise<World> {
  const netns = await Netns.create(scope, 'crash');
  const { origins } = await spawnOrigins(scope, [{ name: 'web' }], { netns });
  const origin = origins[0]!;
  const fence = await scope.tempDir('fence');
  const servers = [{ address: origin.host, port: origin.port }];
  const snapshot = (more: Partial<SnapshotSpec> = {}) =>
    buildSnapshot({ services: [{ name: 'web', vips: [VIP], ports: [PORT], servers }], ...more });
  return {
    netns,
    fence,
    origin,
    snapshot,
    engine: (se, workers = 2) =>
      Engine.start(scope, snapshot({ se }), { netns, workers, env: { SPILLWAY_FENCE_DIR: fence } }),
    clients: (sort, connections) =>
      spawnClients(
        scope,
        { name: sort, sort, host: VIP, port: PORT, connections, rate: 400, connectTimeout: 4_000 },
        { netns },
      ),
  };
}

/** Milliseconds from `at` to the start of the last new connection that failed; 0 when none did. */
const lastFailure = (at: number, report: { lastFailedNewConnectionAt?: number }): number =>
  Math.max(0, (report.lastFailedNewConnectionAt ?? at) - at);

async function stopAll(pids: number[], signal: NodeJS.Signals): Promise<number> {
  const at = Date.now();
  for (const pid of pids) {
    const who = identify(pid);
    if (who !== undefined) signalProcess(who, signal);
  }
  return await Promise.resolve(at);
}

inNamespace('when a process of an SE dies or hangs', () => {
  test('the VIP is added to lo while it is served, and removed by the last SE', async () => {
    const w = await world();
    const [a, b] = [await w.engine('se-a'), await w.engine('se-b')];
    const addresses = async (): Promise<string> => {
      const show = await RunningProcess.start(scope, 'ip', ['-o', 'addr', 'show', 'dev', 'lo'], {
        netns: w.netns,
      });
      await show.exited;
      return show.output();
    };
    expect(await addresses()).toContain(VIP);
    a.process.signal('SIGTERM');
    await a.process.exited;
    expect(await addresses()).toContain(VIP);
    b.process.signal('SIGTERM');
    await b.process.exited;
    expect(await addresses()).not.toContain(VIP);
  });

  test('a killed worker is replaced, and nobody but its own connections notices', async () => {
    const w = await world();
    const engine = await w.engine('se-a');
    const fresh = await w.clients('new-connection', 32);
    await fresh.start();
    await fresh.until('traffic', (p) => p.ok > 100);
    const [victim = 0] = engine.pids('worker');
    const at = await stopAll([victim], 'SIGKILL');
    await eventually(() => engine.pids('worker').length === 2 && !engine.pids('worker').includes(victim), {
      what: 'another worker to be started',
    });
    await eventually(async () => (await inside(w, engine)).get('spillway_se_workers') === 2, {
      what: 'it to be handed its configuration',
    });
    const seen = (await fresh.progress()).ok;
    await fresh.until('traffic after that', (p) => p.ok > seen + 200);
    const report = await fresh.stop();
    expect(lastFailure(at, report)).toBeLessThan(200);
    expect(Object.keys(report.failuresByReason).filter((r) => r !== 'reset' && r !== 'closed')).toEqual([]);
  });

  test('a hung worker is killed in time', async () => {
    const w = await world();
    const engine = await w.engine('se-a');
    const fresh = await w.clients('new-connection', 64);
    await fresh.start();
    await fresh.until('traffic', (p) => p.ok > 100);
    const [victim = 0, other = 0] = engine.pids('worker');
    const at = await stopAll([victim], 'SIGSTOP');
    await eventually(() => processStat(victim) === undefined, { what: 'the hung worker to be killed' });
    expect(engine.pids('worker')).toContain(other);
    await eventually(() => engine.pids('worker').length === 2, { what: 'another worker to be started' });
    const seen = (await fresh.progress()).ok;
    await fresh.until('traffic after that', (p) => p.ok > seen + 200);
    const report = await fresh.stop();
    expect(lastFailure(at, report)).toBeLessThan(HUNG);
  });

  test('a killed agent comes back without disturbing a connection', async () => {
    const w = await world();
    const engine = await w.engine('se-a');
    const [fresh, kept, long] = [
      await w.clients('new-connection', 16),
      await w.clients('keep-alive', 16),
      await w.clients('tunnel', 16),
    ];
    for (const c of [fresh, kept, long]) await c.start();
    await fresh.until('traffic', (p) => p.ok > 100);
    const workers = engine.pids('worker');
    const [agent = 0] = engine.pids('agent');
    await stopAll([agent], 'SIGKILL');
    await eventually(() => engine.pids('agent').some((pid) => pid !== agent), { what: 'another agent' });
    // It takes over: what it is told now becomes live.
    await eventually(() => engine.process.output().split('the snapshot is live').length > 2, {
      what: 'it to be ready',
    });
    await engine.reload(w.snapshot({ generation: 2 }));
    const seen = (await kept.progress()).ok;
    await kept.until('traffic after that', (p) => p.ok > seen + 200);
    expect(engine.pids('worker')).toEqual(workers);
    const reports = [await kept.stop(), await long.stop()];
    for (const r of reports) expect({ failed: r.failed, why: r.failures }).toEqual({ failed: 0, why: [] });
    expect(reports[1]!.connections.opened).toBe(16);
  });

  test.each([
    ['its supervisor', (e: Engine) => [e.pid]],
    ['all of it', (e: Engine) => processTree(e.pid).map((p) => p.pid)],
  ])('a hung SE (%s) is fenced by its peer', async (_what, of) => {
    const w = await world();
    const [hung, peer] = [await w.engine('se-a'), await w.engine('se-b')];
    const fresh = await w.clients('new-connection', 64);
    await fresh.start();
    await fresh.until('traffic', (p) => p.ok > 200);
    const tree = processTree(hung.pid).map((p) => ({ pid: p.pid, startTime: p.startTime }));
    expect(tree).toHaveLength(4);
    const at = await stopAll(of(hung), 'SIGSTOP');
    await eventually(() => tree.every((p) => !isAlive(p)), { what: 'the whole tree to be killed' });
    const seen = (await fresh.progress()).ok;
    await fresh.until('traffic after that', (p) => p.ok > seen + 200);
    const report = await fresh.stop();
    expect(lastFailure(at, report)).toBeLessThan(HUNG);
    expect(peer.process.output()).toContain('a peer has stopped beating');
    expect(peer.pids('worker')).toHaveLength(2);
  });

  test('a killed supervisor takes its SE with it, and its peer serves on', async () => {
    const w = await world();
    const [gone, peer] = [await w.engine('se-a'), await w.engine('se-b')];
    const fresh = await w.clients('new-connection', 32);
    await fresh.start();
    await fresh.until('traffic', (p) => p.ok > 200);
    const tree = processTree(gone.pid).map((p) => ({ pid: p.pid, startTime: p.startTime }));
    const at = await stopAll([gone.pid], 'SIGKILL');
    await eventually(() => tree.every((p) => !isAlive(p)), { what: 'the whole tree to end' });
    const seen = (await fresh.progress()).ok;
    await fresh.until('traffic after that', (p) => p.ok > seen + 200);
    expect(lastFailure(at, await fresh.stop())).toBeLessThan(1_000);
    expect(peer.pids('worker')).toHaveLength(2);
  });
});

inNamespace('a VIP that is taken', () => {
  test('by another cluster is refused, and the holder is named', async () => {
    const w = await world();
    const first = await w.engine('se-a');
    const second = await Engine.start(scope, w.snapshot({ se: 'se-x', cluster: 'cluster-2' }), {
      netns: w.netns,
    });
    expect(second.ready.ready).toBe(false);
    expect(second.ready.failures?.[0]).toMatch(
      new RegExp(
        `${VIP}:${PORT} is claimed by virtual service web of cluster cluster-1 on service engine se-a \\(pid \\d+\\)`,
      ),
    );
    expect(await second.process.exited).toEqual({ code: 1, signal: null });
    expect(first.pids('worker')).toHaveLength(2);
  });

  test('by a process that is no SE is refused, and it is named', async () => {
    const w = await world();
    await w.netns.addAddress(VIP);
    await spawnOrigins(scope, [{ name: 'squatter', host: VIP, port: PORT }], { netns: w.netns });
    const engine = await Engine.start(scope, w.snapshot(), { netns: w.netns });
    expect(engine.ready.failures?.[0]).toMatch(
      /10\.90\.0\.1:8080 is in use by pid \d+ \(.*origin\.program\.js/,
    );
  });
});

/** The metrics of an engine inside the namespace. */
async function inside(w: World, engine: Engine): Promise<Map<string, number>> {
  const curl = await RunningProcess.start(scope, 'curl', ['-s', engine.ready.metrics ?? ''], {
    netns: w.netns,
  });
  await curl.exited;
  return new Map(
    curl
      .output()
      .split('\n')
      .filter((l) => l !== '' && !l.startsWith('#'))
      .map((l): [string, number] => [l.slice(0, l.lastIndexOf(' ')), Number(l.slice(l.lastIndexOf(' ')))]),
  );
}
