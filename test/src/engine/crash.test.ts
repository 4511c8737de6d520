import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  eventually,
  identify,
  isAlive,
  processStat,
  processTree,
  RunningProcess,
  Scope,
  signalProcess,
  spawnClients,
  spawnOrigins,
  type Origin,
  type SpawnedClients,
  type ClientsReport,
  type Netns,
  freeLoopback,
  freePort,
  testNetwork,
} from '@spillway/testing';
import { Engine } from './engine.js';
import { buildSnapshot, type SnapshotSpec } from './snapshot.js';

jest.setTimeout(90_000);
/** Promise: a process that hangs costs new connections for at most so many milliseconds. */
const HUNG = 1_500;

let scope: Scope;
beforeEach(() => {
  scope = new Scope('crash');
});
afterEach(async () => await scope.close());

interface World {
  netns: Netns | undefined;
  /** The kernel hands queued connections over: nothing is promised without that. */
  migrates: boolean;
  isolated: boolean;
  vip: string;
  port: number;
  origin: Origin;
  snapshot: (more?: Partial<SnapshotSpec>) => ReturnType<typeof buildSnapshot>;
  engine: (se: string, workers?: number) => Promise<Engine>;
  clients: (sort: 'new-connection' | 'keep-alive' | 'tunnel', connections: number) => Promise<SpawnedClients>;
}

async function world(vip = freeLoopback()): Promise<World> {
  const { netns, isolated, migrates } = await testNetwork(scope);
  const network = netns ? { netns } : {};
  const { origins } = await spawnOrigins(scope, [{ name: 'web' }], network);
  const origin = origins[0]!;
  const port = netns ? 8080 : await freePort();
  const env = { SPILLWAY_FENCE_DIR: await scope.tempDir('fence') };
  const servers = [{ address: origin.host, port: origin.port }];
  const snapshot = (more: Partial<SnapshotSpec> = {}) =>
    buildSnapshot({ services: [{ name: 'web', vips: [vip], ports: [port], servers }], ...more });
  return {
    netns,
    migrates,
    isolated,
    vip,
    port,
    origin,
    snapshot,
    engine: (se, workers = 2) => Engine.start(scope, snapshot({ se }), { ...network, workers, env }),
    clients: (sort, connections) =>
      spawnClients(
        scope,
        { name: sort, sort, host: vip, port, connections, rate: 400, connectTimeout: 4_000, reopen: false },
        network,
      ),
  };
}

/** New connections may fail for so long after `at`; only where the kernel hands over what is queued. */
function expectOver(w: World, report: ClientsReport, at: number, within: number): void {
  if (w.migrates) expect(lastFailure(at, report)).toBeLessThan(within);
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

describe('when a process of an SE dies or hangs', () => {
  test('the VIP is added to lo while it is served, and removed by the last SE', async () => {
    const w = await world(`10.90.${process.pid % 250}.1`);
    if (!w.isolated) return expect((await w.engine('se-a')).ready.failures?.[0]).toContain('ip addr add');
    const [a, b] = [await w.engine('se-a'), await w.engine('se-b')];
    const addresses = async (): Promise<string> => {
      const show = await RunningProcess.start(scope, 'ip', ['-o', 'addr', 'show', 'dev', 'lo'], {
        ...(w.netns && { ...(w.netns && { netns: w.netns }) }),
      });
      await show.exited;
      return show.output();
    };
    expect(await addresses()).toContain(w.vip);
    a.process.signal('SIGTERM');
    await a.process.exited;
    expect(await addresses()).toContain(w.vip);
    b.process.signal('SIGTERM');
    await b.process.exited;
    expect(await addresses()).not.toContain(w.vip);
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
    await eventually(async () => (await metricsOf(w, engine)).get('spillway_se_workers') === 2, {
      what: 'it to be handed its configuration',
    });
    const seen = (await fresh.progress()).ok;
    await fresh.until('traffic after that', (p) => p.ok > seen + 200);
    const report = await fresh.stop();
    expectOver(w, report, at, 200);
    // Only what was on the worker itself: no connection was refused or left without an answer.
    const own = ['reset_before_response', 'closed_before_response', 'truncated'];
    expect(Object.keys(report.failuresByReason).filter((r) => !own.includes(r))).toEqual([]);
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
    expectOver(w, report, at, HUNG);
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

  test('an SE that is told to stop while its agent is being started again drains all the same', async () => {
    const w = await world();
    const engine = await w.engine('se-a');
    const long = await w.clients('tunnel', 8);
    await long.start();
    await long.until('tunnels to stand', (p) => p.established === 8);
    const [agent = 0] = engine.pids('agent');
    await stopAll([agent], 'SIGKILL');
    await long.drain({ deadline: Date.now() + 300 });
    engine.process.signal('SIGTERM');
    expect(await engine.process.exited).toEqual({ code: 0, signal: null });
    const report = await long.stop();
    expect({ failed: report.failed, cut: report.cutAfterDeadline >= 8 }).toEqual({ failed: 0, cut: true });
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
    expectOver(w, report, at, HUNG);
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
    expectOver(w, await fresh.stop(), at, 1_000);
    expect(peer.pids('worker')).toHaveLength(2);
  });
});

describe('a VIP that is taken', () => {
  test('by another cluster is refused, and the holder is named', async () => {
    const w = await world();
    const first = await w.engine('se-a');
    const second = await Engine.start(scope, w.snapshot({ se: 'se-x', cluster: 'cluster-2' }), {
      ...(w.netns && { ...(w.netns && { netns: w.netns }) }),
    });
    expect(second.ready.ready).toBe(false);
    expect(second.ready.failures?.[0]).toMatch(
      new RegExp(
        `${w.vip}:${w.port} is claimed by virtual service web of cluster cluster-1 on service engine se-a \\(pid \\d+\\)`,
      ),
    );
    expect(await second.process.exited).toEqual({ code: 1, signal: null });
    expect(first.pids('worker')).toHaveLength(2);
  });

  test('by a process that is no SE is refused, and it is named', async () => {
    const w = await world();
    await spawnOrigins(scope, [{ name: 'squatter', host: w.vip, port: w.port }], {
      ...(w.netns && { netns: w.netns }),
    });
    const engine = await Engine.start(scope, w.snapshot(), { ...(w.netns && { netns: w.netns }) });
    expect(engine.ready.failures?.[0]).toMatch(
      new RegExp(`${w.vip}:${w.port} is in use by pid \\d+ \\(.*origin\\.program\\.js`),
    );
  });
});

/** The metrics of an engine, wherever it runs. */
async function metricsOf(w: World, engine: Engine): Promise<Map<string, number>> {
  const curl = await RunningProcess.start(scope, 'curl', ['-s', engine.ready.metrics ?? ''], {
    ...(w.netns && { ...(w.netns && { netns: w.netns }) }),
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
