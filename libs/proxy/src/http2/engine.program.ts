import { VS } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import {
  closing,
  frame,
  GET,
  Http2Raw,
  POST,
  settingsFrame,
  uint32,
  type Field,
} from '../suite/http2-client.js';
import { OK, Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';
import { ERROR, FLAG, FRAME, PREFACE, SETTING } from './protocol.js';

const rig = await Rig.make();
const port = await freePort();

async function serve(
  origins: Origin[],
  service: Partial<ServiceSpec> = {},
  pool: Partial<PoolSpec> = {},
): Promise<void> {
  await rig.apply([{ ports: [port], http2: true, ...service }], {
    pool: { ...pool, servers: pool.servers ?? origins.map((o) => ({ port: o.port })) },
  });
}

const open = async (settings: [number, number][] = []): Promise<Http2Raw> => Http2Raw.open(port, settings);
const counters = (): Float64Array => rig.mapping.serviceTotals(0).counters;
const blob = (length: number): Buffer => {
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) b[i] = (i * 7 + (i >> 9)) & 255;
  return b;
};
const answer = (head: string, body: string | Buffer = ''): string =>
  `HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n`;
const quiet = (): Promise<void> =>
  until(
    () => counters()[VS.CONNECTIONS_ACTIVE] === 0 && counters()[VS.REQUESTS_ACTIVE] === 0,
    'all connections gone',
  );
