import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import type { Reselect } from '@spillway/snapshot';
import { certificate } from '@spillway/testing/certificates';
import { HEALTH, SERVER, VS } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { GET, Http2Raw, POST } from '../suite/http2-client.js';
import { Http2Origin } from '../suite/http2-origin.js';
import { OK, Origin, type Received } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec } from '../suite/rig.js';
import { TLS } from '../suite/tls.js';

const rig = await Rig.make();
const port = await freePort();

const SERVER_ERRORS: Reselect = {
  retries: 4,
  nonidempotent: false,
  timeout: 0,
  statuses: [{ from: 500, to: 599 }],
};

async function serve(
  ports: readonly number[],
  reselect: Partial<Reselect> | null = {},
  pool: Partial<PoolSpec> = {},
): Promise<void> {
  await rig.apply([{ ports: [port], http2: true, http: { server_response_timeout: 10_000 } }], {
    pool: {
      servers: ports.map((p) => ({ port: p })),
      ...(reselect === null ? {} : { reselect: { ...SERVER_ERRORS, ...reselect } }),
      ...pool,
    },
  });
}

const portsOf = (origins: readonly { port: number }[]): number[] => origins.map((o) => o.port);
const retriesOf = (p: number): number =>
  rig.mapping.serverTotals(rig.slot('pool', p)).counters[SERVER.RETRIES]!;
const active = (p: number): number => rig.mapping.activeOf(rig.slot('pool', p));

const says =
  (status: number, text: string) =>
  ({ socket }: Received): void =>
    void socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
const saying = (status: number, text: string): Promise<Origin> => Origin.start(says(status, text));
const silent = (): void => {};
const dies = ({ socket }: Received): void => void socket.destroy();

const isUnder = (origins: readonly Origin[], numbers: readonly number[], what: string): void =>
  equal(
    origins.map((o) => o.requests.length),
    numbers,
    what,
  );

/** Runs a case with origins and a client that are gone afterwards. */
async function against(
  origins: Promise<Origin>[],
  run: (c: RawClient, origins: Origin[]) => Promise<void>,
  reselect: Partial<Reselect> | null = {},
  pool: Partial<PoolSpec> = {},
): Promise<void> {
  const started = await Promise.all(origins);
  await serve(portsOf(started), reselect, pool);
  const c = await RawClient.open(port);
  try {
    await run(c, started);
  } finally {
    c.end();
    for (const o of started) o.stop();
  }
}

