import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FailureReason } from '../http/failure.js';
import { now } from '../http/connection.js';
import type { Origin } from '../origin/behaviour.js';
import { spawnOrigins, startOrigin } from '../origin/spawn.js';
import { eventually } from '../process/eventually.js';
import { identify, killNow, processStat } from '../process/identity.js';
import { freePort } from '../process/ports.js';
import type { Program } from '../process/program.js';
import { RunningProcess } from '../process/run.js';
import { Scope } from '../process/scope.js';
import { Clients } from './clients.js';
import type { ClientsConfig } from './config.js';
import type { ClientsReport } from './report.js';
import { spawnClients } from './spawn.js';

let scope: Scope;
let origin: Origin;
let originProgram: Program;
beforeEach(async () => {
  scope = new Scope('clients-spec');
  const spawned = await spawnOrigins(scope, [{ name: 'o1' }]);
  origin = spawned.origins[0]!;
  originProgram = spawned.program;
});
afterEach(() => scope.close());

function config(extra: Partial<ClientsConfig> & Pick<ClientsConfig, 'sort'>): ClientsConfig {
  return { name: 'c', host: origin.host, port: origin.port, connections: 4, rate: 0, ...extra };
}

/** Runs until at least `requests` requests were begun, and stops. */
async function runFor(requests: number, extra: Parameters<typeof config>[0]): Promise<ClientsReport> {
  const clients = await spawnClients(scope, config(extra));
  await clients.start();
  await clients.until(`${requests} requests`, (p) => p.sent >= requests, 20_000);
  const report = await clients.stop();
  expectBalanced(report);
  return report;
}

function expectBalanced(r: ClientsReport): void {
  expect(r.sent).toBe(r.ok + r.failed + r.cutAfterDeadline + r.inFlight);
  const reasons = Object.values(r.failuresByReason).reduce((sum, n) => sum + n, 0);
  expect(reasons).toBe(r.failed);
}

describe.each(['keep-alive', 'new-connection'] as const)('%s clients', (sort) => {
  it('count exactly what the origin served when nothing is wrong', async () => {
    const report = await runFor(2_000, {
      sort,
      request: { path: '/bytes/3000' },
      expect: { body: { pattern: 3000 } },
    });
    expect(report).toMatchObject({ failed: 0, cutAfterDeadline: 0, inFlight: 0, notSent: 0 });
    const { requests, connections } = await origin.counters();
    expect(report.ok).toBe(requests);
    expect(report.origins).toEqual({ o1: report.ok });
    expect(report.connections.opened).toBe(connections);
    if (sort === 'keep-alive') expect(connections).toBe(4);
    else expect(connections).toBe(report.ok);
  });

  it.each<[string, Parameters<Origin['set']>[0], FailureReason]>([
    ['resets', { resetEvery: 100 }, 'reset_before_response'],
    ['truncations', { truncateEvery: 100 }, 'truncated'],
    ['wrong bytes', { corruptEvery: 100 }, 'wrong_body'],
  ])('report 1 in 100 %s exactly', async (_what, behaviour, reason) => {
    await origin.set(behaviour);
    const report = await runFor(2_000, {
      sort,
      request: { path: '/bytes/3000' },
      expect: { body: { pattern: 3000 } },
    });
    const { requests, resets, truncations, corruptions } = await origin.counters();
    const made = resets + truncations + corruptions;
    expect(made).toBe(Math.floor(requests / 100));
    expect(report.failed).toBe(made);
    expect(report.failuresByReason).toEqual({ [reason]: made });
    expect(report.summary).toContain(`${reason} ${made}`);
  });

  it('find a truncated chunked body and a wrong status', async () => {
    await origin.set({ truncateEvery: 10 });
    const cut = await runFor(100, { sort, request: { path: '/chunked/3000' } });
    expect(cut.failuresByReason.truncated).toBe((await origin.counters()).truncations);
    await origin.set({ truncateEvery: 0 });
    const bad = await runFor(50, { sort, request: { path: '/status/503' } });
    expect(bad.ok).toBe(0);
    expect(bad.failuresByReason).toEqual({ bad_status: bad.failed });
    expect(bad.failures[0]).toMatchObject({ status: 503, reason: 'bad_status' });
  });

  it('tell refused, timed out and hanging apart', async () => {
    await origin.set({ respond: 'hang' });
    const hung = await runFor(4, { sort, requestTimeout: 50 });
    expect(hung.failuresByReason).toEqual({ timeout: hung.failed });
    await origin.goAway();
    const refused = await runFor(8, { sort });
    expect(refused.failuresByReason).toEqual({ connect_refused: refused.failed });
    expect(refused.newConnections).toMatchObject({ ok: 0, failed: refused.failed });
  });

  it('send and verify bodies', async () => {
    const report = await runFor(100, {
      sort,
      request: { method: 'POST', path: '/body', bodyBytes: 20_000 },
      expect: { body: { pattern: 20_000 } },
    });
    expect(report.failed).toBe(0);
  });

  it('count what is under way at the stop apart', async () => {
    await origin.set({ respond: 'hang' });
    const clients = await spawnClients(scope, config({ sort }));
    await clients.start();
    await clients.until('all sent', (p) => p.inFlight === 4);
    const report = await clients.stop(50);
    expectBalanced(report);
    expect(report).toMatchObject({ sent: 4, inFlight: 4, failed: 0 });
  });
});