const linesOf = (head: string): string[] => head.split('\r\n').slice(0, -2);
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const cases: Case[] = [
  {
    name: 'requests as HTTP/1.1 to the server, responses with their fields in lower case',
    async run() {
      const origin = await Origin.start((r) =>
        r.socket.write(
          `HTTP/1.1 201 Made\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-Own:  spaced \r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 2\r\n\r\nok`,
        ),
      );
      await serve([origin]);
      const c = await open();
      for (let i = 0; i < 4; i++) {
        const r = await c.get(
          `/${i}?q=1`,
          ['cookie', 'a=1'],
          ['x-own', 'v'],
          ['cookie', 'b=2'],
          ['te', 'trailers'],
        );
        equal(r.status, 201, 'status');
        equal(
          r.blocks,
          [
            [
              [':status', '201'],
              ['x-own', 'spaced'],
              ['set-cookie', 'a=b'],
              ['set-cookie', 'c=d'],
              ['content-length', '2'],
            ],
          ],
          'fields',
        );
        equal(r.body.toString(), 'ok', 'body');
        equal(r.frames, 1, 'DATA frames, the end of the stream on the last');
      }
      equal(
        linesOf(origin.requests[3]!.head),
        ['GET /3?q=1 HTTP/1.1', 'X-Forwarded-For: 127.0.0.1', 'host: test', 'x-own: v', 'cookie: a=1; b=2'],
        'head at the server',
      );
      equal(origin.connections, 1, 'connections to the server');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'the settings of the profile are announced, and those of the client acknowledged',
    async run() {
      const origin = await Origin.start();
      await serve([origin], {
        http: {
          max_header_size: 9000,
          http2: {
            max_concurrent_streams: 7,
            initial_window_size: 100_000,
            max_header_field_size: 4096,
            max_requests: 0,
            max_control_frames: 1000,
            max_empty_data_frames: 1000,
            max_queued_frames: 1000,
          },
        },
      });
      const c = await open([[SETTING.HEADER_TABLE_SIZE, 0]]);
      equal((await c.get('/')).status, 200, 'status');
      equal(
        [...c.settings],
        [
          [SETTING.MAX_CONCURRENT_STREAMS, 7],
          [SETTING.INITIAL_WINDOW_SIZE, 100_000],
          [SETTING.MAX_FRAME_SIZE, 16_384],
          [SETTING.MAX_HEADER_LIST_SIZE, 9000],
          [SETTING.ENABLE_CONNECT_PROTOCOL, 1],
        ],
        'settings',
      );
      equal(c.settingsAcks, 1, 'acknowledgements');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'HTTP/1 and HTTP/2 on one port, the preface in single bytes',
    async run() {
      const origin = await Origin.start();
      await serve([origin]);
      const one = await RawClient.open(port);
      equal((await one.get('/')).status, 200, 'HTTP/1');
      for (const start of ['P', 'PRI', 'PRI * HTTP/2.0\r\n\r\nSM\r\n']) {
        const slow = await RawClient.open(port);
        for (const byte of start) slow.send(byte);
        await pause(5);
        slow.send(`${start.startsWith('PRI *') ? '' : 'X'} / HTTP/1.1\r\nHost: a\r\n\r\n`);
        const status = (await slow.response().catch(() => null))?.status ?? 0;
        equal(status, start.startsWith('PRI *') ? 400 : 200, `${start} as a method or what it is`);
        slow.end();
      }
      const c = new Http2Raw((await RawClient.open(port)).socket);
      for (const byte of PREFACE) c.write(Buffer.from([byte]));
      for (const byte of settingsFrame()) c.write(Buffer.from([byte]));
      for (const byte of frame(FRAME.HEADERS, 5, 1, c.encode(GET('/bytes')))) c.write(Buffer.from([byte]));
      equal((await c.response(1)).status, 200, 'HTTP/2');
      c.end();
      one.end();
      origin.stop();
    },
  },
  {
    name: 'a service without HTTP/2 refuses the preface',
    async run() {
      const origin = await Origin.start();
      await serve([origin], { http2: false });
      const c = await RawClient.open(port);
      c.send(Buffer.from(PREFACE));
      equal((await c.response()).status, 400, 'status');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'request bodies: with a length as they are, without one in chunks, with trailers',
    async run() {
      const origin = await Origin.start((r) => {
        const body = String(r.body.length);
        r.socket.write(answer('200 OK', body) + body);
      });
      await serve([origin]);
      const c = await open();
      const big = blob(300_000);
      const a = c.request(POST('/length', ['content-length', String(big.length)]), false);
      const b = c.request(POST('/chunked'), false);
      const d = c.request(POST('/trailers'), false);
      // What the windows allow at first; the rest as credit comes.
      const sendAll = async (id: number, body: Buffer): Promise<void> => {
        for (let at = 0; at < body.length; at += 10_000) {
          c.body(id, body.subarray(at, at + 10_000), at + 10_000 >= body.length);
          await pause(2);
        }
      };
      await Promise.all([sendAll(a, big), sendAll(b, big)]);
      c.body(d, 'abc', false).write(frame(FRAME.DATA, FLAG.PADDED, d, '\x03de\0\0\0'));
      c.headers(d, [
        ['x-sum', '5'],
        ['host', 'evil'],
        ['x-more', 'a b'],
      ]);
      equal((await c.response(a)).body.toString(), '300000', 'with length');
      const chunked = await c.response(b);
      check(Number(chunked.body.toString()) > 300_000, 'chunks have framing');
      equal((await c.response(d)).status, 200, 'trailers');
      const at = (path: string): (typeof origin.requests)[0] =>
        origin.requests.find((r) => r.head.includes(path))!;
      check(at('/length').body.equals(big), 'the body with length');
      check(at('/length').head.includes('content-length: 300000'), 'its length');
      check(at('/chunked').head.includes('transfer-encoding: chunked'), 'chunked');
      equal(
        at('/trailers').body.toString().replaceAll('\r\n', '|'),
        '3|abc|2|de|0|x-sum: 5|x-more: a b||',
        'chunks and trailers; what trailers may not say is left out',
      );
      c.end();
      origin.stop();
    },
  },
  {
    name: 'an empty body in chunks, HEAD, 204, 304 and 1xx',
    async run() {
      const origin = await Origin.start((r) => {
        const [, path] = r.head.split(' ');
        if (path === '/204') r.socket.write('HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n');
        else if (path === '/304') r.socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n');
        else if (path === '/103') r.socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`);
        else if (r.head.startsWith('HEAD')) r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
        else if (path === '/chunks')
          r.socket.write(
            'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n',
          );
        else if (path === '/none')
          r.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
        else if (path === '/end') r.socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end');
        else r.socket.write(OK);
      });
      await serve([origin]);
      const c = await open();
      const id = c.request(POST('/'), false);
      c.body(id, '');
      equal((await c.response(id)).status, 200, 'an empty DATA frame as body');
      equal(origin.requests[0]!.body.toString(), '0\r\n\r\n', 'no chunk');
      const zero = c.request(POST('/zero', ['content-length', '0']), false);
      c.body(zero, '');
      equal((await c.response(zero)).status, 200, 'a length of nothing');
      const head = await c.response(c.request([[':method', 'HEAD'], ...GET('/').slice(1)]));
      equal([head.status, head.body.length, head.ended, head.frames], [200, 0, true, 0], 'HEAD');
      equal(head.blocks[0]!.at(-1), ['content-length', '5'], 'length of HEAD');
      const none = await c.get('/204');
      equal([none.status, none.frames, none.blocks[0]!.length], [204, 0, 2], '204');
      const same = await c.get('/304');
      equal([same.status, same.frames], [304, 0], '304');
      const hints = await c.get('/103');
      equal(
        hints.blocks.map((b) => b[0]),
        [
          [':status', '103'],
          [':status', '200'],
        ],
        '103 and the response',
      );
      const chunks = await c.get('/chunks');
      equal([chunks.body.toString(), chunks.blocks.length], ['abcde', 1], 'chunks');
      check(!chunks.blocks[0]!.some(([n]) => n === 'transfer-encoding'), 'no transfer-encoding');
      equal((await c.get('/none')).body.length, 0, 'no chunk');
      equal((await c.get('/end')).body.toString(), 'until the end', 'a body that its connection ends');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'trailers of a response',
    async run() {
      const origin = await Origin.start((r) =>
        r.socket.write(
          'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\nX-Else:  b \r\n\r\n',
        ),
      );
      await serve([origin]);
      const c = await open();
      const r = await c.get('/');
      equal(
        r.blocks[1],
        [
          ['x-sum', '3'],
          ['x-else', 'b'],
        ] as Field[],
        'trailers',
      );
      equal(r.body.toString(), 'abc', 'body');
      c.end();
      origin.stop();
    },
  },
  {
    name: '100 (Continue) comes through, and the body then goes',
    async run() {
      const origin = await Origin.start();
      origin.early = (head, socket) => {
        if (head.includes('expect')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      };
      await serve([origin]);
      const c = await open();
      const id = c.request(POST('/', ['content-length', '3'], ['expect', '100-continue']), false);
      await until(() => c.seen(id).blocks.length > 0, '100');
      equal(c.seen(id).blocks[0], [[':status', '100']], '100');
      c.body(id, 'abc');
      equal((await c.response(id)).status, 200, 'status');
      // The same without asking the server.
      origin.early = null;
      await serve([origin], { http: { respond_with_100_continue: true } });
      const own = c.request(POST('/own', ['content-length', '3'], ['expect', '100-continue']), false);
      await until(() => c.seen(own).blocks.length > 0, '100 of our own');
      equal(c.seen(own).blocks[0], [[':status', '100']], '100');
      c.body(own, 'abc');
      equal((await c.response(own)).status, 200, 'status');
      check(!origin.requests.at(-1)!.head.includes('expect'), 'the server is not asked');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'many streams at once, answered in another order; large bodies share the connection',
    async run() {
      const big = blob(500_000);
      const waiting: (() => void)[] = [];
      const origin = await Origin.start((r) => {
        const path = r.head.split(' ')[1]!;
        const reply = (): void => {
          const body = path.startsWith('/big') ? big : Buffer.from(path);
          r.socket.write(Buffer.concat([Buffer.from(answer('200 OK', body)), body]));
        };
        if (path.startsWith('/slow')) waiting.push(reply);
        else reply();
      });
      await serve([origin]);
      const c = await open();
      const slow = Array.from({ length: 20 }, (_, i) => c.request(GET(`/slow${i}`)));
      const bigs = Array.from({ length: 8 }, (_, i) => c.request(GET(`/big${i}`)));
      const fast = Array.from({ length: 60 }, (_, i) => c.request(GET(`/fast${i}`)));
      for (const [i, id] of fast.entries())
        equal((await c.response(id)).body.toString(), `/fast${i}`, 'fast');
      for (const id of bigs) check((await c.response(id)).body.equals(big), 'a large body');
      await until(() => waiting.length === 20, 'the slow ones');
      for (const reply of waiting.toReversed()) reply();
      for (const [i, id] of slow.entries())
        equal((await c.response(id)).body.toString(), `/slow${i}`, 'slow');
      equal(counters()[VS.REQUESTS_ACTIVE], 0, 'requests active');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'flow control: nothing beyond the windows, fair turns, a slow stream holds only its server back',
    async run() {
      const big = blob(3_000_000);
      const origin = await Origin.start((r) =>
        r.socket.write(Buffer.concat([Buffer.from(answer('200 OK', big)), big])),
      );
      await serve([origin]);
      const c = await open([[SETTING.INITIAL_WINDOW_SIZE, 1000]]);
      c.credit = false;
      const ids = [c.request(GET('/a')), c.request(GET('/b'))];
      await until(() => ids.every((id) => c.seen(id).body.length === 1000), 'the first window');
      await pause(30);
      equal(
        ids.map((id) => c.seen(id).body.length),
        [1000, 1000],
        'no more than the window',
      );
      // One stream gets all it needs and is done while the other stands still.
      c.write(frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(10_000_000)));
      c.write(frame(FRAME.WINDOW_UPDATE, 0, ids[1]!, uint32(10_000_000)));
      check((await c.response(ids[1]!)).body.equals(big), 'the body');
      equal(c.seen(ids[0]!).body.length, 1000, 'the one that stands still');
      check(rig.transport.queuedBytes() < 100_000, 'nothing piles up in sockets');
      // A larger window for all streams frees it (RFC 9113 section 6.9.2).
      c.write(settingsFrame([SETTING.INITIAL_WINDOW_SIZE, 5_000_000]));
      check((await c.response(ids[0]!)).body.equals(big), 'the other body');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'a client that resets a stream cancels it at the server; the others go on',
    async run() {
      const origin = await Origin.start((r) => {
        if (!r.head.includes('/wait')) r.socket.write(OK);
      });
      await serve([origin]);
      const c = await open();
      const aborts = counters()[VS.CLIENT_ABORTS]!;
      const id = c.request(GET('/wait'));
      await until(() => origin.requests.length === 1, 'the request');
      c.write(frame(FRAME.RST_STREAM, 0, id, uint32(ERROR.CANCEL)));
      await until(() => origin.resets + Number(origin.sockets.size === 0) > 0, 'the server to be told');
      equal((await c.get('/')).status, 200, 'another stream');
      equal(counters()[VS.CLIENT_ABORTS]! - aborts, 1, 'aborts counted');
      equal(counters()[VS.REQUESTS_ACTIVE], 0, 'requests active');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'a truncated response is a reset, never an end',
    async run() {
      const origin = await Origin.start((r) => {
        const path = r.head.split(' ')[1]!;
        if (path === '/length') r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
        else r.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
        setTimeout(() => r.socket.destroy(), 30);
      });
      await serve([origin]);
      const c = await open();
      for (const path of ['/length', '/chunks']) {
        const r = await c.get(path);
        equal(
          [r.status, r.body.toString(), r.ended, r.reset],
          [200, 'abc', false, ERROR.INTERNAL_ERROR],
          path,
        );
      }
      check(c.goAways.length === 0, 'the connection stays');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'a server that is not there, and one that says nothing',
    async run() {
      const gone = await freePort();
      const origin = await Origin.start((r) => void r.socket.destroy());
      await serve([], {}, { servers: [{ port: gone }] });
      const c = await open();
      equal((await c.get('/')).status, 502, 'refused');
      await serve([origin]);
      equal((await c.get('/')).status, 502, 'closed');
      await serve([], { pool: null });
      const r = await c.get('/');
      equal([r.status, r.ended], [503, true], 'no pool');
      const head = await c.response(c.request([[':method', 'HEAD'], ...GET('/').slice(1)]));
      equal([head.status, head.frames, head.ended], [503, 0, true], 'HEAD');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'a response before the end of the request: the rest is not needed',
    async run() {
      const origin = await Origin.start();
      origin.early = (_head, socket) =>
        void socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
      await serve([origin]);
      const c = await open();
      const id = c.request(POST('/', ['content-length', '1000']), false);
      const seen = c.seen(id);
      await until(() => seen.reset >= 0, 'the reset');
      equal(
        [seen.blocks[0]![0], seen.body.toString(), seen.ended, seen.reset],
        [[':status', '403'], 'no', true, ERROR.NO_ERROR],
        'response, then a reset without error',
      );
      c.body(id, blob(1000)); // was on its way
      equal((await c.get('/none')).status, 403, 'the connection stays');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'limits of body and head are answered',
    async run() {
      const origin = await Origin.start();
      await serve([origin], { http: { max_body_size: 100, max_header_size: 2000, max_header_count: 10 } });
      const c = await open();
      const a = await c.response(c.request(POST('/', ['content-length', '101']), false));
      equal(a.status, 413, 'content-length');
      const id = c.request(POST('/'), false);
      c.body(id, blob(101), false);
      equal((await c.response(id)).status, 413, 'DATA');
      equal((await c.get('/', ['x-long', 'a'.repeat(2500)])).status, 431, 'a long field');
      equal(
        (await c.get('/', ...Array.from({ length: 12 }, (_, i): Field => [`x-${i}`, 'a']))).status,
        431,
        'many',
      );
      equal((await c.get('/')).status, 200, 'the connection stays');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'drain: a GOAWAY that shuts nobody out, the final one, and the end when the streams have ended',
    async run() {
      const waiting: (() => void)[] = [];
      const origin = await Origin.start((r) => {
        if (r.head.includes('/wait')) waiting.push(() => void r.socket.write(OK));
        else r.socket.write(OK);
      });
      await serve([origin]);
      const c = await open();
      const idle = await open();
      await idle.get('/');
      const id = c.request(GET('/wait'));
      await until(() => waiting.length === 1, 'the request');
      await serve([origin], { placement: { state: 'drain' } });
      await until(() => c.goAways.length > 0, 'the first GOAWAY');
      equal(c.goAways[0], { last: 2 ** 31 - 1, error: 0 }, 'the first GOAWAY');
      await until(() => c.goAways.length > 1, 'the final GOAWAY');
      equal(c.goAways[1], { last: id, error: 0 }, 'the final GOAWAY');
      const late = c.request(GET('/late'));
      equal((await c.response(late)).reset, ERROR.REFUSED_STREAM, 'a stream that came too late');
      waiting[0]!();
      equal((await c.response(id)).status, 200, 'the open stream');
      await until(() => c.ended && idle.ended, 'the ends of both connections');
      await quiet();
      await serve([origin]);
      origin.stop();
    },
  },
  {
    name: 'a connection ends in order after its number of requests, and when it has been idle',
    async run() {
      const origin = await Origin.start();
      const http2 = {
        max_concurrent_streams: 100,
        initial_window_size: 65_536,
        max_header_field_size: 4096,
        max_requests: 3,
        max_control_frames: 1000,
        max_empty_data_frames: 1000,
        max_queued_frames: 1000,
      };
      await serve([origin], { http: { http2 } });
      const c = await open();
      for (let i = 0; i < 3; i++) equal((await c.get(`/${i}`)).status, 200, 'status');
      await until(() => c.ended, 'the end');
      equal(c.goAways.at(-1), { last: 5, error: 0 }, 'GOAWAY');
      await serve([origin], { http: { keepalive_timeout: 300 } });
      const idle = await open();
      await idle.get('/');
      await until(() => idle.ended, 'the end');
      equal(idle.goAways, [{ last: 1, error: 0 }], 'GOAWAY');
      const silent = await RawClient.open(port);
      await serve([origin], { http: { client_header_timeout: 300 } });
      const cut = await Http2Raw.open(port);
      await until(() => cut.settingsAcks > 0, 'settings');
      cut.write(frame(FRAME.HEADERS, 0, 1, cut.encode(GET('/'))));
      await until(() => cut.ended || cut.closed, 'the end of one that does not finish its head');
      equal(cut.goAways.at(-1)?.error, ERROR.ENHANCE_YOUR_CALM, 'GOAWAY');
      silent.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'a client that leaves takes its requests with it',
    async run() {
      const origin = await Origin.start(() => {});
      await serve([origin]);
      const c = await open();
      for (let i = 0; i < 10; i++) c.request(GET(`/${i}`));
      await until(() => origin.requests.length === 10, 'the requests');
      c.socket.resetAndDestroy();
      await quiet();
      await until(() => origin.sockets.size === 0, 'the servers to be told');
      const d = await open();
      const id = d.request(GET('/half'));
      await until(() => origin.requests.length === 11, 'the request');
      d.socket.end();
      const [received] = origin.requests.slice(-1);
      received!.socket.write(OK);
      equal((await d.response(id)).status, 200, 'the answer to one who has ended its direction');
      await quiet();
      origin.stop();
    },
  },
];

await runCases(closing(cases));
