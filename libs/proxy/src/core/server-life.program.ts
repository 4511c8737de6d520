import { HEALTH } from '@spillway/telemetry';
import { equal, runCases, until, type Case } from '../suite/cases.js';
import { DatagramClient, DatagramOrigin } from '../suite/datagrams.js';
import { Http2Raw } from '../suite/http2-client.js';
import { valueOf } from '../suite/http2-origin.js';
import { Origin, type Received } from '../suite/origin.js';
import { freePort, freeUdpPort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();

const serve = (pool: PoolSpec, service: Partial<ServiceSpec> = {}): Promise<void> =>
  rig.apply([{ ports: [port], ...service }], { pool });

/** A client with a request that its server does not answer. */
async function hold(held: Received[]): Promise<RawClient> {
  const { length } = held;
  const c = await RawClient.open(port);
  c.send('POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
  await until(() => held.length > length, 'a request under way');
  return c;
}

const DONE = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone';

const cases: Case[] = [
  {
    name: 'a server that is marked down keeps what it has, for as long as its pool says',
    async run() {
      const held: Received[] = [];
      const origin = await Origin.start((r) => void held.push(r));
      const down = (): void => rig.health('pool', origin.port, HEALTH.DOWN);
      const up = (): void => rig.health('pool', origin.port, HEALTH.UP);
      const servers = [{ port: origin.port }];
      // For ever, unless told.
      await serve({ servers });
      const kept = await hold(held);
      down();
      held.pop()!.socket.write(DONE);
      equal((await kept.response()).body.toString(), 'done', 'without a time');
      up();
      // It comes back in time.
      await serve({ servers, down_timeout: 60_000 });
      const spared = await hold(held);
      down();
      up();
      held.pop()!.socket.write(DONE);
      equal((await spared.response()).body.toString(), 'done', 'up again');
      for (const down_timeout of [0, 300]) {
        await serve({ servers, down_timeout });
        const ended = await hold(held);
        // The verdicts are looked at on every tick: it was up on one of them.
        const mark = (): number => rig.mapping.serverMark(rig.slot('pool', origin.port));
        const before = mark();
        await until(() => mark() > before + 2, 'ticks with a request under way');
        down();
        await until(() => ended.closed, `the end after ${down_timeout} ms`);
        equal(ended.text, '', 'nothing is told');
        up();
        ended.end();
      }
      // The pool has no such time any more when it would be up.
      await serve({ servers, down_timeout: 300 });
      const pardoned = await hold(held);
      const ticks = (): number => rig.mapping.serverMark(rig.slot('pool', origin.port));
      const from = ticks();
      await until(() => ticks() > from + 2, 'ticks with a request under way');
      down();
      await until(() => ticks() > from + 4, 'the verdict to be seen');
      await serve({ servers });
      await until(() => ticks() > from + 10, 'the time that was');
      held.pop()!.socket.write(DONE);
      equal((await pardoned.response()).body.toString(), 'done', 'without a time again');
      up();
      pardoned.end();
      kept.end();
      spared.end();
      origin.stop();
    },
  },
  {
    name: 'with HTTP/2 the stream is reset that cannot be sent again, and the connection goes on',
    async run() {
      const held: Received[] = [];
      const one = await Origin.start((r) => void held.push(r));
      const two = await Origin.start();
      await serve({ servers: [{ port: one.port }] }, { http2: true });
      const client = await Http2Raw.open(port);
      const ask = (method: string): number =>
        client.request([
          [':method', method],
          [':scheme', 'http'],
          [':authority', 'x'],
          [':path', '/'],
        ]);
      const [get, post] = [ask('GET'), ask('POST')];
      await until(() => held.length === 2, 'both to be under way');
      await serve({ servers: [{ port: two.port }] }, { http2: true });
      const status = (id: number): string | undefined => valueOf(client.seen(id).blocks[0], ':status');
      await until(() => client.seen(get).ended && client.seen(post).reset >= 0, 'an answer and a reset');
      equal([status(get), status(post)], ['200', undefined], 'status');
      const next = ask('POST');
      await until(() => client.seen(next).ended, 'the next request');
      equal([status(next), client.goAways.length, client.closed], ['200', 0, false], 'the connection');
      client.end();
      one.stop();
      two.stop();
    },
  },
  {
    name: 'L4 connections live to the deadline of their server, or are reset with it',
    async run() {
      const origin = await Origin.start();
      origin.raw = (socket) => void socket.on('data', (d: Buffer) => void socket.write(d));
      const servers = (more: object): PoolSpec => ({ servers: [{ port: origin.port, ...more }] });
      for (const [what, more] of [
        ['draining', { state: 'draining', drain_until: Date.now() + 60_000 }],
        ['over', { state: 'draining', drain_until: Date.now() }],
        ['disabled', { state: 'disabled' }],
      ] as const) {
        await serve(servers({}), { tcpIdle: 60_000 });
        const c = await RawClient.open(port);
        c.send('one ');
        await until(() => c.text === 'one ', 'an echo');
        await serve(servers(more), { tcpIdle: 60_000 });
        if (what === 'draining') {
          c.send('two');
          await until(() => c.text === 'one two', 'an echo of a server that drains');
          const late = await RawClient.open(port).catch(() => null);
          await until(() => late?.closed !== false, 'nothing new comes to it');
          c.end();
        } else await until(() => c.closed, `the reset of one that is ${what}`);
      }
      origin.stop();
    },
  },
  {
    name: 'flows of datagrams go on at a server that drains, and elsewhere from one that is disabled',
    async run() {
      const udpPort = await freeUdpPort();
      const [one, two] = [await DatagramOrigin.start('one'), await DatagramOrigin.start('two')];
      const udp = { idle_timeout: 60_000, per_datagram: false };
      const serveWith = (state: 'enabled' | 'draining' | 'disabled'): Promise<void> =>
        serve(
          {
            servers: [
              { port: one.port, state },
              { port: two.port, state: state === 'enabled' ? 'disabled' : 'enabled' },
            ],
          },
          { ports: [udpPort], application: { type: 'udp', udp } },
        );
      await serveWith('enabled');
      const client = await DatagramClient.open();
      equal(await client.ask(udpPort, 'a'), 'one', 'the first server');
      await serveWith('draining');
      equal(await client.ask(udpPort, 'b'), 'one', 'while it drains');
      const other = await DatagramClient.open();
      equal(await other.ask(udpPort, 'c'), 'two', 'a new flow');
      await serveWith('disabled');
      equal(await client.ask(udpPort, 'd'), 'two', 'when it is disabled');
      client.close();
      other.close();
      one.stop();
      two.stop();
    },
  },
];

await runCases(cases);
