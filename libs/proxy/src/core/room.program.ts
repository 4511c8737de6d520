import { FAILED_BY, HEALTH, OWN_BY, POOL, POOL_CELL, SERVER, VS, WORKER_STATE } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { DatagramClient, DatagramOrigin } from '../suite/datagrams.js';
import { frame, GET, Http2Raw } from '../suite/http2-client.js';
import { Http2Origin } from '../suite/http2-origin.js';
import { FRAME } from '../http2/protocol.js';
import { OK, Origin, type Received } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient, type RawResponse } from '../suite/raw-client.js';
import { Rig, type Parts, type PoolSpec, type ServiceSpec } from '../suite/rig.js';
import { transportHere } from '../suite/transport.js';

/** Two workers of one SE, each with a port of its own, so that a client chooses its worker. */
const first = await Rig.make();
const second = new Rig(await transportHere(), first.mapping, {}, 1);
for (const w of [0, 1]) first.mapping.worker(w).state = WORKER_STATE.READY;
const ports = [await freePort(), await freePort()] as const;
const { mapping } = first;

const held: Received[] = [];
/** Answers nothing until it is told to. */
const origin = await Origin.start((r) => void held.push(r));
const path = (r: Received): string => r.head.split(' ')[1]!;
const pathsHeld = (): string[] => held.map(path);

/** Answers the request that came first. */
function answer(text = OK): void {
  held.shift()!.socket.write(text);
}

async function apply(pool: Partial<PoolSpec>, service: Partial<ServiceSpec> = {}): Promise<void> {
  const spec: PoolSpec = { servers: [{ port: origin.port }], max_connections: 2, ...pool };
  await first.apply([{ ports: [ports[0]], ...service }], { pool: spec });
  await second.apply([{ ports: [ports[1]], ...service }], { pool: spec });
}

const counters = (): Float64Array => mapping.poolTotals(0).counters;
const queued = (): number => mapping.poolSum(0, POOL_CELL.QUEUED);
const places = (port = origin.port): number => mapping.placesOf(first.slot('pool', port));
const open: RawClient[] = [];

async function client(worker: 0 | 1): Promise<RawClient> {
  const c = await RawClient.open(ports[worker]);
  open.push(c);
  return c;
}

/** Sends a request on a connection of its own. */
async function ask(worker: 0 | 1, target: string, method = 'GET', body = ''): Promise<RawClient> {
  const c = await client(worker);
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
  return c.send(`${method} ${target} HTTP/1.1\r\nHost: a\r\n${length}\r\n${body}`);
}

const status = async (c: Promise<RawClient>): Promise<number> => (await (await c).response()).status;
const arrived = (n: number): Promise<void> => until(() => held.length === n, `${n} requests at the server`);

/** No client, no request, no connection is left. */
async function quiet(): Promise<void> {
  for (const c of open.splice(0)) c.end();
  await until(() => {
    for (const r of held.splice(0)) r.socket.destroy();
    return mapping.clientsOf(0) === 0 && mapping.activeOf(first.slot('pool', origin.port)) === 0;
  }, 'everything ended');
  await apply({ max_connections: 1000, max_idle_connections: 0 });
  for (const s of origin.sockets) s.destroy();
  await until(() => places() === 0 && origin.sockets.size === 0, 'connections closed');
  equal([queued(), mapping.poolSum(0, POOL_CELL.EXPECTING)], [0, 0], 'waiting');
  equal([mapping.poolSum(0, POOL_CELL.HELD), mapping.poolSum(0, POOL_CELL.SPARE)], [0, 0], 'held and spare');
  origin.peak = 0;
  mapping.clearPool(0);
}

