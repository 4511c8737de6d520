import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  eventually,
  freeLoopback,
  freePorts,
  Scope,
  spawnClients,
  startOrigin,
  ClientConnection,
} from '@spillway/testing';
import { Engine } from './engine.js';
import { buildSnapshot } from './snapshot.js';

jest.setTimeout(60_000);
let scope: Scope;
beforeEach(() => {
  scope = new Scope('serve');
});
afterEach(async () => await scope.close());

describe('an engine on a snapshot file', () => {
  test('serves HTTP and TCP on IPv4 and IPv6, on several ports and ranges', async () => {
    const web = await startOrigin(scope, { name: 'web' });
    const echo = await startOrigin(scope, { name: 'echo', kind: 'tcp' });
    const vip = freeLoopback();
    const [a = 0, b = 0, six = 0] = await freePorts(3, vip);
    const low = 20_000 + (process.pid % 20_000);
    const engine = await Engine.start(
      scope,
      buildSnapshot({
        services: [
          {
            name: 'web',
            vips: [vip, '::1'],
            ports: [a, [low, low + 3]],
            servers: [{ address: web.host, port: web.port }],
          },
          {
            name: 'echo',
            vips: [vip],
            ports: [b],
            servers: [{ address: echo.host, port: echo.port }],
            type: 'tcp',
          },
          { name: 'six', vips: ['::1'], ports: [six], servers: [{ address: web.host, port: web.port }] },
        ],
      }),
    );
    expect(engine.ready).toMatchObject({ ready: true });
    expect(engine.ready.listeners).toHaveLength(5 * 2 + 1 + 1);
    for (const [host, port] of [
      [vip, a],
      [vip, low],
      [vip, low + 3],
      ['[::1]', low + 1],
      ['[::1]', six],
    ] as const)
      expect(await (await fetch(`http://${host}:${port}/`)).text()).toBe('web\n');
    const tcp = await spawnClients(scope, {
      name: 'tcp',
      sort: 'tcp',
      host: vip,
      port: b,
      connections: 4,
      pingInterval: 20,
    });
    await tcp.start();
    await tcp.until('pings to come back', (p) => p.messages > 20);
    const report = await tcp.stop();
    expect(report.failed).toBe(0);
    const metrics = await engine.metrics();
    expect(metrics.get('spillway_vs_requests_total{virtual_service="virtualservice-web"}')).toBe(4);
    expect(metrics.get('spillway_server_up{pool="pool-web",server="127.0.0.1:' + web.port + '"}')).toBe(1);
    expect(metrics.get('spillway_se_workers')).toBe(2);
  });

  test('all servers down is a 503, and the first good check ends it', async () => {
    const web = await startOrigin(scope, { name: 'web' });
    await web.goAway();
    const vip = freeLoopback();
    const [port = 0] = await freePorts(1, vip);
    const servers = [{ address: web.host, port: web.port }];
    const engine = await Engine.start(
      scope,
      buildSnapshot({ services: [{ name: 'web', vips: [vip], ports: [port], servers }] }),
    );
    const answer = async () => (await fetch(`http://${vip}:${port}/`)).status;
    expect(await answer()).toBe(503);
    await web.comeBack();
    await eventually(async () => (await answer()) === 200, { what: 'the server to be admitted' });
    expect(engine.process.output()).toContain('"code":"CONNECTION_REFUSED"');
  });

  test('edits of servers and pools under load lose nothing, and memory stays flat', async () => {
    const origins = await Promise.all(['a', 'b', 'c'].map((name) => startOrigin(scope, { name })));
    const vip = freeLoopback();
    const [port = 0] = await freePorts(1, vip);
    const version = (generation: number) =>
      buildSnapshot({
        generation,
        services: [
          {
            name: 'web',
            vips: [vip],
            ports: [port],
            servers: origins
              .filter((_, i) => i !== generation % 3)
              .map((o) => ({ address: o.host, port: o.port })),
            monitored: generation % 2 === 0,
            graceful: 5_000,
          },
        ],
      });
    const engine = await Engine.start(scope, version(1));
    const config = { host: vip, port, connections: 8, rate: 200 };
    const kept = await spawnClients(scope, { ...config, name: 'kept', sort: 'keep-alive' });
    const fresh = await spawnClients(scope, { ...config, name: 'fresh', sort: 'new-connection' });
    const long = await spawnClients(scope, { ...config, name: 'long', sort: 'tunnel', connections: 100 });
    await Promise.all([kept.start(), fresh.start(), long.start()]);
    await long.until('tunnels to stand', (p) => p.established === 100);
    for (let g = 2; g <= 30; g++) await engine.reload(version(g));
    const before = engine.memory();
    for (let g = 31; g <= 130; g++) await engine.reload(version(g));
    const grown = engine.memory() - before;
    const reports = [await kept.stop(), await fresh.stop()];
    for (const r of reports) expect({ failed: r.failed, why: r.failures }).toEqual({ failed: 0, why: [] });
    // Per edit, over four processes; garbage that waits for its collector included.
    expect(grown).toBeLessThan(48 * 1024 * 1024);
  });

  test('a snapshot that cannot be run leaves the one that is live', async () => {
    const web = await startOrigin(scope, { name: 'web' });
    const vip = freeLoopback();
    const [port = 0] = await freePorts(1, vip);
    const services = [
      { name: 'web', vips: [vip], ports: [port], servers: [{ address: web.host, port: web.port }] },
    ];
    const engine = await Engine.start(scope, buildSnapshot({ services, epoch: 5 }));
    const bad = buildSnapshot({ services, epoch: 4, generation: 99 });
    engine.reread(bad);
    await eventually(() => engine.process.output().includes('epoch 4 is below 5'), { what: 'the refusal' });
    expect((await fetch(`http://${vip}:${port}/`)).status).toBe(200);
  });
});