describe('keep-alive clients', () => {
  it('reconnect after an announced close, which is no failure', async () => {
    await origin.set({ closeAfterResponse: true });
    const report = await runFor(500, { sort: 'keep-alive' });
    expect(report.failed).toBe(0);
    expect(report.connections.announcedCloses).toBe(report.ok);
    expect(report.connections.opened).toBe(report.ok);
  });

  it('count a reset between two requests apart, not as a failed request', async () => {
    const clients = await spawnClients(scope, config({ sort: 'keep-alive', rate: 4 }));
    await clients.start();
    await clients.until('all connected', (p) => p.openConnections === 4);
    await origin.resetConnections();
    await clients.until('reconnected', (p) => p.ok >= 8 && p.openConnections === 4);
    const report = await clients.stop();
    expectBalanced(report);
    expect(report.failed).toBe(0);
    expect(report.connections.idleResets).toBe(4);
    expect(report.history.filter((c) => c.ended === 'reset_idle')).toHaveLength(4);
  });

  it('keep to their rate', async () => {
    const clients = await spawnClients(scope, config({ sort: 'keep-alive', rate: 250 }));
    const began = now();
    await clients.start();
    const { sent, at } = await clients.until('250 requests', (p) => p.sent >= 250);
    expect(sent / ((at - began) / 1000)).toBeLessThan(260);
    expect(at - began).toBeLessThan(3_000);
    await clients.stop();
  });
});

describe('open loop', () => {
  it('starts on schedule while answers are slow, and says what the bound forbade', async () => {
    await origin.set({ delay: 200 });
    const wide = await spawnClients(
      scope,
      config({ sort: 'new-connection', openLoop: true, rate: 200, connections: 1_000 }),
    );
    await wide.start();
    await wide.until('200 starts', (p) => p.sent >= 200);
    const report = await wide.stop();
    expectBalanced(report);
    expect(report).toMatchObject({ failed: 0, notSent: 0, inFlight: 0 });
    expect(report.latency.p50).toBeGreaterThanOrEqual(200);
    const narrow = await spawnClients(
      scope,
      config({ sort: 'new-connection', openLoop: true, rate: 200, connections: 10 }),
    );
    await narrow.start();
    await narrow.until('refused starts', (p) => p.notSent > 50);
    expectBalanced(await narrow.stop());
  });

  it('measures when the last new connection failed and the longest gap', async () => {
    const clients = await spawnClients(
      scope,
      config({ sort: 'new-connection', openLoop: true, rate: 200, connections: 500 }),
    );
    await clients.start();
    await clients.until('traffic', (p) => p.ok > 20);
    const gone = now();
    await origin.goAway();
    await clients.until('failures', (p) => p.failed >= 60);
    const back = now();
    await origin.comeBack();
    const after = (await clients.progress()).ok;
    await clients.until('traffic again', (p) => p.ok > after + 50);
    const report = await clients.stop();
    expectBalanced(report);
    expect(report.firstFailureAt).toBeGreaterThan(gone - 100);
    expect(report.lastFailedNewConnectionAt).toBeGreaterThan(gone);
    expect(report.lastFailedNewConnectionAt).toBeLessThan(now());
    expect(report.newConnections.maxGap).toBeGreaterThan((back - gone) * 0.8);
    expect(report.newConnections.maxGapEndedAt).toBeGreaterThan(back - 1);
  });

  it('sees connections that stay in the queue of a stopped server time out', async () => {
    const stopped = await RunningProcess.start(scope, process.execPath, [
      '-e',
      `const s=require('node:net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},()=>console.log('port '+s.address().port))`,
    ]);
    const port = Number((await stopped.waitForOutput(/port (\d+)/))[1]);
    stopped.signal('SIGSTOP');
    await eventually(() => processStat(stopped.pid)?.state === 'T');
    const report = await runFor(12, {
      sort: 'new-connection',
      port,
      connections: 12,
      connectTimeout: 300,
      requestTimeout: 300,
    });
    // The kernel takes backlog + 1 connections by itself; the rest get no answer to their SYN.
    expect(report.failuresByReason.connect_timeout).toBeGreaterThan(0);
    expect(report.failuresByReason.timeout).toBeGreaterThan(0);
    expect(report.ok).toBe(0);
  });
});

