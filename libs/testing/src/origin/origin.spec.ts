import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { ClientConnection, type RequestSpec } from '../http/connection.js';
import { RequestFailure } from '../http/failure.js';
import { patternBytes } from '../http/pattern.js';
import { header } from '../http/response-parser.js';
import { eventually } from '../process/eventually.js';
import { identify, killNow } from '../process/identity.js';
import { Scope } from '../process/scope.js';
import type { Origin } from './behaviour.js';
import type { EchoedRequest } from './http-origin.js';
import { spawnOrigins, startOrigin } from './spawn.js';

let scope: Scope;
beforeEach(() => {
  scope = new Scope('origin-spec');
});
afterEach(() => scope.close());

async function open(origin: Origin): Promise<ClientConnection> {
  const connection = await ClientConnection.open({ host: origin.host, port: origin.port });
  scope.defer('connection', () => connection.reset());
  return connection;
}

async function fetchOnce(origin: Origin, spec: RequestSpec) {
  return (await open(origin)).request(spec);
}

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(RequestFailure);
  return (error as RequestFailure).reason;
}

describe.each(['127.0.0.1', '::1'])('HTTP origin on %s', (host) => {
  let origin: Origin;
  beforeEach(async () => {
    origin = await startOrigin(scope, { name: 'o1', host });
  });

  it('answers with its name, bytes, chunks, codes and an echo of the head', async () => {
    const connection = await open(origin);
    const first = await connection.request({ path: '/' });
    expect(first.body.toString()).toBe('o1\n');
    expect(header(first.head, 'x-origin')).toBe('o1');
    expect((await connection.request({ path: '/bytes/100000' })).body.equals(patternBytes(100_000))).toBe(
      true,
    );
    expect((await connection.request({ path: '/chunked/5000' })).body.equals(patternBytes(5_000))).toBe(true);
    expect((await connection.request({ path: '/status/404' })).head.status).toBe(404);
    const echo = JSON.parse(
      (await connection.request({ path: '/echo?a=b', headers: { 'X-Mixed': 'Value' } })).body.toString(),
    ) as EchoedRequest;
    expect(echo).toMatchObject({ origin: 'o1', url: '/echo?a=b', remotePort: connection.localPort });
    expect(echo.rawHeaders).toContainEqual(['X-Mixed', 'Value']);
    const body = patternBytes(70_000);
    const back = await connection.request({ path: '/body', method: 'POST', body });
    expect(back.body.equals(body)).toBe(true);
    expect(await origin.counters()).toMatchObject({ requests: 6, connections: 1, openConnections: 1 });
  });

  it('fails and hangs its health, and counts checks apart', async () => {
    const connection = await open(origin);
    expect((await connection.request({ path: '/health' })).head.status).toBe(200);
    await origin.set({ health: 'fail' });
    expect((await connection.request({ path: '/health' })).head.status).toBe(503);
    await origin.set({ health: 'hang' });
    expect(await failure(connection.request({ path: '/health', timeout: 30 }))).toBe('timeout');
    expect(await origin.counters()).toMatchObject({ requests: 0, healthChecks: 3 });
  });

  it('resets, hangs, truncates and corrupts when told to', async () => {
    await origin.set({ respond: 'reset' });
    expect(await failure(fetchOnce(origin, { path: '/' }))).toBe('reset_before_response');
    await origin.set({ respond: 'hang' });
    expect(await failure(fetchOnce(origin, { path: '/', timeout: 30 }))).toBe('timeout');
    await origin.set({ respond: 'normal', truncateEvery: 1 });
    expect(await failure(fetchOnce(origin, { path: '/bytes/1000' }))).toBe('truncated');
    await origin.set({ truncateEvery: 0, corruptEvery: 1 });
    const wrong = await fetchOnce(origin, { path: '/bytes/1000' });
    expect(wrong.body).toHaveLength(1000);
    expect(wrong.body.equals(patternBytes(1000))).toBe(false);
    expect(await origin.counters()).toMatchObject({ resets: 1, truncations: 1, corruptions: 1 });
  });

  it('goes away and comes back on the same port, keeping or cutting connections', async () => {
    const kept = await open(origin);
    await kept.request({ path: '/' });
    const { port } = origin;
    await origin.goAway('keep');
    expect(await failure(ClientConnection.open({ host, port }))).toBe('connect_refused');
    expect((await kept.request({ path: '/' })).head.status).toBe(200);
    await origin.comeBack();
    expect(origin.port).toBe(port);
    expect((await fetchOnce(origin, { path: '/' })).head.status).toBe(200);
    await origin.goAway('reset');
    await eventually(() => kept.ended === 'reset_idle');
  });

  it('streams until the client goes', async () => {
    const connection = await open(origin);
    let text = '';
    const streaming = connection
      .request({ path: '/stream', onBody: (chunk) => (text += chunk.toString()), timeout: 60_000 })
      .catch(() => undefined);
    await eventually(() => text.split('\n').length > 3);
    expect(text).toMatch(/^0 o1\n1 o1\n2 o1\n/);
    connection.reset();
    await eventually(async () => (await origin.counters()).openConnections === 0);
    void streaming;
  });

  it('echoes after an upgrade', async () => {
    const connection = await open(origin);
    const { head } = await connection.request({
      path: '/',
      headers: { Connection: 'Upgrade', Upgrade: 'echo' },
    });
    expect(head.status).toBe(101);
    let text = '';
    connection.onUpgraded = { data: (chunk) => (text += chunk.toString()), end: () => undefined };
    connection.write('ping');
    await eventually(() => text === 'ping');
  });
});

describe('TCP origin', () => {
  it('greets, echoes and answers half-close', async () => {
    const origin = await startOrigin(scope, { name: 't1', kind: 'tcp', banner: true });
    const socket = connect({ host: origin.host, port: origin.port, allowHalfOpen: true });
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.write('abc');
    await eventually(() => text === 't1\nabc');
    socket.end();
    await new Promise((resolve) => socket.once('end', resolve));
    expect(await origin.counters()).toMatchObject({ bytes: 3, connections: 1 });
  });
});

describe('spawned origins', () => {
  it('run in one process of their own, are told apart, and end with the scope', async () => {
    const own = new Scope('own');
    const { origins, program } = await spawnOrigins(own, [
      { name: 'a' },
      { name: 'b', host: '::1' },
      { name: 't', kind: 'tcp' },
    ]);
    expect((await fetchOnce(origins[0]!, { path: '/' })).body.toString()).toBe('a\n');
    expect((await fetchOnce(origins[1]!, { path: '/' })).body.toString()).toBe('b\n');
    await origins[1]!.set({ respond: 'reset' });
    expect(await failure(fetchOnce(origins[1]!, { path: '/' }))).toBe('reset_before_response');
    expect((await fetchOnce(origins[0]!, { path: '/' })).head.status).toBe(200);
    expect(await origins[0]!.counters()).toMatchObject({ requests: 2 });
    await own.close();
    expect(identify(program.process.pid)).toBeUndefined();
  });

  it('report the death of their process in the next call', async () => {
    const { origins, program } = await spawnOrigins(scope, [{ name: 'a' }]);
    await killNow(program.process.identity);
    await program.process.exited;
    await expect(origins[0]!.counters()).rejects.toThrow(/has ended/);
  });
});