test('SIGTERM drains: nothing new, what ends in time is whole, the rest is reset at the deadline', async () => {
  const web = await startOrigin(scope, { name: 'web' });
  const vip = freeLoopback();
  const [port = 0] = await freePorts(1, vip);
  const services = [
    {
      name: 'web',
      vips: [vip],
      ports: [port],
      servers: [{ address: web.host, port: web.port }],
      drainTimeout: 1_500,
    },
  ];
  const engine = await Engine.start(scope, buildSnapshot({ services }));
  const long = await spawnClients(scope, {
    name: 'long',
    sort: 'tunnel',
    host: vip,
    port,
    connections: 6,
    reopen: false,
  });
  await long.start();
  await long.until('tunnels to stand', (p) => p.established === 6);
  const inTime = await ClientConnection.open({ host: vip, port });
  const slow = inTime.request({ path: '/delay/700' });
  const began = performance.now();
  await long.drain({ deadline: Date.now() + 1_300 });
  engine.process.signal('SIGTERM');
  await eventually(
    () =>
      fetch(`http://${vip}:${port}/`)
        .then(() => false)
        .catch(() => true),
    { what: 'the listener to be closed' },
  );
  await eventually(() => Number(engine.placement('web')?.['connectionsLeft']) >= 6, {
    what: 'the connections left to be told',
  });
  expect((await slow).head.status).toBe(200);
  expect(await engine.process.exited).toEqual({ code: 0, signal: null });
  const took = performance.now() - began;
  expect(took).toBeGreaterThan(1_300);
  expect(took).toBeLessThan(4_000);
  const report = await long.stop();
  expect(report.cutAfterDeadline).toBe(6);
  expect(engine.placement('web')).toMatchObject({
    state: 'drained',
    connectionsLeft: 0,
    connectionsReset: 6,
  });
});

test('SIGTERM with nothing open ends at once', async () => {
  const web = await startOrigin(scope, { name: 'web' });
  const vip = freeLoopback();
  const [port = 0] = await freePorts(1, vip);
  const services = [
    { name: 'web', vips: [vip], ports: [port], servers: [{ address: web.host, port: web.port }] },
  ];
  const engine = await Engine.start(scope, buildSnapshot({ services }));
  const began = performance.now();
  engine.process.signal('SIGTERM');
  expect(await engine.process.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(1_500);
});
