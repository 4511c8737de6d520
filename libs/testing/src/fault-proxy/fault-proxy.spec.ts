import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { ClientConnection, now, type RequestSpec } from '../http/connection.js';
import { RequestFailure } from '../http/failure.js';
import { patternBytes } from '../http/pattern.js';
import type { Origin } from '../origin/behaviour.js';
import { startOrigin } from '../origin/spawn.js';
import { eventually } from '../process/eventually.js';
import { freeUdpPort } from '../process/ports.js';
import { Scope } from '../process/scope.js';
import type { FaultProxy } from './faults.js';
import { spawnFaultProxy, startFaultProxy } from './start.js';

let scope: Scope;
let origin: Origin;
beforeEach(async () => {
  scope = new Scope('fault-proxy-spec');
  origin = await startOrigin(scope, { name: 'o1' });
});
afterEach(() => scope.close());

async function open(proxy: FaultProxy): Promise<ClientConnection> {
  const connection = await ClientConnection.open({ host: proxy.host, port: proxy.port });
  scope.defer('connection', () => connection.reset());
  return connection;
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(RequestFailure);
  return (error as RequestFailure).reason;
}

async function timed(connection: ClientConnection, spec: RequestSpec): Promise<number> {
  const began = now();
  await connection.request(spec);
  return now() - began;
}

describe.each([
  ['in this process', startFaultProxy],
  ['in its own', spawnFaultProxy],
] as const)('TCP fault proxy %s', (_where, start) => {
  let proxy: FaultProxy;
  beforeEach(async () => {
    proxy = await start(scope, { target: { host: origin.host, port: origin.port } });
  });

  it('passes everything both ways when it has no fault', async () => {
    const connection = await open(proxy);
    const body = patternBytes(300_000);
    const reply = await connection.request({ method: 'POST', path: '/body', body });
    expect(reply.body.equals(body)).toBe(true);
    const counters = await proxy.counters();
    expect(counters).toMatchObject({ connections: 1, open: 1 });
    expect(counters.bytesUp).toBeGreaterThan(300_000);
    expect(counters.bytesDown).toBeGreaterThan(300_000);
  });

  it('delays and throttles, switched while connections stand', async () => {
    const connection = await open(proxy);
    await connection.request({ path: '/' });
    await proxy.set({ delay: 60 });
    expect(await timed(connection, { path: '/' })).toBeGreaterThanOrEqual(119);
    await proxy.set({ delay: 0, throttle: 200_000 });
    const took = await timed(connection, { path: '/bytes/100000' });
    expect(took).toBeGreaterThan(350);
    expect(took).toBeLessThan(2_000);
    await proxy.set({ throttle: 0 });
    expect((await connection.request({ path: '/bytes/100000' })).body).toHaveLength(100_000);
  });

  it('swallows without closing, and lets through later what was held', async () => {
    const connection = await open(proxy);
    await connection.request({ path: '/' });
    await proxy.set({ blackhole: true });
    const waiting = connection.request({ path: '/' });
    const other = await open(proxy);
    expect(await reasonOf(other.request({ path: '/', timeout: 100 }))).toBe('timeout');
    expect(connection.ended).toBe('open');
    await proxy.set({ blackhole: false });
    expect((await waiting).head.status).toBe(200);
  });

  it('resets open and new connections, hangs, refuses and comes back', async () => {
    const connection = await open(proxy);
    await connection.request({ path: '/' });
    await proxy.reset();
    await eventually(() => connection.ended === 'reset_idle');
    await eventually(async () => (await origin.counters()).openConnections === 0);
    await proxy.set({ accept: 'reset' });
    const refused = await open(proxy).then(
      (c) => reasonOf(c.request({ path: '/' })),
      () => 'connect_reset',
    );
    expect(['reset_before_response', 'connect_reset']).toContain(refused);
    await proxy.set({ accept: 'hang' });
    expect(await reasonOf((await open(proxy)).request({ path: '/', timeout: 50 }))).toBe('timeout');
    await proxy.refuse();
    expect(await reasonOf(open(proxy))).toBe('connect_refused');
    await proxy.comeBack();
    await proxy.set({ accept: 'forward' });
    expect((await (await open(proxy)).request({ path: '/' })).head.status).toBe(200);
  });

  it('passes on a reset of the origin, or keeps it to itself when half-open', async () => {
    const told = await open(proxy);
    await told.request({ path: '/' });
    await origin.resetConnections();
    await eventually(() => told.ended === 'reset_idle');
    const untold = await open(proxy);
    await untold.request({ path: '/' });
    await proxy.set({ halfOpen: true });
    await origin.resetConnections();
    await eventually(async () => (await origin.counters()).openConnections === 0);
    expect(await reasonOf(untold.request({ path: '/', timeout: 80 }))).toBe('timeout');
  });
});

describe('UDP fault proxy', () => {
  it('passes, loses, delays and swallows datagrams', async () => {
    const port = await freeUdpPort();
    const echo = createSocket('udp4');
    echo.on('message', (data, from) => echo.send(data, from.port, from.address));
    await new Promise<void>((resolve) => {
      echo.bind(port, '127.0.0.1', resolve);
    });
    scope.defer('echo', () => echo.close());
    const proxy = await startFaultProxy(scope, { kind: 'udp', target: { host: '127.0.0.1', port } });
    const client = createSocket('udp4');
    scope.defer('client', () => client.close());
    const got: string[] = [];
    client.on('message', (data) => got.push(data.toString()));
    client.send('one', proxy.port, proxy.host);
    await eventually(() => got.includes('one'));
    await proxy.set({ loss: 0.5 });
    for (let i = 0; i < 200; i++) client.send(`n${i}`, proxy.port, proxy.host);
    await eventually(async () => (await proxy.counters()).dropped + got.length >= 201);
    // Each datagram passes twice: about a quarter of 200 comes back.
    expect(got.length).toBeGreaterThan(20);
    expect(got.length).toBeLessThan(90);
    await proxy.set({ loss: 0, delay: 50 });
    const began = now();
    client.send('late', proxy.port, proxy.host);
    await eventually(() => got.includes('late'));
    expect(now() - began).toBeGreaterThanOrEqual(99);
    await proxy.set({ delay: 0, blackhole: true });
    const { dropped } = await proxy.counters();
    client.send('lost', proxy.port, proxy.host);
    await eventually(async () => (await proxy.counters()).dropped === dropped + 1);
    expect(got).not.toContain('lost');
  });
});
