import net from 'node:net';
import { FAILED_BY, SERVER } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { DatagramClient, DatagramOrigin } from '../suite/datagrams.js';
import { Http2Origin, valueOf } from '../suite/http2-origin.js';
import { Origin } from '../suite/origin.js';
import { freePort, freeUdpPort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();
let uuids = 0;

type Counted = Record<'outcomes' | 'errors' | 'errors4xx' | 'sent' | 'failures', number>;

/** Serves from a pool of its own, so that each case begins at nothing. */
async function serve(
  servers: PoolSpec['servers'],
  service: Partial<ServiceSpec> = {},
  pool: Partial<PoolSpec> = {},
): Promise<(server: number) => Counted & { counter: (which: number) => number }> {
  const uuid = `pool-${uuids++}`;
  await rig.apply([{ ports: [port], pool: uuid, ...service }], { [uuid]: { servers, ...pool } });
  return (server) => {
    const counter = (which: number): number => rig.mapping.serverCounter(rig.slot(uuid, server), which);
    return {
      outcomes: counter(SERVER.OUTCOMES),
      errors: counter(SERVER.ERRORS),
      errors4xx: counter(SERVER.ERRORS_4XX),
      sent: counter(SERVER.REQUESTS) - counter(SERVER.UNSENT),
      failures: counter(SERVER.FAILURES),
      counter,
    };
  };
}

const only = ({ outcomes, errors, errors4xx, sent, failures }: Counted): Counted => ({
  outcomes,
  errors,
  errors4xx,
  sent,
  failures,
});

const coded = (): Promise<Origin> =>
  Origin.start((r) => {
    const code = /\/(\d+)/.exec(r.head)?.[1] ?? '200';
    r.socket.write(`HTTP/1.1 ${code} X\r\nContent-Length: 0\r\n\r\n`);
  });

const udp: ServiceSpec['application'] = { type: 'udp', udp: { idle_timeout: 60_000, per_datagram: false } };

/** A client whose connection is reset, maybe before it knows that it was made. */
async function reset(): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  socket.write('hello');
  socket.on('error', () => undefined);
  await until(() => socket.closed, 'the reset');
}

