import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import net from 'node:net';
import { eventually, freeLoopback, freePort, processStat, Scope } from '@spillway/testing';
import { Engine } from './engine.js';
import { buildSnapshot } from './snapshot.js';

jest.setTimeout(180_000);

/** Clients that read nothing; `SPILLWAY_SLOW_CLIENTS=10000` is the long form (needs as many descriptors). */
const CLIENTS = Number(process.env['SPILLWAY_SLOW_CLIENTS'] ?? 2500);
const MEBIBYTE = 2 ** 20;
/**
 * What may wait in a worker, and what else it may take: runtime, code, sockets, and received buffers of up to 512 KiB that
 * are garbage already. Without the budget the clients of the short form would hold 1.2 GiB.
 */
const BUFFERS = 16;
const REST = 1000;
const BODY = Buffer.alloc(16 * MEBIBYTE);

let scope: Scope;
beforeEach(() => {
  scope = new Scope('pressure');
});
afterEach(async () => await scope.close());

interface World {
  engine: Engine;
  vip: string;
  port: number;
}

/** A server that answers with much, at once. */
async function startServer(): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
      const large = data.toString('latin1').startsWith('GET /large');
      const body = large ? BODY : Buffer.from('ok');
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  scope.defer('the server', () => void server.close());
  return (server.address() as net.AddressInfo).port;
}

async function world(env: Record<string, string>, descriptors?: number): Promise<World> {
  const origin = await startServer();
  const [vip, port] = [freeLoopback(), await freePort()];
  const servers = [{ address: '127.0.0.1', port: origin }];
  const snapshot = buildSnapshot({
    services: [{ name: 'web', vips: [vip], ports: [port], servers, monitored: false }],
  });
  const engine = await Engine.start(scope, snapshot, {
    workers: 1,
    env: { SPILLWAY_FENCE_DIR: await scope.tempDir('fence'), ...env },
    ...(descriptors === undefined ? {} : { descriptors }),
  });
  return { engine, vip, port };
}

/** A client that asks, and reads nothing unless it is told to. */
function ask({ vip, port }: World, path: string, from: string, read = false): net.Socket {
  const socket = net.connect({ host: vip, port, localAddress: from });
  socket.on('error', () => socket.destroy());
  if (read) socket.resume();
  else socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return socket;
}

/** Status of one request of somebody else; 0 when there is no answer. */
function statusOf({ vip, port }: World): Promise<number> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: vip, port });
    socket.on('error', () => resolve(0));
    socket.on('close', () => resolve(0));
    socket.once('data', (data) => {
      resolve(Number(data.toString('latin1').slice(9, 12)));
      socket.destroy();
    });
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  });
}

/** Milliseconds. */
const cpuOf = (pid: number): number => (processStat(pid)?.cpuTicks ?? 0) * 10;
const memoryOf = (pid: number): number => processStat(pid)?.rss ?? 0;

describe('a worker under pressure', () => {
  test(`${CLIENTS} readers that take nothing do not make it grow, and others are served`, async () => {
    const w = await world({ SPILLWAY_WORKER_BUFFERS: `${BUFFERS}` });
    const [worker = 0] = w.engine.pids('worker');
    const readers: net.Socket[] = [];
    let most = 0;
    for (let i = 0; i < CLIENTS; i++) {
      readers.push(ask(w, '/large', `127.1.${Math.floor(i / 250) + 1}.${(i % 250) + 1}`));
      if (i % 50 !== 49) continue;
      await eventually(async () => (await statusOf(w)) === 200, { what: 'somebody else to be served' });
      most = Math.max(most, memoryOf(worker));
    }
    await eventually(
      async () => ((await w.engine.metrics()).get('spillway_worker_shed_total{worker="0"}') ?? 0) > 0,
      {
        what: 'some to be given up',
      },
    );
    await eventually(
      async () =>
        ((await w.engine.metrics()).get('spillway_worker_queued_bytes{worker="0"}') ?? Infinity) <=
        BUFFERS * MEBIBYTE,
      { what: 'what waits to fit the budget' },
    );
    most = Math.max(most, memoryOf(worker));
    expect(most / MEBIBYTE).toBeLessThan(BUFFERS + REST);
    expect(w.engine.pids('worker')).toEqual([worker]);
    for (const socket of readers) socket.destroy();
    await eventually(
      async () =>
        [...(await w.engine.metrics())].every(
          ([k, v]) => !k.startsWith('spillway_vs_connections{') || v === 0,
        ),
      { what: 'no connection to be left' },
    );
  });

  test('out of descriptors it refuses, does not spin, and comes back', async () => {
    const w = await world({}, 300);
    const [worker = 0] = w.engine.pids('worker');
    const idle: net.Socket[] = [];
    for (let i = 0; i < 400; i++) idle.push(ask(w, '/', '127.0.0.1', true));
    await eventually(
      async () =>
        [...(await w.engine.metrics())].some(
          ([k, v]) => k.includes('connections_refused_total') && k.includes('descriptors') && v > 0,
        ),
      { what: 'connections to be refused' },
    );
    const before = cpuOf(worker);
    const from = Date.now();
    await eventually(() => Date.now() - from > 1_000, { what: 'a second to pass' });
    const share = (cpuOf(worker) - before) / (Date.now() - from);
    expect(share).toBeLessThan(0.5);
    for (const socket of idle) socket.destroy();
    await eventually(async () => (await statusOf(w)) === 200, { what: 'it to serve again' });
    expect(w.engine.pids('worker')).toEqual([worker]);
  });
});
