import {
  CLOSED_BY,
  codeCell,
  emptyServiceTotals,
  FAILED_BY,
  histogramOf,
  OWN_BY,
  SERVER,
  VS,
  VS_HISTOGRAM,
  type ServerTotals,
  type ServiceTotals,
  type VsHistogram,
} from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type ServiceSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();
const BUN = rig.transport.name === 'bun';

async function serve(ports: number[], service: Partial<ServiceSpec> = {}): Promise<void> {
  await rig.apply([{ ports: [port], ...service }], { pool: { servers: ports.map((p) => ({ port: p })) } });
}

const totals = (): ServiceTotals => rig.mapping.serviceTotals(0);
const server = (p: number): ServerTotals => rig.mapping.serverTotals(rig.slot('pool', p));
const sum = (counts: ArrayLike<number>): number => Array.from(counts).reduce((a, b) => a + b, 0);
const quiet = (): Promise<void> =>
  until(() => rig.mapping.clientsOf(0) === 0 && totals().counters[VS.REQUESTS_ACTIVE] === 0, 'all gone');

/** What was counted while `work` ran and everything it began was over. */
async function grown(work: () => Promise<void>): Promise<ServiceTotals> {
  await quiet();
  const before = totals();
  await work();
  await quiet();
  const after = totals();
  const result = emptyServiceTotals();
  after.counters.forEach((n, i) => (result.counters[i] = n - before.counters[i]!));
  after.codes.forEach((n, i) => (result.codes[i] = n - before.codes[i]!));
  after.buckets.forEach((n, i) => (result.buckets[i] = n - before.buckets[i]!));
  return result;
}

const countOf = (t: ServiceTotals, which: VsHistogram): number => sum(histogramOf(t.buckets, which));
const samples = (): number => countOf(totals(), VS_HISTOGRAM.CLIENT_RTT);
const later = (milliseconds: number, work: () => void): void => void setTimeout(work, milliseconds);

/** One that closes as soon as it is asked. */
const closer = (): Promise<Origin> => Origin.start((r) => void r.socket.end());