const cases: Case[] = [
  {
    name: 'responses by code, and errors among them',
    async run() {
      const origin = await coded();
      const counts = await serve([origin]);
      const c = await RawClient.open(port);
      for (const code of [200, 204, 301, 304, 404, 404, 410, 500, 503]) await c.get(`/${code}`);
      c.end();
      const s = counts(origin.port);
      equal(only(s), { outcomes: 9, errors: 5, errors4xx: 3, sent: 9, failures: 0 }, 'counts');
      equal([s.counter(SERVER.RESPONSES_4XX), s.counter(SERVER.RESPONSES_5XX)], [3, 2], 'by class');
      equal(s.counter(SERVER.REQUESTS), origin.requests.length, 'requests are those that came there');
      origin.stop();
    },
  },
  {
    name: 'what the virtual service does not take for errors',
    async run() {
      const origin = await coded();
      const errors = {
        codes: [
          { begin: 404, end: 404 },
          { begin: 500, end: 502 },
        ],
        server_reset: true,
      };
      const counts = await serve([origin], { errors: { ...errors, connect_timeout: false } });
      const c = await RawClient.open(port);
      for (const code of [200, 404, 410, 500, 502, 503]) await c.get(`/${code}`);
      c.end();
      const s = counts(origin.port);
      equal(only(s), { outcomes: 6, errors: 2, errors4xx: 1, sent: 6, failures: 0 }, 'counts');
      equal([s.counter(SERVER.RESPONSES_4XX), s.counter(SERVER.RESPONSES_5XX)], [2, 3], 'classes count all');
      origin.stop();
      const dead = await Origin.start((r) => r.socket.resetAndDestroy());
      const excluded = await serve([dead], { errors: { ...errors, connect_timeout: false } });
      const d = await RawClient.open(port);
      equal(
        (await d.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n').response()).status,
        502,
        'reset',
      );
      d.end();
      equal(
        only(excluded(dead.port)),
        { outcomes: 1, errors: 0, errors4xx: 0, sent: 1, failures: 1 },
        'resets',
      );
      dead.stop();
    },
  },
  {
    name: 'a server that refuses, one that closes, one that answers nonsense, one that is silent',
    async run() {
      const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n';
      const refuses = await freePort();
      const counts = await serve([{ port: refuses }]);
      const c = await RawClient.open(port);
      equal((await c.get('/')).status, 502, 'refused');
      const r = counts(refuses);
      const tries = r.counter(SERVER.FAILED + FAILED_BY.REFUSED);
      check(tries >= 1, 'it was tried');
      equal(only(r), { outcomes: tries, errors: tries, errors4xx: 0, sent: 0, failures: tries }, 'refuses');
      const answers: [string, (r: { socket: net.Socket }) => void, number, number][] = [
        ['closes', (q) => void q.socket.end(), 502, FAILED_BY.CLOSED],
        ['resets', (q) => void q.socket.resetAndDestroy(), 502, FAILED_BY.RESET],
        ['nonsense', (q) => void q.socket.write('what?\r\n\r\n'), 502, FAILED_BY.MALFORMED],
        ['silent', () => undefined, 504, FAILED_BY.TIMEOUT],
      ];
      for (const [what, answer, status, kind] of answers) {
        const origin = await Origin.start(answer);
        const of = await serve([origin], { http: { server_response_timeout: 200 } });
        equal((await c.send(post).response()).status, status, what);
        const s = of(origin.port);
        equal(only(s), { outcomes: 1, errors: 1, errors4xx: 0, sent: 1, failures: 1 }, what);
        equal(s.counter(SERVER.FAILED + kind), 1, `${what}: kind`);
        origin.stop();
      }
      c.end();
    },
  },
  {
    name: 'a response that breaks off is one outcome and an error',
    async run() {
      const origin = await Origin.start((r) => {
        r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab');
        setImmediate(() => r.socket.end());
      });
      const counts = await serve([origin]);
      const c = await RawClient.open(port);
      c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => c.closed, 'the cut');
      equal(
        only(counts(origin.port)),
        { outcomes: 1, errors: 1, errors4xx: 0, sent: 1, failures: 1 },
        'counts',
      );
      origin.stop();
    },
  },
  {
    name: 'a kept connection that the server closed meanwhile is no error, nor a server taken out',
    async run() {
      const origin = await Origin.start((r) => {
        if (r.nth === 2) r.socket.resetAndDestroy();
        else r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
      const counts = await serve([origin]);
      const c = await RawClient.open(port);
      await c.get('/');
      equal((await c.get('/')).status, 200, 'sent again on a connection of its own');
      c.end();
      const s = only(counts(origin.port));
      equal(s, { outcomes: 2, errors: 0, errors4xx: 0, sent: 3, failures: 1 }, 'counts');
      origin.stop();
      const slow = await Origin.start(() => undefined);
      const uuid = `pool-${uuids++}`;
      const pool = { [uuid]: { servers: [slow] } };
      await rig.apply([{ ports: [port], pool: uuid }], pool);
      const d = await RawClient.open(port);
      d.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => slow.requests.length === 1, 'the request');
      await rig.apply([{ ports: [port], pool: uuid }], {
        [uuid]: { servers: [{ port: slow.port, state: 'disabled' }] },
      });
      await until(() => d.closed || d.text.includes(' 503 '), 'the end');
      d.end();
      const gone = (which: number): number => rig.mapping.serverCounter(rig.slot(uuid, slow.port), which);
      equal([gone(SERVER.OUTCOMES), gone(SERVER.ERRORS)], [0, 0], 'neither outcome nor error');
      slow.stop();
    },
  },
  {
    name: 'an upgrade is a good answer; the client that leaves is nobody’s error',
    async run() {
      const origin = await Origin.start((r) => {
        if (r.head.includes('Upgrade'))
          r.socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      });
      const counts = await serve([origin]);
      const c = await RawClient.open(port);
      const upgrade =
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n';
      c.send(`GET / HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`);
      await until(() => c.text.includes('101'), 'the upgrade');
      c.end();
      const leaves = await RawClient.open(port);
      leaves.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => origin.requests.length === 2, 'the request');
      leaves.reset();
      await until(() => rig.mapping.activeOf(rig.slot(`pool-${uuids - 1}`, origin.port)) === 0, 'its end');
      equal(
        only(counts(origin.port)),
        { outcomes: 1, errors: 0, errors4xx: 0, sent: 2, failures: 0 },
        'counts',
      );
      origin.stop();
    },
  },
  {
    name: 'HTTP/2 to servers counts alike',
    async run() {
      const origin = await Http2Origin.start(({ connection, id, seen }) => {
        const path = valueOf(seen.blocks[0], ':path') ?? '/200';
        connection.headers(id, [[':status', path.slice(1)]], true);
      });
      const counts = await serve([origin], {}, { enable_http2: true });
      const c = await RawClient.open(port);
      for (const code of [200, 404, 500]) equal((await c.get(`/${code}`)).status, code, 'status');
      const s = counts(origin.port);
      equal(only(s), { outcomes: 3, errors: 2, errors4xx: 1, sent: 3, failures: 0 }, 'counts');
      equal([s.counter(SERVER.CONNECTED), s.counter(SERVER.CONNECTIONS)], [1, 1], 'one connection');
      check(s.counter(SERVER.BYTES_IN) > 0 && s.counter(SERVER.BYTES_OUT) > 0, 'bytes');
      origin.stop();
      const refuses = await freePort();
      const of = await serve([{ port: refuses }], {}, { enable_http2: true });
      equal((await c.get('/')).status, 502, 'refused');
      const r = of(refuses);
      equal([r.sent, r.errors], [0, r.outcomes], 'nothing was sent, all are errors');
      check(r.outcomes > 0, 'outcomes');
      c.end();
    },
  },
  {
    name: 'L4 connections: made, refused, reset at once; bytes both ways, open and over',
    async run() {
      const origin = new Origin();
      origin.raw = (s) =>
        void s.on('data', (d: Buffer) => s.write(Buffer.concat([d, d]))).on('end', () => s.end());
      await origin.listen(0);
      const counts = await serve([origin], { tcpIdle: 0 });
      const c = await RawClient.open(port);
      c.send('echo');
      await until(() => c.text === 'echoecho', 'the echo');
      const open = counts(origin.port);
      equal([open.counter(SERVER.CONNECTIONS_OPEN), open.counter(SERVER.CONNECTIONS)], [1, 1], 'open');
      c.socket.end();
      await until(() => counts(origin.port).counter(SERVER.CONNECTIONS_OPEN) === 0, 'the end');
      const s = counts(origin.port);
      equal(only(s), { outcomes: 1, errors: 0, errors4xx: 0, sent: 1, failures: 0 }, 'a good one');
      equal([s.counter(SERVER.BYTES_OUT), s.counter(SERVER.BYTES_IN)], [4, 8], 'bytes to it and from it');
      origin.stop();

      const refuses = await freePort();
      const refused = await serve([{ port: refuses }], { tcpIdle: 0 });
      await reset();
      const r = refused(refuses);
      equal([r.sent, r.errors, r.failures], [0, r.outcomes, r.outcomes], 'refused');
      check(r.outcomes > 0, 'tried');

      const rude = new Origin();
      rude.raw = (q) => void q.once('data', () => q.resetAndDestroy());
      await rude.listen(0);
      const resets = await serve([rude], { tcpIdle: 0 });
      await reset();
      const q = resets(rude.port);
      equal(only(q), { outcomes: 1, errors: 1, errors4xx: 0, sent: 1, failures: 1 }, 'taken and reset');
      equal(q.counter(SERVER.FAILED + FAILED_BY.RESET), 1, 'by reset');
      rude.stop();
    },
  },
  {
    name: 'flows of datagrams: begun, refused; bytes both ways',
    async run() {
      const origin = await DatagramOrigin.start('a');
      const at = await freeUdpPort();
      const counts = await serve([origin], { ports: [at], application: udp });
      const c = await DatagramClient.open();
      equal(await c.ask(at, 'xyz'), 'a', 'answer');
      const s = counts(origin.port);
      equal(only(s), { outcomes: 1, errors: 0, errors4xx: 0, sent: 1, failures: 0 }, 'a good one');
      equal([s.counter(SERVER.BYTES_OUT), s.counter(SERVER.BYTES_IN)], [3, 5], 'bytes');
      equal([s.counter(SERVER.CONNECTIONS), s.counter(SERVER.CONNECTIONS_OPEN)], [1, 1], 'flows');
      origin.stop();
      const refuses = await freeUdpPort();
      const refused = await serve([{ port: refuses }], { ports: [at], application: udp });
      const d = await DatagramClient.open();
      await until(() => {
        if (refused(refuses).errors === 0) d.send(at, 'x');
        return refused(refuses).errors > 0;
      }, 'a refusal');
      const r = refused(refuses);
      equal([r.errors, r.failures], [r.counter(SERVER.FAILED + FAILED_BY.REFUSED), r.errors], 'refused');
      check(r.outcomes >= r.errors, 'each was begun');
      c.close();
      d.close();
    },
  },
];

await runCases(cases);
