import { HEALTH, VS } from '@spillway/telemetry';
import net from 'node:net';
import { PlaneConfigError, type PlacementStatus, type PlaneConfig } from './api.js';
import { check, equal, runCases, until, type Case } from './suite/cases.js';
import { OK, Origin, type Received } from './suite/origin.js';
import { freePort } from './suite/ports.js';
import { RawClient } from './suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from './suite/rig.js';

const rig = await Rig.make();
const port = await freePort();

async function serve(
  origins: Origin[],
  service: Partial<ServiceSpec> = {},
  pool: Partial<PoolSpec> = {},
): Promise<void> {
  await rig.apply([{ ports: [port], ...service }], {
    pool: { ...pool, servers: pool.servers ?? origins.map((o) => ({ port: o.port })) },
  });
}

const status = (): PlacementStatus => rig.plane.status()[0]!;
const open = (at = port): Promise<RawClient> => RawClient.open(at);
const refused = async (at: number): Promise<boolean> =>
  open(at).then(
    (c) => (c.reset(), false),
    (e: unknown) => String(e).includes('ECONNREFUSED'),
  );
const allGone = (): Promise<void> =>
  until(() => rig.mapping.serviceTotals(0).counters[VS.CONNECTIONS_ACTIVE] === 0, 'all connections gone');

/** A client that sends one request after the other on a kept connection and counts what fails. */
class Looper {
  requests = 0;
  failures: string[] = [];
  private stopped = false;
  private readonly ended: Promise<void>;

  constructor(
    private readonly at: () => number,
    private readonly newEach: boolean,
  ) {
    this.ended = this.loop();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.ended;
  }

  private async loop(): Promise<void> {
    let c: RawClient | null = null;
    while (!this.stopped) {
      try {
        c ??= await open(this.at());
        const body = `n=${this.requests}`;
        c.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        const r = await c.response();
        this.requests++;
        if (r.status !== 200) this.failures.push(`${r.status} ${r.body.toString()}`);
        if (this.newEach || r.head.includes('Connection: close')) {
          c.end();
          c = null;
        }
      } catch (error) {
        this.failures.push(String(error));
        c?.end();
        c = null;
      }
    }
    c?.end();
  }
}

