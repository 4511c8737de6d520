import { HEALTH, VS } from '@spillway/telemetry';
import type { Socket } from 'node:net';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();

async function serve(
  origins: Origin[],
  service: Partial<ServiceSpec> = {},
  pool: Partial<PoolSpec> = {},
): Promise<void> {
  await rig.apply([{ ports: [port], tcpIdle: 0, ...service }], {
    pool: { ...pool, servers: pool.servers ?? origins.map((o) => ({ port: o.port })) },
  });
}

async function origin(raw: (socket: Socket) => void): Promise<Origin> {
  const o = new Origin();
  o.raw = raw;
  await o.listen(0);
  return o;
}

const echo = (socket: Socket): void => {
  socket.on('data', (d: Buffer) => void socket.write(d));
  socket.on('end', () => socket.end('bye'));
};
const allGone = (): Promise<void> =>
  until(() => rig.mapping.serviceTotals(0).counters[VS.CONNECTIONS_ACTIVE] === 0, 'all connections gone');

const ALGORITHMS = [
  'least_connections',
  'least_load',
  'fewest_servers',
  'consistent_hash',
  'fastest_response',
  'fewest_tasks',
  'core_affinity',
  'random',
  'power_of_two',
] as const;

const cases: Case[] = [
  {
    name: 'bytes go both ways, a half-close goes through, the server may speak first',
    async run() {
      const o = await origin((s) => {
        s.write('welcome ');
        echo(s);
      });
      await serve([o]);
      const c = await RawClient.open(port);
      await until(() => c.text === 'welcome ', 'the greeting');
      equal(rig.mapping.activeOf(rig.slot('pool', o.port)), 1, 'active connections');
      c.send('hello ');
      await until(() => c.text === 'welcome hello ', 'the echo');
      c.socket.end();
      await until(() => c.closed, 'the end');
      equal([c.text, c.error], ['welcome hello bye', null], 'all bytes');
      await allGone();
      equal(rig.mapping.activeOf(rig.slot('pool', o.port)), 0, 'active connections');
      o.stop();
    },
  },
  {
    name: 'bytes and the end that come before the server is reached',
    async run() {
      const o = await origin((s) => {
        let all = '';
        s.on('data', (d: Buffer) => (all += d.toString()));
        s.on('end', () => s.end(`got ${all.length}`));
      });
      await serve([o]);
      const c = await RawClient.open(port);
      c.send('x'.repeat(100_000));
      c.socket.end();
      await until(() => c.closed, 'the end');
      equal(c.text, 'got 100000', 'answer');
      o.stop();
    },
  },
  {
    name: 'the server ends first, the client goes on',
    async run() {
      let got = '';
      const o = await origin((s) => {
        s.end('only this');
        s.on('data', (d: Buffer) => (got += d.toString()));
      });
      await serve([o]);
      const c = await RawClient.open(port);
      await until(() => c.ended, 'the end of the server');
      c.send('still here');
      await until(() => got === 'still here', 'bytes at the server');
      c.socket.end();
      await until(() => c.closed, 'the end');
      equal([c.text, c.error], ['only this', null], 'outcome');
      await allGone();
      o.stop();
    },
  },
  {
    name: 'resets go through in both directions',
    async run() {
      const sockets: Socket[] = [];
      const o = await origin((s) => void sockets.push(s));
      await serve([o]);
      const a = await RawClient.open(port);
      await until(() => sockets.length === 1, 'the first');
      a.reset();
      await until(() => o.sockets.size === 0, 'the reset at the server');
      const b = await RawClient.open(port);
      await until(() => sockets.length === 2, 'the second');
      sockets[1]!.resetAndDestroy();
      await until(() => b.closed, 'the reset at the client');
      equal(b.error, 'ECONNRESET', 'error');
      await allGone();
      o.stop();
    },
  },
  {
    name: 'a server that refuses is passed over; with none left the client is reset',
    async run() {
      const o = await origin(echo);
      const dead = [await freePort(), await freePort()];
      await serve([o], {}, { servers: [{ port: dead[0]! }, { port: o.port }, { port: dead[1]! }] });
      for (let i = 0; i < 6; i++) {
        const c = await RawClient.open(port);
        c.send(`hi ${i}`);
        await until(() => c.text === `hi ${i}` || c.closed, 'the echo');
        equal(c.error, null, 'error');
        c.end();
      }
      rig.health('pool', o.port, HEALTH.DOWN);
      await serve([o]);
      // The reset may come before the client has noticed that it was connected.
      const end = await RawClient.open(port).then(
        async (c) => {
          await until(() => c.closed, 'the reset');
          return c.error;
        },
        (e: unknown) => (String(e).includes('ECONNRESET') ? 'ECONNRESET' : String(e)),
      );
      equal(end, 'ECONNRESET', 'how the connection ended');
      rig.health('pool', o.port, HEALTH.UP);
      await allGone();
      o.stop();
    },
  },
  {
    name: 'a connection without traffic ends, one with traffic does not',
    async run() {
      const o = await origin(echo);
      await serve([o], { tcpIdle: 400 });
      const [busy, idle] = [await RawClient.open(port), await RawClient.open(port)];
      let pings = 0;
      await until(() => {
        if (busy.bytes === pings && !busy.closed) {
          busy.send('.');
          pings++;
        }
        return idle.closed;
      }, 'the idle connection to end');
      check(!busy.closed && pings > 5, `the busy one ended after ${pings}`);
      busy.end();
      await allGone();
      o.stop();
    },
  },
  {
    name: 'back-pressure in both directions',
    async run() {
      const piece = Buffer.alloc(1 << 16, 'x');
      const total = 500 * piece.length;
      const pour = (s: Socket): (() => number) => {
        let sent = 0;
        const more = (): void => {
          while (sent < total) {
            sent += piece.length;
            if (!s.write(piece)) return;
          }
          s.end();
        };
        s.on('drain', more);
        more();
        return () => sent;
      };
      let received = 0;
      const sockets: Socket[] = [];
      const o = await origin((s) => {
        s.pause();
        s.on('data', (d: Buffer) => (received += d.length));
        sockets.push(s);
      });
      await serve([o]);
      const c = await RawClient.open(port);
      c.forget = true;
      c.socket.pause();
      const up = pour(c.socket);
      await until(() => sockets.length === 1, 'the connection');
      const down = pour(sockets[0]!);
      let last = -1;
      await until(() => {
        const now = up() + down();
        const still = now === last && rig.transport.queuedBytes() > 0;
        last = now;
        return still;
      }, 'both sides to be held back');
      check(rig.transport.queuedBytes() <= 1_200_000, `${rig.transport.queuedBytes()} bytes queued`);
      check(up() < total && down() < total, 'nothing was held back');
      c.socket.resume();
      sockets[0]!.resume();
      await until(() => c.closed, 'the end', 30_000);
      // The client is through once the kernel has its last byte; the server may have to read for a while yet.
      await until(() => received >= total, 'the last byte at the server', 30_000);
      equal([received, c.bytes, c.error], [total, total, null], 'bytes');
      await allGone();
      equal(rig.transport.queuedBytes(), 0, 'queued bytes');
      o.stop();
    },
  },
  {
    name: 'a drain lets connections live to the deadline, then resets them',
    async run() {
      const o = await origin(echo);
      await serve([o]);
      const c = await RawClient.open(port);
      c.send('a');
      await until(() => c.text === 'a', 'the echo');
      await serve([o], { placement: { state: 'drain', drain_timeout: 700 } });
      c.send('b');
      await until(() => c.text === 'ab', 'the echo in the drain');
      equal(rig.plane.status()[0]!.connections, 1, 'connections left');
      await until(() => c.closed, 'the deadline');
      equal(c.error, 'ECONNRESET', 'error');
      await until(() => rig.plane.status()[0]!.state === 'drained', 'drained');
      o.stop();
    },
  },
  {
    name: 'a server that is disabled resets its connections, one that drains keeps them for its time',
    async run() {
      const a = await origin(echo);
      await serve([a]);
      const c = await RawClient.open(port);
      c.send('x');
      await until(() => c.text === 'x', 'the echo');
      await serve([], {}, { servers: [{ port: a.port, state: 'draining' }] });
      c.send('y');
      await until(() => c.text === 'xy', 'the echo while draining');
      await serve([], {}, { servers: [{ port: a.port, state: 'disabled' }] });
      await until(() => c.closed, 'the reset');
      equal(c.error, 'ECONNRESET', 'error');
      await allGone();
      a.stop();
    },
  },
  {
    name: 'a change of the algorithm is for new connections: those that are open stay at their servers',
    async run() {
      const names = ['a', 'b', 'c'];
      const origins = await Promise.all(
        names.map((name) =>
          origin((socket) => {
            socket.on('data', () => void socket.write(name));
            socket.on('end', () => socket.end());
          }),
        ),
      );
      await serve(origins, {}, { algorithm: 'round_robin' });
      const clients = await Promise.all(Array.from({ length: 9 }, () => RawClient.open(port)));
      let asked = 0;
      /** The servers that the connections have reached, one letter for each question. */
      const ask = async (): Promise<string[]> => {
        asked++;
        for (const c of clients) c.send('x');
        await until(() => clients.every((c) => c.closed || c.text.length === asked), 'the answers');
        return clients.map((c) => c.text);
      };
      const first = await ask();
      equal([...first].sort().join(''), 'aaabbbccc', 'three at each server');
      for (const algorithm of ALGORITHMS) {
        await serve(origins, {}, { algorithm });
        equal(
          await ask(),
          first.map((name) => name.repeat(asked)),
          algorithm,
        );
      }
      for (const c of clients) c.socket.destroy();
      await allGone();
      for (const o of origins) o.stop();
    },
  },
];

await runCases(cases);