const cases: Case[] = [
  {
    name: 'times: first byte, transfer and total, each with its sum',
    async run() {
      const origin = await Origin.start((r) =>
        later(60, () => {
          r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
          later(120, () => r.socket.write('cd'));
        }),
      );
      await serve([origin.port]);
      const t = await grown(async () => {
        const c = await RawClient.open(port);
        for (let i = 0; i < 3; i++) await c.get('/');
        c.end();
      });
      const ms = (sumOf: number): number => t.counters[sumOf]! / 3000;
      for (const which of [VS_HISTOGRAM.TOTAL, VS_HISTOGRAM.APP_RESPONSE, VS_HISTOGRAM.DATA_TRANSFER])
        equal(countOf(t, which), 3, `histogram ${which}`);
      check(ms(VS.APP_RESPONSE_TIME) >= 55 && ms(VS.APP_RESPONSE_TIME) < 600, 'app response');
      check(ms(VS.DATA_TRANSFER_TIME) >= 115 && ms(VS.DATA_TRANSFER_TIME) < 1200, 'data transfer');
      const parts = ms(VS.APP_RESPONSE_TIME) + ms(VS.DATA_TRANSFER_TIME);
      check(ms(VS.TOTAL_TIME) >= 175 && Math.abs(ms(VS.TOTAL_TIME) - parts) < 20, 'total');
      equal(countOf(t, VS_HISTOGRAM.SERVER_CONNECT), 1, 'one connection was made');
      check(t.counters[VS.SERVER_CONNECT_TIME]! > 0, 'connect time');
      const s = server(origin.port).counters;
      equal([s[SERVER.RESPONSES], s[SERVER.CONNECTED]], [3, 1], 'responses and connections of the server');
      equal(sum(server(origin.port).buckets), 3, 'first bytes of the server');
      check(s[SERVER.FIRST_BYTE_TIME]! / 3000 >= 55, 'first byte of the server');
      origin.stop();
    },
  },
  {
    name: 'a slow reader is in the transfer time: it ends when the last byte has left',
    async run() {
      const size = 40_000_000;
      const origin = await Origin.start((r) => {
        r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        r.socket.write(Buffer.alloc(size));
      });
      await serve([origin.port]);
      let waited = 0;
      const t = await grown(async () => {
        const c = await RawClient.open(port);
        c.forget = true;
        c.socket.pause();
        c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await until(() => rig.transport.queuedBytes() > 0, 'something waits');
        const from = performance.now();
        await until(() => performance.now() - from > 150, 'the reader sleeps');
        waited = performance.now() - from;
        c.socket.resume();
        await until(() => c.bytes >= size, 'all bytes');
        c.end();
      });
      equal(countOf(t, VS_HISTOGRAM.DATA_TRANSFER), 1, 'measured once');
      check(t.counters[VS.DATA_TRANSFER_TIME]! / 1000 >= waited, 'the wait is in it');
      origin.stop();
    },
  },
  {
    name: 'codes one by one, and responses of the engine by reason',
    async run() {
      const origin = await Origin.start((r) => {
        const code = /\/(\d+)/.exec(r.head)?.[1] ?? '200';
        r.socket.write(`HTTP/1.1 ${code} X\r\nContent-Length: 0\r\n\r\n`);
      });
      const dead = await closer();
      const gone = await freePort();
      const t = await grown(async () => {
        await serve([origin.port]);
        const c = await RawClient.open(port);
        for (const code of [200, 200, 404, 418, 503]) await c.get(`/${code}`);
        await serve([dead.port]);
        equal((await c.get('/')).status, 502, 'closed without a response');
        await serve([gone]);
        equal((await c.get('/')).status, 502, 'nobody listens');
        await rig.apply([{ ports: [port] }], { pool: { servers: [] } });
        equal((await c.get('/')).status, 503, 'no servers');
        equal((await c.send('BAD\r\n\r\n').response()).status, 400, 'not a request');
        c.end();
      });
      const code = (n: number): number => t.codes[codeCell(n)]!;
      equal([200, 404, 503, 502, 400].map(code), [2, 1, 2, 2, 1], 'codes');
      equal(t.codes[codeCell(418)], 1, 'a code that the registry does not know, by its class');
      equal(sum(t.codes), 9, 'every response has a code');
      const own = (why: number): number => t.counters[VS.OWN + why]!;
      equal(
        [OWN_BY.SERVER_CLOSED, OWN_BY.SERVER_UNREACHABLE, OWN_BY.NO_SERVER, OWN_BY.BAD_REQUEST].map(own),
        [1, 1, 1, 1],
        'own responses by reason',
      );
      equal(t.counters[VS.RESPONSES_OWN], 4, 'own responses');
      equal(countOf(t, VS_HISTOGRAM.TOTAL), 9, 'all are timed');
      equal(countOf(t, VS_HISTOGRAM.APP_RESPONSE), 5, 'those of servers are timed in parts');
      const failed = server(dead.port).counters;
      check(failed[SERVER.FAILED + FAILED_BY.CLOSED]! > 0, 'the server failed by closing');
      equal(failed[SERVER.FAILURES], failed[SERVER.FAILED + FAILED_BY.CLOSED], 'failures are those');
      check(server(gone).counters[SERVER.FAILED + FAILED_BY.REFUSED]! > 0, 'refused');
      for (const o of [origin, dead]) o.stop();
    },
  },
  {
    name: 'connections by what ended them; gauges go back to nothing',
    async run() {
      const origin = await Origin.start();
      await serve([origin.port], { http: { keepalive_timeout: 200, client_header_timeout: 300 } });
      const t = await grown(async () => {
        const byClient = await RawClient.open(port);
        await byClient.get('/');
        byClient.socket.end();
        const byReset = await RawClient.open(port);
        await byReset.get('/');
        byReset.reset();
        const byEngine = await RawClient.open(port);
        await byEngine.get('/', 'Connection: close\r\n');
        await until(() => byEngine.ended, 'the end after Connection: close');
        byEngine.socket.end();
        const byIdle = await RawClient.open(port);
        await byIdle.get('/');
        await until(() => byIdle.ended, 'the end of the keep-alive time');
        byIdle.socket.end();
        const slow = await RawClient.open(port);
        slow.send('GET / HT');
        equal((await slow.response()).status, 408, 'a slow head');
        slow.socket.end();
      });
      const closed = [
        CLOSED_BY.CLIENT,
        CLOSED_BY.CLIENT_RESET,
        CLOSED_BY.ENGINE,
        CLOSED_BY.IDLE,
        CLOSED_BY.TIMEOUT,
      ];
      equal(
        closed.map((why) => t.counters[VS.CLOSED + why]),
        [1, 1, 1, 1, 1],
        'by client, by its reset, by the engine, idle, too slow',
      );
      equal([t.counters[VS.CONNECTIONS], t.counters[VS.CONNECTIONS_ACTIVE]], [5, 0], 'connections');
      origin.stop();
      await until(() => server(origin.port).counters[SERVER.CONNECTIONS_OPEN] === 0, 'no server connection');
    },
  },
  {
    name: 'what is left at the deadline of a drain',
    async run() {
      const origin = await Origin.start(() => {});
      await serve([origin.port]);
      const t = await grown(async () => {
        const c = await RawClient.open(port);
        c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await until(() => origin.requests.length === 1, 'the request');
        await serve([origin.port], { placement: { state: 'drain', drain_timeout: 100 } });
        await until(() => c.closed, 'the reset');
      });
      equal(t.counters[VS.CLOSED + CLOSED_BY.DRAIN], 1, 'by the drain');
      origin.stop();
    },
  },
  {
    name: 'round trips are sampled where the kernel tells them',
    async run() {
      const origin = await Origin.start();
      await serve([origin.port]);
      const t = await grown(async () => {
        const c = await RawClient.open(port);
        const before = samples();
        const most = BUN ? 1_000_000 : 200;
        for (let i = 0; i < most && samples() - before < 3; i++) await c.get('/');
        c.end();
      });
      const found = [VS_HISTOGRAM.CLIENT_RTT, VS_HISTOGRAM.SERVER_RTT].map((which) => countOf(t, which));
      const s = server(origin.port).counters;
      if (BUN) {
        check(found[0]! >= 3 && found[1]! >= 1, 'samples');
        check(t.counters[VS.REQUESTS]! > found[0]!, 'not one for every request');
        const mean = t.counters[VS.CLIENT_RTT]! / found[0]!;
        check(mean > 0 && mean < 100_000, `a round trip on loopback is not ${mean} us`);
        check(s[SERVER.RTT]! > 0 && s[SERVER.RTT_SAMPLES]! >= 1, 'of the server');
      } else equal([...found, s[SERVER.RTT_SAMPLES]], [0, 0, 0], 'no samples on Node');
      origin.stop();
    },
  },
  {
    name: 'connections of L4 services: connect time, round trips, ends',
    async run() {
      const origin = new Origin();
      origin.raw = (s) => void s.on('data', (d) => s.write(d)).on('end', () => s.end());
      await origin.listen(0);
      await serve([origin.port], { tcpIdle: 0 });
      const t = await grown(async () => {
        const c = await RawClient.open(port);
        c.send('echo');
        await until(() => c.text === 'echo', 'the echo');
        c.socket.end();
      });
      equal(countOf(t, VS_HISTOGRAM.SERVER_CONNECT), 1, 'connect time');
      equal(t.counters[VS.CLOSED + CLOSED_BY.CLIENT], 1, 'ended by the client');
      equal([t.counters[VS.BYTES_IN], t.counters[VS.BYTES_OUT]], [4, 4], 'bytes');
      await until(() => server(origin.port).counters[SERVER.CONNECTIONS_OPEN] === 0, 'server connections');
      origin.stop();
    },
  },
  {
    name: 'connections are described one by one, without a word of what they carry',
    async run() {
      const origin = await Origin.start((r) => {
        if (!r.head.includes('/slow')) r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
      await serve([origin.port]);
      const idle = await RawClient.open(port);
      await idle.get('/secret-path?token=secret', 'Authorization: Bearer secret\r\n');
      const busy = await RawClient.open(port);
      busy.send('PUT /slow?token=secret HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsecret');
      await until(() => rig.mapping.activeOf(rig.slot('pool', origin.port)) === 1, 'the request under way');
      const rows = [...{ [Symbol.iterator]: () => rig.plane.describe('vs') }];
      check(!JSON.stringify(rows).includes('secret'), 'no secret is told');
      const clients = rows.filter((r) => r.side === 'client');
      equal(clients.length, 2, 'clients');
      const [a, b] = clients;
      equal([a!.protocol, a!.requests, a!.request, a!.server], ['http1', 0, null, ''], 'the idle one');
      equal(a!.peer, `127.0.0.1:${idle.socket.localPort}`, 'its peer');
      check(a!.bytes_in > 50 && a!.bytes_out > 30 && a!.age >= 0, 'its bytes and age');
      equal([b!.requests, b!.request?.method, b!.request?.phase], [1, 'PUT', 'waiting'], 'the busy one');
      equal([b!.state, b!.server], ['request body', `pool/127.0.0.1:${origin.port}`], 'what it does');
      const servers = rows.filter((r) => r.side === 'server').map((r) => r.state);
      equal(servers, ['busy'], 'the connection to the server');
      equal([...{ [Symbol.iterator]: () => rig.plane.describe('another') }], [], 'of another service');
      idle.end();
      busy.end();
      await quiet();
      origin.stop();
    },
  },
];

await runCases(cases);