const cases: Case[] = [
  {
    name: 'prepare opens nothing, active opens, disable closes',
    async run() {
      const origin = await Origin.start();
      await serve([origin], { placement: { state: 'prepare' } });
      equal([status().state, status().listeners], ['prepared', []], 'prepared');
      check(await refused(port), 'somebody listens');
      await serve([origin]);
      equal([status().state, status().listeners], ['active', [{ address: '127.0.0.1', port }]], 'active');
      const c = await open();
      equal((await c.get('/')).status, 200, 'status');
      c.end();
      await allGone();
      await serve([origin], { enabled: false });
      equal(status().state, 'prepared', 'disabled');
      check(await refused(port), 'somebody listens');
      origin.stop();
    },
  },
  {
    name: 'a drain: no new connections, the next response says close, the deadline resets the rest, and only those',
    async run() {
      const held: Received[] = [];
      const origin = await Origin.start((r) => {
        if (r.head.includes('/hold')) held.push(r);
        else if (r.head.includes('/stream'))
          r.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
        else r.socket.write(OK);
      });
      await serve([origin]);
      const [idle, next, waiting, stream] = [await open(), await open(), await open(), await open()];
      for (const c of [idle, next]) await c.get('/');
      waiting.send('GET /hold HTTP/1.1\r\nHost: a\r\n\r\n');
      stream.send('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => held.length === 1 && stream.text.endsWith('abc\r\n'), 'requests under way');
      let told = 0;
      rig.plane.onStatus = () => told++;
      await serve([origin], { placement: { state: 'drain', drain_timeout: 1500 } });
      equal([status().state, status().connections, status().listeners], ['draining', 4, []], 'status');
      check(await refused(port), 'somebody listens');
      // Said again with a longer time, a drain does not get longer.
      await serve([origin], { placement: { state: 'drain', drain_timeout: 60_000 } });
      const last = await next.get('/');
      check(last.head.includes('Connection: close\r\n'), last.head);
      await until(() => next.closed || next.ended, 'the end of the connection that was told');
      next.end();
      held[0]!.socket.write(OK);
      const response = await waiting.response();
      check(response.head.includes('Connection: close\r\n'), response.head);
      waiting.end();
      await until(() => status().connections === 2, 'two connections left');
      check(!idle.closed && !stream.closed, 'closed before the deadline');
      await until(() => idle.closed && stream.closed, 'the deadline');
      equal([idle.error, stream.error], ['ECONNRESET', 'ECONNRESET'], 'how they ended');
      await until(() => status().state === 'drained', 'drained');
      await until(() => told > 1, 'news of the drain');
      rig.plane.onStatus = null;
      origin.stop();
    },
  },
  {
    name: 'a drain is over as soon as nothing is left, and can be taken back',
    async run() {
      const origin = await Origin.start();
      await serve([origin]);
      const c = await open();
      await c.get('/');
      await serve([origin], { placement: { state: 'drain', drain_timeout: 60_000 } });
      equal(status().state, 'draining', 'state');
      await serve([origin]);
      equal(status().state, 'active', 'taken back');
      check(!(await c.get('/')).head.includes('Connection'), 'still announced as closing');
      await serve([origin], { placement: { state: 'drain', drain_timeout: 60_000 } });
      c.end();
      await until(() => status().state === 'drained', 'an early end');
      origin.stop();
    },
  },
  {
    name: 'a placement that is removed is reset and forgotten',
    async run() {
      const origin = await Origin.start(() => {});
      await serve([origin]);
      const c = await open();
      c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => origin.requests.length === 1, 'the request');
      await serve([origin], { placement: null });
      await until(() => c.closed, 'the reset');
      equal(c.error, 'ECONNRESET', 'error');
      await until(() => rig.plane.status().length === 0, 'an empty status');
      check(await refused(port), 'somebody listens');
      await until(() => origin.sockets.size === 0, 'the end of the server side');
      origin.stop();
    },
  },
  {
    name: 'a new port is open before the old one is closed',
    async run() {
      const origin = await Origin.start();
      const [a, b] = [await freePort(), await freePort()];
      await serve([origin], { ports: [a] });
      const c = await open(a);
      await c.get('/');
      await serve([origin], { ports: [b, a] });
      equal(status().listeners.length, 2, 'both');
      await serve([origin], { ports: [b] });
      check(await refused(a), 'the old port is open');
      equal((await c.get('/')).status, 200, 'the old connection lives');
      const d = await open(b);
      equal((await d.get('/')).status, 200, 'the new port');
      c.end();
      d.end();
      origin.stop();
    },
  },
  {
    name: 'a port in use fails by name and is taken when it is free',
    async run() {
      const origin = await Origin.start();
      const holder = net.createServer();
      const taken = await freePort();
      holder.listen(taken, '127.0.0.1');
      await until(() => holder.listening, 'the holder');
      await serve([origin], { ports: [port, taken] });
      equal(status().state, 'failed', 'state');
      equal(
        [status().error?.code, status().error?.port, status().listeners.length],
        ['EADDRINUSE', taken, 1],
        'error',
      );
      const c = await open();
      equal((await c.get('/')).status, 200, 'what could be opened serves');
      c.end();
      holder.close();
      await until(() => status().state === 'active', 'recovery');
      equal(status().listeners.length, 2, 'listeners');
      origin.stop();
    },
  },
  {
    name: 'what cannot be run is refused whole',
    async run() {
      const origin = await Origin.start();
      await serve([origin]);
      const config = rig.config([{ ports: [port] }], {
        pool: { servers: [{ port: origin.port }, { port: 9 }] },
      });
      const wrong: [string, PlaneConfig][] = [
        [
          'server pool/127.0.0.1:9',
          { ...config, slots: { ...config.slots, servers: { [`pool/127.0.0.1:${origin.port}`]: 0 } } },
        ],
        ['virtual service vs', { ...config, slots: { ...config.slots, virtual_services: { vs: 99_999 } } }],
        ['pool pool is not in the snapshot', { ...config, snapshot: { ...config.snapshot, pools: [] } }],
      ];
      for (const [what, broken] of wrong) {
        const error: unknown = await rig.plane.apply(broken).catch((e: unknown) => e);
        check(error instanceof PlaneConfigError && error.message.includes(what), `${what}: ${String(error)}`);
      }
      const c = await open();
      equal((await c.get('/')).status, 200, 'still serving');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'a server that is disabled, draining or removed',
    async run() {
      const held: Received[] = [];
      const answer = (name: string) => (r: Received) => {
        if (r.head.includes('/hold')) held.push(r);
        else r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`);
      };
      const a = await Origin.start(answer('a'));
      const b = await Origin.start(answer('b'));
      const pools = (
        states: ('enabled' | 'draining' | 'disabled')[],
        graceful = 60_000,
        drain_until?: number,
      ): Promise<void> =>
        serve(
          [],
          {},
          {
            graceful_disable_timeout: graceful,
            servers: [a, b].slice(0, states.length).map((o, i) => ({
              port: o.port,
              state: states[i]!,
              ...(states[i] === 'draining' && drain_until !== undefined ? { drain_until } : {}),
            })),
          },
        );
      const hold = async (method = 'GET'): Promise<RawClient> => {
        const before = held.length;
        const c = await open();
        c.send(`${method} /hold HTTP/1.1\r\nHost: x\r\n\r\n`);
        await until(() => held.length > before, 'a held request');
        return c;
      };
      // Draining: idle connections close at once, the request in flight ends, new ones go elsewhere.
      await pools(['enabled']);
      const c = await open();
      await c.get('/');
      const inFlight = await hold();
      await c.get('/');
      await pools(['draining', 'enabled']);
      await until(() => a.sockets.size === 1, 'the idle connection to close');
      equal((await c.get('/')).body.toString(), 'b', 'the next request');
      held.pop()!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone');
      equal((await inFlight.response()).body.toString(), 'done', 'the request in flight');
      await until(() => a.sockets.size === 0, 'its connection to close');
      inFlight.end();
      // Disabled: what is in flight is reset at once; an idempotent request goes to another server.
      await pools(['enabled', 'disabled']);
      const moved = await hold();
      await pools(['disabled', 'enabled']);
      await until(() => held.length === 2 || moved.closed, 'the request to move');
      held.at(-1)!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmoved');
      equal((await moved.response()).body.toString(), 'moved', 'the moved request');
      moved.end();
      held.length = 0;
      // Removed: as disabled. What cannot be sent again ends with a reset.
      await pools(['enabled']);
      const elsewhere = await hold();
      const lost = await hold('POST');
      await serve([b], {}, { graceful_disable_timeout: 60_000 });
      await until(() => held.length === 3 && lost.closed, 'one to move and one to be reset');
      equal(lost.text, '', 'nothing is told to the client that is reset');
      held.at(-1)!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmoved');
      equal((await elsewhere.response()).body.toString(), 'moved', 'the request at the removed server');
      elsewhere.end();
      held.length = 0;
      // A pool that is used no more is left gracefully.
      await pools(['enabled']);
      const kept = await hold('POST');
      await rig.apply([{ ports: [port], pool: 'other' }], { other: { servers: [{ port: b.port }] } });
      equal((await c.get('/')).body.toString(), 'b', 'the next request');
      held.pop()!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept');
      equal((await kept.response()).body.toString(), 'kept', 'the request at the old pool');
      kept.end();
      // The graceful time-out resets what is left, when it is over by the time that the snapshot says.
      for (const [graceful, deadline] of [
        [300, undefined],
        [60_000, Date.now() + 300],
        [60_000, Date.now() - 5_000],
      ] as const) {
        await pools(['enabled']);
        const late = await hold();
        await pools(['draining'], graceful, deadline);
        // Another edit does not begin the time anew.
        await pools(['draining'], graceful, deadline);
        await until(() => late.closed, 'the reset');
        equal(late.text, '', 'after the time-out');
      }
      await pools(['enabled']);
      const never = await hold();
      await pools(['draining'], -1);
      held.pop()!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast');
      equal((await never.response()).body.toString(), 'last', 'without a time-out');
      never.end();
      c.end();
      a.stop();
      b.stop();
    },
  },
  {
    name: 'edits under load fail no request and rebind no listener',
    async run() {
      const origins = [await Origin.start(), await Origin.start(), await Origin.start()];
      await serve(origins);
      const before = rig.mapping.serviceTotals(0).counters[VS.CONNECTIONS]!;
      const loopers = Array.from({ length: 8 }, (_, i) => new Looper(() => port, i % 4 === 3));
      const at = (i: number): Origin => origins[i % 3]!;
      const done = (o: Origin): boolean => rig.mapping.activeOf(rig.slot('pool', o.port)) === 0;
      // To disable or to remove a server resets what it is at work on: it is left first.
      const leave = async (...left: Origin[]): Promise<void> => {
        const servers = origins.map((o) => ({
          port: o.port,
          state: left.includes(o) ? ('draining' as const) : ('enabled' as const),
        }));
        await serve([], {}, { graceful_disable_timeout: -1, servers });
        await until(() => left.every(done), 'servers to be left');
      };
      for (let i = 0; i < 300; i++) {
        const kind = i % 6;
        if (kind === 0 || kind === 2) await leave(at(i + 2));
        else if (kind === 3 || kind === 4) await leave(at(i + 1), at(i + 2));
        if (kind === 0) await serve([at(i), at(i + 1)]);
        else if (kind === 1) await serve(origins, {}, { algorithm: 'least_connections' });
        else if (kind === 2)
          await serve([], {}, { servers: [{ port: at(i).port, ratio: 3 }, { port: at(i + 1).port }] });
        else if (kind === 3)
          await serve(
            [],
            {},
            {
              servers: [
                { port: at(i).port },
                { port: at(i + 1).port, state: i % 12 === 3 ? 'draining' : 'disabled' },
              ],
            },
          );
        else if (kind === 4) {
          // The service changes its pool and comes back.
          await rig.apply([{ ports: [port], pool: 'other' }], {
            pool: { servers: [{ port: at(i).port }] },
            other: { servers: [{ port: at(i + 1).port }] },
          });
        } else {
          await serve(origins, { http: { max_header_size: 8000 + i } });
          rig.health('pool', at(i).port, HEALTH.DOWN);
          rig.health('pool', at(i).port, HEALTH.UP);
        }
        const target = loopers.reduce((n, l) => n + l.requests, 0) + 8;
        await until(
          () =>
            loopers.reduce((n, l) => n + l.requests, 0) >= target ||
            loopers.some((l) => l.failures.length > 0),
          'traffic between the edits',
        );
      }
      await Promise.all(loopers.map((l) => l.stop()));
      const failures = loopers.flatMap((l) => l.failures);
      equal(failures, [], 'failures');
      const kept = loopers.filter((_, i) => i % 4 !== 3).length;
      const short = loopers.filter((_, i) => i % 4 === 3).reduce((n, l) => n + l.requests, 0);
      const opened = rig.mapping.serviceTotals(0).counters[VS.CONNECTIONS]! - before;
      check(
        opened <= kept + short + 2,
        `${opened} connections for ${kept} kept clients and ${short} short ones`,
      );
      equal(status().state, 'active', 'state');
      await allGone();
      for (const o of origins) equal(rig.mapping.activeOf(rig.slot('pool', o.port)), 0, 'active connections');
      for (const o of origins) o.stop();
    },
  },
  {
    name: 'an idle tunnel survives edits and costs nothing',
    async run() {
      const origin = await Origin.start(() => {});
      origin.early = (_head, socket) => {
        socket.removeAllListeners('data');
        socket.on('data', (d: Buffer) => void socket.write(d));
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
      };
      const other = await Origin.start();
      await serve([origin]);
      const tunnels: RawClient[] = [];
      for (let i = 0; i < 50; i++) {
        const c = await open();
        c.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
        equal((await c.response()).status, 101, 'upgrade');
        tunnels.push(c);
      }
      for (let i = 0; i < 200; i++)
        await serve(
          [],
          {},
          {
            graceful_disable_timeout: -1,
            servers: [
              { port: origin.port, state: i % 2 === 0 ? 'enabled' : 'draining' },
              { port: other.port },
            ],
          },
        );
      for (const c of tunnels) c.send('ping');
      await until(() => tunnels.every((c) => c.text === 'ping'), 'every tunnel to answer');
      equal(rig.mapping.activeOf(rig.slot('pool', origin.port)), 50, 'active connections');
      for (const c of tunnels) c.end();
      await allGone();
      await until(() => rig.mapping.activeOf(rig.slot('pool', origin.port)) === 0, 'no active connections');
      origin.stop();
      other.stop();
    },
  },
  {
    name: 'draining everything ends when the last connection has',
    async run() {
      const origin = await Origin.start();
      await serve([origin]);
      const c = await open();
      await c.get('/');
      let done = false;
      const drained = rig.plane.drain(60_000).then(() => (done = true));
      check(await refused(port), 'somebody listens');
      check(!done, 'done too early');
      const r = await c.get('/');
      check(r.head.includes('Connection: close'), r.head);
      c.end();
      await drained;
      rig.plane.close();
      await until(() => origin.sockets.size === 0, 'kept server connections to close');
      origin.stop();
    },
  },
];

await runCases(cases);