const post = (body: string): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const put = (body: string): string => post(body).replace('POST', 'PUT');
const answered = async (c: RawClient, text: string): Promise<string> => {
  const { status, body } = await c.send(text).response();
  return `${status} ${body.toString()}`;
};
const get = (c: RawClient): Promise<string> => answered(c, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');

const promising =
  (n: number) =>
  (r: Received): void =>
    void r.socket.write(`HTTP/1.1 503 X\r\nContent-Length: ${n}\r\n\r\n${'x'.repeat(Math.min(n, 100))}`);

const responding =
  (code: string, body: string) =>
  (r: Parameters<Http2Origin['answer']>[0]): void => {
    r.connection.headers(r.id, [[':status', code]], body === '');
    if (body !== '') r.connection.body(r.id, body);
  };

const over1: Case[] = [
  {
    name: 'off: the response of the first server is the one of the client',
    run: () =>
      against(
        [saying(503, 'a'), saying(503, 'b')],
        async (c, origins) => {
          equal(await get(c), '503 a', 'response');
          isUnder(origins, [1, 0], 'requests');
        },
        null,
      ),
  },
  {
    name: 'listed codes: each server is asked once, the last response is passed on',
    run: () =>
      against([saying(500, 'a'), saying(502, 'b'), saying(599, 'c')], async (c, origins) => {
        check(/^5\d\d [abc]$/.test(await get(c)), 'the response of a server');
        isUnder(origins, [1, 1, 1], 'requests');
        for (const [i, o] of origins.entries()) origins[i]!.answer = i === 1 ? says(200, 'ok') : o.answer;
        for (let n = 0; n < 9; n++) equal(await get(c), '200 ok', `request ${n}`);
        equal(origins[1]!.requests.length, 10, 'each came to the good one, once');
        equal(portsOf(origins).map(active), [0, 0, 0], 'nothing is left at the servers');
      }),
  },
  {
    name: 'as many servers as retries allow, not more',
    run: () =>
      against(
        [saying(500, 'a'), saying(500, 'b'), saying(500, 'c'), saying(500, 'd')],
        async (c, origins) => {
          const before = portsOf(origins).map(retriesOf);
          check((await get(c)).startsWith('500 '), 'status');
          equal(
            origins.reduce((n, o) => n + o.requests.length, 0),
            2,
            'requests',
          );
          equal(
            portsOf(origins).reduce((n, p, i) => n + retriesOf(p) - before[i]!, 0),
            1,
            'counted at the server that got it again',
          );
        },
        { retries: 1 },
      ),
  },
  {
    name: 'other codes are passed on; HEAD and 404 where they are listed',
    run: () =>
      against(
        [saying(404, 'a'), saying(200, 'b')],
        async (c, origins) => {
          equal(await get(c), '200 b', 'listed');
          origins[0]!.answer = says(403, 'a');
          origins[1]!.answer = says(403, 'b');
          check((await get(c)).startsWith('403 '), 'not listed');
          equal(origins[0]!.requests.length + origins[1]!.requests.length, 3, 'requests');
          origins[0]!.answer = says(404, '');
          origins[1]!.answer = says(200, '');
          for (let n = 0; n < 2; n++)
            equal((await c.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n').response(true)).status, 200, 'HEAD');
        },
        { statuses: [{ from: 404, to: 404 }] },
      ),
  },
  {
    name: 'what is not idempotent is sent again only when that is allowed',
    async run() {
      await against([saying(503, 'a'), saying(200, 'b')], async (c, origins) => {
        equal(
          [await answered(c, post('x')), await answered(c, post('x'))].sort(),
          ['200 b', '503 a'],
          'POST',
        );
        equal(await answered(c, put('x')), '200 b', 'PUT');
        equal(await answered(c, put('x')), '200 b', 'PUT');
        equal(origins[1]!.requests.at(-1)!.body.toString(), 'x', 'its body');
      });
      await against(
        [saying(503, 'a'), saying(200, 'b')],
        async (c) => {
          for (let n = 0; n < 4; n++) equal(await answered(c, post(`x${n}`)), '200 b', 'POST');
        },
        { nonidempotent: true },
      );
    },
  },
  {
    name: 'a server that is not there is left for any request; never twice the same',
    async run() {
      const dead = [await freePort(), await freePort(), await freePort()];
      const origin = await saying(200, 'ok');
      await serve([dead[0]!, dead[1]!, origin.port, dead[2]!]);
      const c = await RawClient.open(port);
      for (let n = 0; n < 8; n++) equal(await answered(c, post('x')), '200 ok', `request ${n}`);
      await serve(dead);
      const failures = (): number =>
        dead.reduce(
          (n, p) => n + rig.mapping.serverTotals(rig.slot('pool', p)).counters[SERVER.FAILURES]!,
          0,
        );
      const before = failures();
      equal(await get(c), '502 502 the server refused the connection\n', 'nobody');
      equal(failures() - before, 3, 'each was tried once');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'no answer, half an answer and nonsense: the next server, where the request may be repeated',
    run: () =>
      against([Origin.start(dies), saying(200, 'b')], async (c, origins) => {
        for (const bad of [
          dies,
          ({ socket }: Received): void => void socket.end('HTTP/1.1 200 OK\r\nContent-Le'),
          ({ socket }: Received): void => void socket.write('SMTP\r\n\r\n'),
        ]) {
          origins[0]!.answer = bad;
          for (let n = 0; n < 2; n++) equal(await get(c), '200 b', 'GET');
        }
        const both = [await answered(c, post('x')), await answered(c, post('x'))].sort();
        equal([both[0], both[1]!.slice(0, 3)], ['200 b', '502'], 'POST');
      }),
  },
  {
    name: 'a kept connection that turns out to be dead is nobody’s failure',
    run: () =>
      against([saying(200, 'a')], async (c, [origin]) => {
        for (let n = 0; n < 3; n++) {
          equal(await get(c), '200 a', 'request');
          const { socket } = origin!.requests.at(-1)!;
          // It is closed when the next request has come.
          socket.removeAllListeners('data');
          socket.on('data', () => socket.destroy());
        }
      }),
  },
  {
    name: 'time for each try: a server that says nothing is left; a request that may not be repeated waits',
    async run() {
      await against(
        [Origin.start(silent), Origin.start(silent), saying(200, 'c')],
        async (c, origins) => {
          const began = performance.now();
          equal(await get(c), '200 c', 'GET');
          const tries = origins[0]!.requests.length + origins[1]!.requests.length;
          const took = performance.now() - began;
          check(took >= tries * 150 && took < 5000, `${tries} tries took ${took} ms`);
          for (const o of origins) o.answer = silent;
          equal((await get(c)).slice(0, 3), '504', 'all silent');
          for (const o of origins) o.answer = (r) => void setTimeout(() => says(200, 'late')(r), 700);
          equal(await answered(c, post('x')), '200 late', 'POST');
        },
        { timeout: 200 },
      );
    },
  },
  {
    name: 'the time-out of the pool, and a try after it',
    run: () =>
      against(
        [Origin.start(silent), saying(200, 'b')],
        async (c) => {
          for (let n = 0; n < 2; n++) equal(await get(c), '200 b', 'GET');
          await serve([(await Origin.start(silent)).port], null, { server_timeout: 300 });
          equal((await get(c)).slice(0, 3), '504', 'without reselect');
        },
        {},
        { server_timeout: 300 },
      ),
  },
  {
    name: 'bodies: up to 64 KiB they are sent again, larger ones keep the response that came',
    run: () =>
      against([saying(503, 'a'), saying(200, 'b')], async (c, origins) => {
        const small = 'x'.repeat(60_000);
        for (let n = 0; n < 2; n++) equal(await answered(c, put(small)), '200 b', 'small');
        check(
          origins[1]!.requests.every((r) => r.body.toString() === small),
          'bodies',
        );
        const large = 'x'.repeat(200_000);
        equal(
          [await answered(c, put(large)), await answered(c, put(large))].sort(),
          ['200 b', '503 a'],
          'large',
        );
        const chunked = `PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
        for (let n = 0; n < 2; n++) equal(await answered(c, chunked), '200 b', 'chunked');
        equal(origins[1]!.requests.at(-1)!.body.toString(), '3\r\nabc\r\n0\r\n\r\n', 'its framing');
      }),
  },
  {
    name: 'a response before the end of the request: what is still to come goes to the next server',
    run: () =>
      against([saying(503, 'a'), saying(200, 'b')], async (c, origins) => {
        for (const o of origins)
          o.early = (_head, socket) => void (o === origins[0] && says(503, 'a')({ socket } as Received));
        for (let n = 0; n < 2; n++) {
          const before = origins[1]!.bytesIn;
          c.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
          await until(() => origins[1]!.bytesIn > before, 'the head at the good server');
          equal(await answered(c, 'def'), '200 b', 'response');
          equal(origins[1]!.requests.at(-1)!.body.toString(), 'abcdef', 'body');
        }
      }),
  },
  {
    name: 'a connection whose response nobody gets is kept when little of it is left, and closed else',
    async run() {
      await against([saying(503, 'a'), saying(200, 'b')], async (c, [bad, good]) => {
        for (let n = 0; n < 6; n++) equal(await get(c), '200 b', 'request');
        equal([bad!.connections, bad!.resets], [1, 0], 'one connection to the bad server');
        // The rest comes later, framed in chunks.
        let rest: (() => void) | null = null;
        bad!.answer = (r) => {
          r.socket.write('HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab');
          rest = () => void r.socket.write('c\r\n0\r\n\r\n');
        };
        for (let n = 0; n < 2; n++) equal(await get(c), '200 b', 'request');
        equal([active(bad!.port), bad!.connections], [1, 1], 'still being read');
        rest!();
        await until(() => active(bad!.port) === 0, 'the end of the response');
        bad!.answer = says(503, 'a');
        for (let n = 0; n < 2; n++) equal(await get(c), '200 b', 'request');
        equal(bad!.connections, 1, 'the same connection');
        for (const odd of [
          promising(1_000_000),
          ({ socket }: Received): void => void socket.write('HTTP/1.1 503 X\r\n\r\nuntil the end'),
          ({ socket }: Received): void => void socket.write('HTTP/1.1 503 X\r\nContent-Length: 1\r\n\r\nab'),
        ]) {
          bad!.answer = odd;
          const before = bad!.requests.length;
          while (bad!.requests.length === before) equal(await get(c), '200 b', 'request');
          await until(() => bad!.sockets.size === 0, 'the end of the connection');
          equal(active(bad!.port), 0, 'nothing is left');
        }
        // A rest that never comes is not waited for, nor after its server was taken out.
        bad!.answer = promising(1000);
        for (let n = 0; n < 2; n++) equal(await get(c), '200 b', 'request');
        await until(() => bad!.sockets.size === 0, 'the end of the connection');
        for (let n = 0; n < 2; n++) equal(await get(c), '200 b', 'request');
        await serve([good!.port]);
        await until(() => bad!.sockets.size === 0, 'the end of the connection');
        check(good!.connections <= 3, `${good!.connections} connections to the good one`);
      });
    },
  },
  {
    name: 'the client may leave while the next server is asked',
    run: () =>
      against([saying(503, 'a'), Origin.start(silent)], async (c, origins) => {
        c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await until(() => origins[1]!.requests.length === 1, 'the request at the second server');
        c.end();
        await until(() => origins[1]!.sockets.size === 0, 'the end of its connection');
        equal(portsOf(origins).map(active), [0, 0], 'nothing is left');
      }),
  },
  {
    name: 'only servers that are up are asked',
    run: () =>
      against([saying(503, 'a'), saying(200, 'b'), saying(503, 'c')], async (c, origins) => {
        rig.health('pool', origins[1]!.port, HEALTH.DOWN);
        check((await get(c)).startsWith('503 '), 'status');
        isUnder(origins, [1, 0, 1], 'requests');
        rig.health('pool', origins[1]!.port, HEALTH.UP);
        equal(await get(c), '200 b', 'up again');
      }),
  },
];

const overTls: Case[] = [
  {
    name: 'a handshake that fails leaves the server, for any request',
    async run() {
      const own = await certificate({ cn: 'server.example' });
      const secure = { cert: own.chain, key: own.private_key };
      const good = tls.createServer(secure, (s) => {
        s.on('error', () => {});
        s.on('data', () => void s.write(OK));
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      good.listen(0, '127.0.0.1', resolve);
      await promise;
      const bad = new Origin();
      bad.raw = (socket) => socket.once('data', () => void socket.end('this is not TLS'));
      await bad.listen(0);
      const { port: at } = good.address() as AddressInfo;
      await serve([bad.port, at], {}, { tls: { profile: TLS, sni_enabled: false } });
      const c = await RawClient.open(port);
      for (let n = 0; n < 4; n++) equal(await answered(c, post('x')), '200 ok', `request ${n}`);
      check(bad.connections >= 1, 'the bad one was tried');
      await serve([bad.port], {}, { tls: { profile: TLS, sni_enabled: false } });
      equal(await get(c), '502 502 TLS with the server failed\n', 'nobody else');
      c.end();
      bad.stop();
      good.close();
    },
  },
];

const over2: Case[] = [
  {
    name: 'HTTP/2 to clients and servers: streams that nobody gets end by themselves',
    async run() {
      const bad = await Http2Origin.start(responding('503', 'bad'));
      const good = await Http2Origin.start(responding('200', 'good'));
      await serve([bad.port, good.port], {}, { enable_http2: true });
      const c = await Http2Raw.open(port);
      const all = async (what: string): Promise<void> => {
        for (let n = 0; n < 4; n++) {
          const r = await c.response(c.request(n % 2 === 0 ? GET('/') : GET('/x')));
          equal([r.status, r.body.toString()], [200, 'good'], what);
        }
      };
      await all('with a body');
      bad.answer = responding('503', '');
      await all('without');
      equal(
        bad.requests.map((s) => s.reset).filter((code) => code >= 0),
        [],
        'streams that were reset',
      );
      bad.answer = responding('503', 'x'.repeat(200_000));
      await all('with a long one');
      await until(() => active(bad.port) === 0, 'nothing left');
      check(bad.connections.length === 1, 'one connection');
      bad.answer = ({ connection, id }) =>
        void connection.write(Buffer.from([0, 0, 4, 3, 0, 0, 0, 0, id, 0, 0, 0, 2]));
      await all('reset by the server');
      bad.answer = responding('503', 'bad');
      await serve([bad.port, good.port], { nonidempotent: true }, { enable_http2: true });
      for (let n = 0; n < 4; n++) {
        const id = c.request(POST('/'), false);
        c.body(id, 'abc');
        const r = await c.response(id);
        equal([r.status, r.body.toString()], [200, 'good'], 'a request with a body');
      }
      equal(good.requests.at(-1)!.body.toString(), 'abc', 'its body');
      c.end();
      for (const o of [bad, good]) o.stop();
      await until(() => rig.mapping.serviceTotals(0).counters[VS.REQUESTS_ACTIVE] === 0, 'all requests gone');
    },
  },
];

await runCases([...over1, ...overTls, ...over2]);
rig.plane.close();