describe.each(['stream', 'tunnel', 'tcp'] as const)('%s clients', (sort) => {
  let target: Origin;
  let extra: Parameters<typeof config>[0];
  beforeEach(async () => {
    target = sort === 'tcp' ? await startOrigin(scope, { name: 't1', kind: 'tcp' }) : origin;
    extra = { sort, port: target.port, pingInterval: 50, connections: 5 };
  });

  it('stand and exchange messages; at the stop they are in flight', async () => {
    const clients = await spawnClients(scope, config(extra));
    await clients.start();
    await clients.until('messages', (p) => p.established === 5 && p.messages >= 15);
    const report = await clients.stop();
    expectBalanced(report);
    expect(report).toMatchObject({ sent: 5, inFlight: 5, failed: 0, newConnections: { ok: 5, failed: 0 } });
    expect(report.longLived.established).toBe(5);
  });

  it('report each broken one and open another', async () => {
    const clients = await spawnClients(scope, config(extra));
    await clients.start();
    await clients.until('standing', (p) => p.established === 5);
    await target.resetConnections();
    await clients.until('standing again', (p) => p.failed === 5 && p.established === 5);
    const report = await clients.stop();
    expectBalanced(report);
    expect(report.failuresByReason).toEqual({ truncated: 5 });
    expect(report.inFlight).toBe(5);
  });

  it('report silence', async () => {
    const clients = await spawnClients(scope, config({ ...extra, stallTimeout: 250, reopen: false }));
    await clients.start();
    await clients.until('standing', (p) => p.established === 5);
    if (sort === 'tcp') await target.set({ respond: 'hang' });
    else originProgram.process.signal('SIGSTOP');
    await clients.until('stalled', (p) => p.failed === 5);
    originProgram.process.signal('SIGCONT');
    const report = await clients.stop();
    expectBalanced(report);
    expect(report.failuresByReason).toEqual({ stalled: 5 });
  });
});

async function standing() {
  const clients = await spawnClients(scope, config({ sort: 'stream', connections: 5, reopen: false }));
  await clients.start();
  await clients.setServiceEngines({ se1: originProgram.process.pid });
  await clients.until('attributed', (p) => p.openPerSe['se1'] === 5);
  await clients.until('standing', (p) => p.established === 5);
  return clients;
}

describe('a drain that was announced', () => {
  it('makes resets at its deadline cuts', async () => {
    const clients = await standing();
    await clients.drain({ se: 'se1', deadline: now() });
    await origin.resetConnections();
    await clients.until('cut', (p) => p.failed === 5);
    const report = await clients.stop();
    expectBalanced(report);
    expect(report).toMatchObject({ failed: 0, cutAfterDeadline: 5 });
    expect(report.serviceEngines['se1']).toMatchObject({ connections: 5, openConnections: 0 });
  });

  it.each([
    ['before the deadline', 'se1', 10_000],
    ['on another SE', 'se2', 0],
  ])('leaves resets %s failures', async (_when, se, later) => {
    const clients = await standing();
    await clients.drain({ se, deadline: now() + later });
    await origin.resetConnections();
    await clients.until('cut', (p) => p.failed === 5);
    const report = await clients.stop();
    expect(report).toMatchObject({ failed: 5, cutAfterDeadline: 0 });
    expect(report.failures[0]).toMatchObject({ reason: 'truncated', se: 'se1' });
  });
});

describe('attribution', () => {
  it('tells from the kernel tables who holds the other end, also for IPv6', async () => {
    const port = await freePort('::1');
    const other = await spawnOrigins(scope, [{ name: 'six', host: '::1', port }]);
    const clients = await spawnClients(
      scope,
      config({ sort: 'keep-alive', host: '::1', port, rate: 100, connections: 6 }),
    );
    await clients.start();
    await clients.setServiceEngines({
      four: originProgram.process.pid,
      six: other.program.process.pid,
    });
    await clients.until('attributed', (p) => p.openPerSe['six'] === 6);
    // Every connection has one request at a time, so among so many more one has begun since.
    const { ok } = await clients.progress();
    await clients.until('answers', (p) => p.ok > ok + 6);
    const report = await clients.stop();
    expect(Object.keys(report.serviceEngines)).toEqual(['six']);
    expect(report.serviceEngines['six']!.ok).toBeGreaterThan(0);
  });
});

describe('the process of the clients', () => {
  it('refuses a configuration that cannot be run', () => {
    expect(() => new Clients(config({ sort: 'stream', openLoop: true }))).toThrow(/new-connection/);
    expect(() => new Clients(config({ sort: 'keep-alive', connections: 0 }))).toThrow(/at least 1/);
    expect(() => new Clients(config({ sort: 'new-connection', openLoop: true, rate: 0 }))).toThrow(/rate/);
  });

  it('ends with the scope, and a killed one is noticed', async () => {
    const own = new Scope('own');
    const clients = await spawnClients(own, config({ sort: 'keep-alive' }));
    await clients.start();
    const { process: running } = (clients as unknown as { program: Program }).program;
    expect(identify(running.pid)).toBeDefined();
    await killNow(running.identity);
    await expect(clients.report()).rejects.toThrow(/ended|channel/i);
    await own.close();
    expect(identify(running.pid)).toBeUndefined();
  });
});