const limits: Case[] = [
  {
    name: 'a server has no more connections than it may, over all workers; who finds none is told why',
    async run() {
      await apply({ max_connections: 2 });
      const [a, b] = [await ask(0, '/a'), await ask(1, '/b')];
      await arrived(2);
      for (const worker of [0, 1] as const) {
        const { status: code, body } = await (await ask(worker, '/c')).response();
        equal(code, 503, 'status');
        check(body.toString().includes('as many connections as they may'), `body ${body.toString()}`);
      }
      equal([counters()[POOL.REFUSED], places()], [2, 2], 'refused, places');
      equal(mapping.serviceTotals(0).counters[VS.OWN + OWN_BY.SERVERS_FULL], 2, 'own responses');
      answer();
      equal((await a.response()).status, 200, 'the first');
      const d = await ask(0, '/d');
      await arrived(2);
      answer();
      answer();
      equal([(await b.response()).status, (await d.response()).status], [200, 200], 'the others');
      equal(origin.peak, 2, 'peak');
      await quiet();
    },
  },
  {
    name: 'a connection that one worker keeps idle does not keep another one out',
    async run() {
      await apply({ max_connections: 1 });
      for (let i = 0; i < 4; i++)
        for (const worker of [0, 1] as const) {
          const asked = ask(worker, `/${i}`);
          await arrived(1);
          answer();
          equal(await status(asked), 200, `request ${i} of worker ${worker}`);
        }
      equal(origin.peak, 1, 'peak');
      check(counters()[POOL.YIELDED]! >= 7, `${counters()[POOL.YIELDED]} connections given up`);
      equal([counters()[POOL.REFUSED], counters()[POOL.QUEUED]], [0, 0], 'refused, queued');
      await quiet();
    },
  },
  {
    name: 'idle connections leave room for one more once it is calm',
    async run() {
      await apply({ max_connections: 2 });
      const asked = [ask(0, '/a'), ask(0, '/b')];
      await arrived(2);
      answer();
      answer();
      for (const a of asked) equal(await status(a), 200, 'status');
      await until(() => places() === 1, 'one to be closed');
      const other = ask(1, '/other');
      await arrived(1);
      equal(mapping.poolSum(0, POOL_CELL.EXPECTING), 0, 'nobody waits');
      answer();
      equal(await status(other), 200, 'the other worker');
      equal(origin.peak, 2, 'peak');
      await quiet();
    },
  },
  {
    name: 'requests with bodies wait for an idle connection too, and none of the body is lost',
    async run() {
      await apply({ max_connections: 1 });
      const before = ask(0, '/before');
      await arrived(1);
      answer();
      equal(await status(before), 200, 'before');
      const body = 'x'.repeat(100_000);
      const c = await client(1);
      c.send(`POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
      c.send(body.slice(10));
      await arrived(1);
      equal(held[0]!.body.toString(), body, 'body');
      answer();
      equal((await c.response()).status, 200, 'status');
      equal(origin.peak, 1, 'peak');
      await quiet();
    },
  },
  {
    name: 'every algorithm passes full servers by and finds the free ones among many',
    async run() {
      const others = await Promise.all(
        Array.from({ length: 5 }, () => Origin.start((r) => void held.push(r))),
      );
      // Nobody listens there: a place is all that they are for.
      const idle = Array.from({ length: 150 }, (_, i) => ({ port: 1 + i, address: '127.9.9.9' }));
      const block = mapping.worker(1);
      for (const algorithm of [
        'round_robin',
        'least_connections',
        'consistent_hash',
        'random',
        'power_of_two',
        'core_affinity',
      ] as const)
        for (const full of [[], idle]) {
          const servers = [...full, ...others.map((o) => ({ port: o.port }))];
          await apply({ algorithm, servers, max_connections: 2, max_idle_connections: 0 });
          const slots = full.map(({ port, address }) => first.slot('pool', port, address));
          for (const slot of slots) mapping.places[block.activeCell(slot)] = 2;
          const asked = await Promise.all(Array.from({ length: 10 }, () => ask(0, '/')));
          await arrived(10);
          equal(await status(ask(0, '/')), 503, `${algorithm}: one more`);
          const perServer = others.map((o) => o.sockets.size);
          equal(perServer, [2, 2, 2, 2, 2], `${algorithm}: connections per server`);
          // One is free again: the next one gets it.
          answer();
          await until(() => others.some((o) => o.sockets.size < 2), 'a place');
          const next = ask(0, '/next');
          await until(() => pathsHeld().includes('/next'), `${algorithm}: the next one`);
          while (held.length > 0) answer();
          equal(await status(next), 200, 'next');
          for (const c of asked) equal((await c.response()).status, 200, 'status');
          for (const slot of slots) mapping.places[block.activeCell(slot)] = 0;
          await until(() => others.every((o) => o.sockets.size === 0), 'connections closed');
        }
      for (const o of others) o.stop();
      await quiet();
    },
  },
  {
    name: 'a lower limit is kept from the next end of a request on, and idle connections go at once',
    async run() {
      await apply({ max_connections: 4 });
      const asked = await Promise.all(['/a', '/b', '/c', '/d'].map((p) => ask(0, p)));
      await arrived(4);
      answer();
      equal((await asked[0]!.response()).status, 200, 'first');
      await apply({ max_connections: 2 });
      await until(() => places() === 3, 'the idle one gone');
      answer();
      await until(() => places() === 2, 'one more gone');
      answer();
      answer();
      for (const c of asked.slice(1)) equal((await c.response()).status, 200, 'status');
      check(places() <= 2, 'places');
      await quiet();
    },
  },
  {
    name: 'the limit is shared by service engines as their placement says',
    async run() {
      const placement = { pool_shares: [{ pool_uuid: 'pool', sharers: 3, place: 1 }] };
      await apply({ max_connections: 5 }, { placement });
      await Promise.all([ask(0, '/a'), ask(1, '/b')]);
      await arrived(2);
      equal(await status(ask(0, '/c')), 503, 'one more than 2 of 5');
      await apply({ max_connections: 5 }, { placement: {} });
      await ask(0, '/c');
      await arrived(3);
      await quiet();
    },
  },
  {
    name: 'places of failed connections are free again, and a limit may come and go',
    async run() {
      const dead = await freePort();
      const pool = { servers: [{ port: dead }], max_connections: 1 };
      await apply(pool);
      for (let i = 0; i < 3; i++) equal(await status(ask(0, '/')), 502, 'status');
      equal(places(dead), 0, 'places');
      equal(
        mapping.serverTotals(first.slot('pool', dead)).counters[SERVER.FAILED + FAILED_BY.REFUSED],
        9,
        'tries',
      );
      await first.apply([{ ports: [ports[0]] }], { pool: { servers: [{ port: origin.port }] } });
      await Promise.all([ask(0, '/a'), ask(0, '/b')]);
      await arrived(2);
      equal(places(), 2, 'counted without a limit too');
      await apply({ max_connections: 2 });
      equal(await status(ask(0, '/c')), 503, 'full from the start');
      await quiet();
    },
  },
];

const queue = { depth: 3, timeout: 60_000 };

const queues: Case[] = [
  {
    name: 'GET waits, the last one is served first, new ones before all of them; others are refused',
    async run() {
      await apply({ max_connections: 1, request_queue: queue });
      const busy = await ask(0, '/busy');
      await arrived(1);
      busy.send('GET /new HTTP/1.1\r\nHost: a\r\n\r\n');
      const asked: RawClient[] = [];
      for (const p of ['/1', '/2', '/3']) {
        asked.push(await ask(0, p));
        await until(() => queued() === asked.length, `${p} waits`);
      }
      equal(await status(ask(0, '/4')), 503, 'the queue is full');
      equal(await status(ask(0, '/put', 'PUT', 'x')), 503, 'PUT');
      equal(await status(ask(0, '/post', 'POST', 'x')), 503, 'POST');
      for (const p of ['/busy', '/new', '/3', '/2', '/1']) {
        await arrived(1);
        equal(pathsHeld(), [p], 'at the server');
        answer();
      }
      for (const c of asked) equal((await c.response()).status, 200, 'status');
      const { counters: c, buckets } = mapping.poolTotals(0);
      equal(
        [c[POOL.QUEUED], c[POOL.SERVED], c[POOL.REFUSED], c[POOL.REFUSED_QUEUE], c[POOL.TIMED_OUT]],
        [3, 3, 3, 1, 0],
        'counters',
      );
      equal(
        buckets.reduce((x, y) => x + y),
        3,
        'waits measured',
      );
      check(c[POOL.WAIT_TIME]! > 0, 'time waited');
      equal([origin.peak, queued()], [1, 0], 'peak, queued');
      await quiet();
    },
  },
  {
    name: 'the depth counts over all workers, and who waits here is served when a place is free there',
    async run() {
      await apply({ max_connections: 1, request_queue: { ...queue, depth: 2 } });
      const busy = await ask(0, '/busy');
      await arrived(1);
      const here = await ask(0, '/here');
      await until(() => queued() === 1, 'one waits');
      const there = await ask(1, '/there');
      await until(() => queued() === 2, 'two wait');
      equal(await status(ask(1, '/more')), 503, 'the queue is full');
      equal(await status(ask(0, '/more')), 503, 'the queue is full');
      for (let i = 0; i < 3; i++) {
        await arrived(1);
        answer();
      }
      for (const c of [busy, here, there]) equal((await c.response()).status, 200, 'status');
      equal(origin.peak, 1, 'peak');
      await quiet();
    },
  },
  {
    name: 'who waits for too long is refused, who goes away leaves the queue',
    async run() {
      await apply({ max_connections: 1, request_queue: { depth: 1, timeout: 300 } });
      await ask(0, '/busy');
      await arrived(1);
      const began = performance.now();
      equal(await status(ask(1, '/late')), 503, 'status');
      check(performance.now() - began >= 290, `after ${performance.now() - began} ms`);
      equal([counters()[POOL.TIMED_OUT], queued()], [1, 0], 'timed out, queued');
      await apply({ max_connections: 1, request_queue: { depth: 1, timeout: 60_000 } });
      const gone = await ask(1, '/gone');
      await until(() => queued() === 1, 'one waits');
      gone.reset();
      await until(() => queued() === 0, 'it has left');
      equal(counters()[POOL.LEFT], 1, 'left');
      const next = ask(1, '/next');
      await until(() => queued() === 1, 'the next one waits');
      answer();
      await arrived(1);
      equal(pathsHeld(), ['/next'], 'at the server');
      answer();
      equal(await status(next), 200, 'next');
      await quiet();
    },
  },
  {
    name: 'changes of the configuration lose nobody: a higher limit, no limit, no queue, no pool',
    async run() {
      const changes: [what: string, change: () => Promise<void>, code: number][] = [
        ['a higher limit', () => apply({ max_connections: 2, request_queue: queue }), 200],
        [
          'no limit',
          async () => {
            const pool = { servers: [{ port: origin.port }] };
            await first.apply([{ ports: [ports[0]] }], { pool });
            await second.apply([{ ports: [ports[1]] }], { pool });
          },
          200,
        ],
        [
          'another server',
          () =>
            apply({
              max_connections: 1,
              request_queue: queue,
              servers: [{ port: origin.port }, { port: spare.port }],
            }),
          200,
        ],
        [
          'no server',
          () =>
            apply({
              max_connections: 1,
              request_queue: queue,
              servers: [{ port: origin.port, state: 'draining' }],
            }),
          503,
        ],
        ['no pool', () => first.apply([{ ports: [ports[0]], pool: null }], {}), 503],
      ];
      const spare = await Origin.start((r) => void held.push(r));
      for (const [what, change, code] of changes) {
        await apply({ max_connections: 1, request_queue: queue });
        await ask(0, '/busy');
        await arrived(1);
        const waits = await ask(0, '/waits');
        await until(() => queued() === 1, `${what}: one waits`);
        await change();
        if (code === 200) {
          await until(() => pathsHeld().includes('/waits'), `${what}: it is served`);
          while (held.length > 0) answer();
        }
        equal((await waits.response()).status, code, what);
        equal(queued(), 0, `${what}: queued`);
        await apply({ max_connections: 1, request_queue: queue });
        await quiet();
      }
      spare.stop();
    },
  },
  {
    name: 'when the last server goes down everybody who waits is told',
    async run() {
      await apply({ max_connections: 1, request_queue: queue });
      await ask(0, '/busy');
      await arrived(1);
      const [a, b] = [await ask(0, '/a'), await ask(1, '/b')];
      await until(() => queued() === 2, 'two wait');
      first.health('pool', origin.port, HEALTH.DOWN);
      const seen: RawResponse[] = [await a.response(), await b.response()];
      equal(
        seen.map((r) => r.status),
        [503, 503],
        'statuses',
      );
      check(
        seen.every((r) => r.body.toString().includes('no server of pool')),
        'the reason',
      );
      first.health('pool', origin.port, HEALTH.UP);
      await quiet();
    },
  },
  {
    name: 'a drain serves who waits',
    async run() {
      await apply({ max_connections: 1, request_queue: queue });
      await ask(0, '/busy');
      await arrived(1);
      const waits = await ask(0, '/waits');
      await until(() => queued() === 1, 'one waits');
      await apply({ max_connections: 1, request_queue: queue }, { placement: { state: 'drain' } });
      answer();
      await arrived(1);
      answer();
      const { status: code, head } = await waits.response();
      equal(code, 200, 'status');
      check(/\r\nconnection: close/i.test(head), 'the connection ends');
      await quiet();
    },
  },
];

/** All clients here have one address, and so one server. */
const SAME_CLIENT: Parts = {
  persistence_profiles: [
    {
      uuid: 'same',
      name: 'same',
      when_down: 'pick_new',
      by: { type: 'client_ip', timeout: 300 },
    },
  ],
};

const persistent: Case[] = [
  {
    name: 'a client whose server is full waits for it, and gets another one only where it cannot wait',
    async run() {
      const two = await Origin.start((r) => void held.push(r));
      const pool = {
        servers: [{ port: origin.port }, { port: two.port }],
        max_connections: 1,
        persistence_profile_uuid: 'same',
      };
      const serve = async (more: Partial<PoolSpec>): Promise<void> => {
        await first.apply([{ ports: [ports[0]] }], { pool: { ...pool, ...more } }, SAME_CLIENT);
        await second.apply([{ ports: [ports[1]] }], { pool: { ...pool, ...more } }, SAME_CLIENT);
      };
      await serve({ request_queue: queue });
      const busy = await ask(0, '/busy');
      await arrived(1);
      const home = held[0]!.socket.localPort;
      const away = home === origin.port ? two.port : origin.port;
      const waits = await ask(0, '/waits');
      await until(() => queued() === 1, 'it waits, though another server is free');
      answer();
      await arrived(1);
      equal(held[0]!.socket.localPort, home, 'its own server');
      // One that cannot wait goes elsewhere for this once.
      const post = await ask(0, '/post', 'POST', 'x');
      await arrived(2);
      equal(held[1]!.socket.localPort, away, 'another server');
      answer();
      answer();
      for (const c of [busy, waits, post]) equal((await c.response()).status, 200, 'status');
      await serve({});
      const again = await ask(0, '/again');
      await arrived(1);
      equal(held[0]!.socket.localPort, home, 'where it belongs still');
      const other = await ask(0, '/other');
      await arrived(2);
      equal(held[1]!.socket.localPort, away, 'without a queue another server');
      equal(await status(ask(0, '/third')), 503, 'both full');
      answer();
      answer();
      for (const c of [again, other]) equal((await c.response()).status, 200, 'status');
      two.stop();
      await quiet();
    },
  },
];

const protocols: Case[] = [
  {
    name: 'streams of HTTP/2 clients wait one by one',
    async run() {
      await apply({ max_connections: 1, request_queue: queue }, { http2: true });
      const c = await Http2Raw.open(ports[0]);
      for (const id of [1, 3, 5]) c.headers(id, GET(`/${id}`), true);
      await until(() => queued() === 2, 'two wait');
      c.write(frame(FRAME.RST_STREAM, 0, 3, Buffer.from([0, 0, 0, 8])));
      await until(() => queued() === 1, 'one waits');
      for (const target of ['/1', '/5']) {
        await arrived(1);
        equal(pathsHeld(), [target], 'at the server');
        answer();
      }
      equal([(await c.response(1)).status, (await c.response(5)).status], [200, 200], 'statuses');
      c.end();
      await quiet();
    },
  },
  {
    name: 'one place is enough for many requests by HTTP/2, which wait for a stream when there is none',
    async run() {
      const pending: (() => void)[] = [];
      const h2 = await Http2Origin.start(
        ({ connection, id }) =>
          void pending.push(() => {
            connection.headers(id, [[':status', '200']], false);
            connection.body(id, 'ok');
          }),
        [[3, 4]],
      );
      const pool = { servers: [{ port: h2.port }], max_connections: 1, enable_http2: true };
      await apply({ ...pool, request_queue: queue });
      const asked = [ask(0, '/warm')];
      await until(() => pending.length === 1, 'one at the server');
      for (let i = 0; i < 3; i++) asked.push(ask(0, `/${i}`));
      await until(() => pending.length === 4, 'four at the server');
      asked.push(ask(0, '/waits'));
      await until(() => queued() === 1, 'the fifth waits');
      pending.shift()!();
      await until(() => pending.length === 4, 'the fifth at the server');
      for (const done of pending.splice(0)) done();
      for (const a of asked) equal(await status(a), 200, 'status');
      equal(h2.connections.length, 1, 'connections');
      // The other worker wants it.
      const other = ask(1, '/other');
      await until(() => pending.length === 1, 'the other worker is at the server');
      pending.shift()!();
      equal(await status(other), 200, 'status');
      equal(h2.connections.length, 2, 'connections');
      check(places(h2.port) <= 1, 'places');
      h2.stop();
      await quiet();
    },
  },
  {
    name: 'an L4 connection without a place is reset, and the next one gets the place that is free',
    async run() {
      await apply({ max_connections: 1 }, { tcpIdle: 60_000 });
      const one = await client(0);
      await until(() => places() === 1, 'connected');
      for (const worker of [0, 1] as const) {
        const c = await RawClient.open(ports[worker]).catch(() => null);
        if (c !== null) await until(() => c.closed, 'refused');
        check(c === null || c.error === 'ECONNRESET', `ended with ${c?.error}`);
      }
      equal([places(), counters()[POOL.REFUSED]], [1, 2], 'places, refused');
      one.end();
      await until(() => places() === 0, 'closed');
      const next = await ask(1, '/l4');
      await arrived(1);
      answer();
      equal((await next.response()).status, 200, 'next');
      await quiet();
    },
  },
  {
    name: 'a flow of datagrams without a place is dropped in silence',
    async run() {
      const server = await DatagramOrigin.start('a');
      const pool = { servers: [{ port: server.port }], max_connections: 2 };
      const udp = { type: 'udp' as const, udp: { idle_timeout: 500, per_datagram: false } };
      await apply(pool, { application: udp });
      const clients = await Promise.all([1, 2, 3].map(() => DatagramClient.open()));
      for (const c of clients.slice(0, 2)) await c.ask(ports[0], 'in');
      clients[2]!.send(ports[0], 'out');
      clients[2]!.send(ports[0], 'out');
      await until(() => counters()[POOL.REFUSED] === 1, 'refused');
      equal([server.got.length, places(server.port)], [2, 2], 'at the server, places');
      await until(() => places(server.port) === 0, 'flows end');
      await clients[2]!.ask(ports[0], 'in again');
      for (const c of clients) c.close();
      server.stop();
      await quiet();
    },
  },
];

const bursts: Case[] = [
  {
    name: 'a burst over two workers never passes the limit, and all are served in little more than the least time',
    async run() {
      let served = 0;
      const busy = await Origin.start((r) => {
        setTimeout(() => {
          served++;
          r.socket.write(OK);
        }, 5);
      });
      const limit = 8;
      await apply({
        servers: [{ port: busy.port }],
        max_connections: limit,
        request_queue: { depth: 1000, timeout: 60_000 },
      });
      const began = performance.now();
      await Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const c = await client(i % 2 === 0 ? 0 : 1);
          for (let n = 0; n < 20; n++) equal((await c.get(`/${i}/${n}`)).status, 200, 'status');
        }),
      );
      const took = performance.now() - began;
      equal([served, busy.peak], [2000, limit], 'served, peak');
      const least = (2000 * 5) / limit;
      check(took < 6 * least, `${took} ms where ${least} ms are the least`);
      busy.stop();
      await quiet();
    },
  },
];

await runCases([...limits, ...queues, ...persistent, ...protocols, ...bursts]);
