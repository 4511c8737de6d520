import { HEALTH, SERVER, VS } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { closing, frame, GET, Http2Raw, POST, uint32, type Field } from '../suite/http2-client.js';
import { Http2Origin, valueOf } from '../suite/http2-origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';
import { ERROR, FRAME, MOST_STREAM, SETTING } from './protocol.js';

const rig = await Rig.make();
const port = await freePort();

async function serve(
  origins: Http2Origin[],
  service: Partial<ServiceSpec> = {},
  pool: Partial<PoolSpec> = {},
): Promise<void> {
  await rig.apply([{ ports: [port], http2: true, ...service }], {
    pool: { enable_http2: true, ...pool, servers: pool.servers ?? origins.map((o) => ({ port: o.port })) },
  });
}

const counters = (): Float64Array => rig.mapping.serviceTotals(0).counters;
const active = (origin: Http2Origin): number => rig.mapping.activeOf(rig.slot('pool', origin.port));
const open = async (): Promise<Http2Raw> => Http2Raw.open(port);
const blob = (length: number): Buffer => {
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) b[i] = (i * 7 + (i >> 9)) & 255;
  return b;
};
const quiet = (): Promise<void> =>
  until(
    () => counters()[VS.CONNECTIONS_ACTIVE] === 0 && counters()[VS.REQUESTS_ACTIVE] === 0,
    'all connections gone',
  );

const cases: Case[] = [
  {
    name: 'from HTTP/2 to HTTP/2: many streams on one connection, fields as they are',
    async run() {
      const origin = await Http2Origin.start(({ connection, id, seen }) => {
        connection.headers(
          id,
          [
            [':status', '200'],
            ['x-own', 'v'],
          ],
          false,
        );
        connection.body(id, valueOf(seen.blocks[0], ':path')!);
      });
      await serve([origin]);
      const c = await open();
      const ids = Array.from({ length: 50 }, (_, i) =>
        c.request(GET(`/${i}`, ['x-a', 'b'], ['cookie', 'c=d'])),
      );
      for (const [i, id] of ids.entries()) {
        const r = await c.response(id);
        equal([r.status, r.body.toString()], [200, `/${i}`], 'response');
        equal(
          r.blocks[0],
          [
            [':status', '200'],
            ['x-own', 'v'],
          ] as Field[],
          'fields',
        );
      }
      equal(origin.connections.length, 1, 'connections to the server');
      equal(
        origin.requests[49]!.blocks,
        [
          [
            [':method', 'GET'],
            [':scheme', 'http'],
            [':path', '/49'],
            [':authority', 'test'],
            ['x-forwarded-for', '127.0.0.1'],
            ['x-a', 'b'],
            ['cookie', 'c=d'],
            ['te', 'trailers'],
          ],
        ],
        'fields at the server',
      );
      equal(active(origin), 0, 'active requests');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'from HTTP/1 to HTTP/2: lengths, chunks, trailers, HEAD, no body, interim responses',
    async run() {
      const origin = await Http2Origin.start(({ connection: s, id, seen }) => {
        const path = valueOf(seen.blocks[0], ':path');
        if (path === '/length')
          s.headers(
            id,
            [
              [':status', '200'],
              ['content-length', '3'],
            ],
            false,
          ).body(id, 'abc');
        else if (path === '/trailers') {
          s.headers(
            id,
            [
              [':status', '103'],
              ['link', '</a>'],
            ],
            false,
          );
          s.headers(id, [[':status', '200']], false)
            .body(id, 'abc', false)
            .headers(id, [['x-sum', '3']]);
        } else if (path === '/empty') s.headers(id, [[':status', '200']]);
        else if (path === '/204') s.headers(id, [[':status', '204']]);
        else if (path === '/echo') s.headers(id, [[':status', '200']], false).body(id, seen.body);
        else
          s.headers(id, [
            [':status', '200'],
            ['content-length', '9'],
          ]);
      });
      await serve([origin]);
      const c = await RawClient.open(port);
      const length = await c.get('/length');
      equal(
        [length.head, length.body.toString()],
        ['HTTP/1.1 200 \r\ncontent-length: 3\r\n\r\n', 'abc'],
        'length',
      );
      c.send('GET /trailers HTTP/1.1\r\nHost: a\r\n\r\n');
      equal((await c.response()).head, 'HTTP/1.1 103 \r\nlink: </a>\r\n\r\n', 'interim');
      await until(() => c.text.endsWith('0\r\nx-sum: 3\r\n\r\n'), 'trailers');
      equal(
        c.take().toString(),
        'HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 3\r\n\r\n',
        'chunks and trailers',
      );
      equal((await c.get('/empty')).head, 'HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n', 'no body');
      equal((await c.get('/204')).head, 'HTTP/1.1 204 \r\n\r\n', '204');
      const head = await c.send('HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n').response(true);
      equal(head.head, 'HTTP/1.1 200 \r\ncontent-length: 9\r\n\r\n', 'HEAD');
      const body = blob(200_000);
      c.send(`POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`).send(body);
      check((await c.response()).body.equals(body), 'a body with length');
      c.send(
        'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n',
      );
      equal((await c.response()).body.toString(), 'abcde', 'a body in chunks');
      equal(origin.requests.at(-1)!.blocks[1], [['x-t', '1']] as Field[], 'trailers at the server');
      equal(
        valueOf(origin.requests.at(-1)!.blocks[0], 'transfer-encoding'),
        undefined,
        'no transfer-encoding',
      );
      equal(origin.connections.length, 1, 'connections to the server');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'streaming both ways, trailers both ways, and only trailers',
    async run() {
      const origin = await Http2Origin.start(({ connection: s, id, seen }) => {
        if (valueOf(seen.blocks[0], ':path') === '/only')
          s.headers(id, [
            [':status', '200'],
            ['grpc-status', '5'],
          ]);
        else s.headers(id, [['grpc-status', '0']]);
      });
      origin.early = ({ connection: s, id, seen }) => {
        if (valueOf(seen.blocks[0], ':path') === '/stream')
          s.headers(
            id,
            [
              [':status', '200'],
              ['content-type', 'application/grpc'],
            ],
            false,
          ).body(id, 'hi', false);
      };
      await serve([origin]);
      const c = await open();
      const id = c.request(POST('/stream', ['content-type', 'application/grpc']), false);
      await until(() => c.seen(id).body.toString() === 'hi', 'the response before the end of the request');
      for (let i = 0; i < 5; i++) {
        c.body(id, `${i}`, false);
        await until(() => origin.requests[0]?.body.length === i + 1, 'a message at the server');
        origin.connections[0]!.body(1, `${i}`, false);
        await until(() => c.seen(id).body.length === 3 + i, 'a message at the client');
      }
      c.headers(id, [['x-sum', '5']]);
      const r = await c.response(id);
      equal(r.blocks[1], [['grpc-status', '0']] as Field[], 'trailers to the client');
      equal(origin.requests[0]!.blocks[1], [['x-sum', '5']] as Field[], 'trailers to the server');
      const only = await c.response(c.request(POST('/only')));
      equal(
        [only.blocks.length, only.frames, valueOf(only.blocks[0], 'grpc-status')],
        [1, 0, '5'],
        'only trailers',
      );
      c.end();
      await quiet();
      equal(active(origin), 0, 'active requests');
      origin.stop();
    },
  },
  {
    name: 'large bodies both ways under flow control; a client that does not read holds back one stream only',
    async run() {
      const big = blob(2_000_000);
      const origin = await Http2Origin.start(({ connection: s, id, seen }) => {
        s.headers(id, [[':status', '200']], false);
        // The server ignores its windows up to what the proxy has granted at first.
        for (let at = 0; at < 200_000; at += 16_000)
          s.body(id, big.subarray(at, Math.min(200_000, at + 16_000)), false);
        s.body(id, String(seen.body.length));
      });
      await serve([origin]);
      const c = await open();
      const id = c.request(POST('/'), false);
      for (let at = 0; at < big.length; at += 16_000) {
        c.body(id, big.subarray(at, at + 16_000), at + 16_000 >= big.length);
        // The window of the connection is 1 MiB, that of the stream 64 kB: wait for credit.
        await until(
          () => (origin.requests[0]?.body.length ?? 0) >= Math.min(big.length, at + 16_000),
          'the piece',
        );
      }
      const r = await c.response(id);
      check(r.body.subarray(0, 200_000).equals(big.subarray(0, 200_000)), 'the body');
      equal(r.body.subarray(200_000).toString(), '2000000', 'what the server got');
      check(origin.requests[0]!.body.equals(big), 'the body at the server');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'no more streams than the server takes: more connections instead',
    async run() {
      const waiting: (() => void)[] = [];
      const origin = await Http2Origin.start(
        ({ connection: s, id }) => waiting.push(() => s.headers(id, [[':status', '200']])),
        [[SETTING.MAX_CONCURRENT_STREAMS, 3]],
      );
      await serve([origin]);
      const c = await open();
      const first = c.request(GET('/first'));
      await until(() => waiting.length === 1, 'the first one');
      const ids = Array.from({ length: 8 }, (_, i) => c.request(GET(`/${i}`)));
      await until(() => waiting.length === 9, 'all of them');
      equal(active(origin), 9, 'active requests');
      for (const s of origin.connections) check(s.streams.size <= 3, 'streams of a connection');
      check(
        origin.connections.length >= 3 && origin.connections.length <= 5,
        `${origin.connections.length} connections`,
      );
      for (const reply of waiting) reply();
      for (const id of [first, ...ids]) equal((await c.response(id)).status, 200, 'status');
      equal(active(origin), 0, 'active requests');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'GOAWAY: streams that were not looked at go elsewhere, whatever their method; the others end',
    async run() {
      const waiting: (() => void)[] = [];
      let first = true;
      const origin = await Http2Origin.start(({ connection: s, id }) => {
        if (first)
          waiting.push(() =>
            s.headers(id, [
              [':status', '200'],
              ['x-nth', '1'],
            ]),
          );
        else
          s.headers(id, [
            [':status', '200'],
            ['x-nth', '2'],
          ]);
      });
      await serve([origin]);
      const c = await open();
      const a = c.request(GET('/a'));
      await until(() => waiting.length === 1, 'the first request');
      const b = c.body(c.request(POST('/b'), false), 'body') && 3;
      await until(() => waiting.length === 2, 'the second request');
      first = false;
      origin.connections[0]!.write(frame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(1), uint32(0)])));
      equal(valueOf((await c.response(b)).blocks[0], 'x-nth'), '2', 'the one above went elsewhere');
      equal(origin.connections.length, 2, 'on a new connection');
      waiting[0]!();
      equal(valueOf((await c.response(a)).blocks[0], 'x-nth'), '1', 'the one below was answered');
      await until(() => origin.connections[0]!.ended, 'the end of the first connection');
      // A graceful GOAWAY shuts nobody out: what is under way ends, new requests go to another connection.
      origin.connections[1]!.write(
        frame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(MOST_STREAM), uint32(0)])),
      );
      await until(() => origin.connections[1]!.ended, 'the end of the second connection');
      equal((await c.get('/c')).status, 200, 'status');
      equal(origin.connections.length, 3, 'connections');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'REFUSED_STREAM is tried again, another reset is not for POST and is told as 502',
    async run() {
      let resets = 0;
      const origin = await Http2Origin.start(({ connection: s, id, seen }) => {
        const path = valueOf(seen.blocks[0], ':path');
        if (path === '/refused' && resets++ === 0)
          s.write(frame(FRAME.RST_STREAM, 0, id, uint32(ERROR.REFUSED_STREAM)));
        else if (path === '/reset') s.write(frame(FRAME.RST_STREAM, 0, id, uint32(ERROR.INTERNAL_ERROR)));
        else if (path === '/cut') {
          s.headers(id, [[':status', '200']], false).body(id, 'abc', false);
          s.write(frame(FRAME.RST_STREAM, 0, id, uint32(ERROR.INTERNAL_ERROR)));
        } else s.headers(id, [[':status', '200']]);
      });
      await serve([origin]);
      const c = await open();
      equal((await c.response(c.request(POST('/refused')))).status, 200, 'tried again');
      equal((await c.response(c.request(POST('/reset')))).status, 502, 'not tried again');
      const cut = await c.get('/cut');
      equal(
        [cut.body.toString(), cut.ended, cut.reset],
        ['abc', false, ERROR.INTERNAL_ERROR],
        'a truncated response',
      );
      const one = await RawClient.open(port);
      one.send('GET /cut HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => one.closed, 'the end of the connection of HTTP/1');
      check(!one.text.endsWith('0\r\n\r\n'), 'no end of the chunks');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'what a server must not do ends its stream or its connection, and is told as 502',
    async run() {
      let act: ((s: Http2Raw, id: number) => void) | null = null;
      const origin = await Http2Origin.start(({ connection, id }) => act?.(connection, id));
      await serve([origin]);
      const c = await open();
      const wrong: [string, (s: Http2Raw, id: number) => void][] = [
        ['no status', (s, id) => s.headers(id, [['x-a', 'b']])],
        ['a status of two digits', (s, id) => s.headers(id, [[':status', '20']])],
        [
          'status twice',
          (s, id) =>
            s.headers(id, [
              [':status', '200'],
              [':status', '200'],
            ]),
        ],
        [
          'a request pseudo-header',
          (s, id) =>
            s.headers(id, [
              [':status', '200'],
              [':path', '/'],
            ]),
        ],
        [
          'connection',
          (s, id) =>
            s.headers(id, [
              [':status', '200'],
              ['connection', 'close'],
            ]),
        ],
        [
          'transfer-encoding',
          (s, id) =>
            s.headers(id, [
              [':status', '200'],
              ['transfer-encoding', 'chunked'],
            ]),
        ],
        [
          'a line break in a value',
          (s, id) =>
            s.headers(id, [
              [':status', '200'],
              ['x-a', 'b\r\nc: d'],
            ]),
        ],
        ['101', (s, id) => s.headers(id, [[':status', '101']], false)],
        ['DATA without a head', (s, id) => s.body(id, 'abc')],
        [
          'a length with nothing behind it',
          (s, id) =>
            s.headers(id, [
              [':status', '200'],
              ['content-length', '5'],
            ]),
        ],
        ['a push', (s, id) => s.write(frame(FRAME.PUSH_PROMISE, 4, id, Buffer.from([0, 0, 0, 2, 0x82])))],
        [
          'a block that cannot be decoded',
          (s, id) => s.write(frame(FRAME.HEADERS, 5, id, Buffer.from([0xff]))),
        ],
      ];
      for (const [name, does] of wrong) {
        act = does;
        // One that is not sent again, and one that is, in vain.
        equal((await c.get('/')).ended || name.startsWith('a length'), true, name);
        const r = await c.response(c.request(POST('/')));
        const told = name === 'a length with nothing behind it' ? [200, ERROR.INTERNAL_ERROR] : [502, -1];
        equal([r.status, r.reset], told, name);
      }
      act = (s, id) =>
        void s
          .headers(
            id,
            [
              [':status', '200'],
              ['content-length', '2'],
            ],
            false,
          )
          .body(id, 'abc');
      equal((await c.get('/')).reset, ERROR.INTERNAL_ERROR, 'more than its length');
      equal(active(origin), 0, 'active requests');
      act = (s, id) => void s.headers(id, [[':status', '200']]);
      equal((await c.get('/')).status, 200, 'and then it works again');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'a client that gives up cancels its stream at the server, and only that',
    async run() {
      const waiting: (() => void)[] = [];
      const origin = await Http2Origin.start(({ connection: s, id }) =>
        waiting.push(() => s.headers(id, [[':status', '200']])),
      );
      await serve([origin]);
      const c = await open();
      const a = c.request(GET('/a'));
      const b = c.request(GET('/b'));
      await until(() => waiting.length === 2, 'both requests');
      c.write(frame(FRAME.RST_STREAM, 0, a, uint32(ERROR.CANCEL)));
      await until(() => origin.requests[0]!.reset === ERROR.CANCEL, 'the reset at the server');
      waiting[1]!();
      equal((await c.response(b)).status, 200, 'the other stream');
      const d = await RawClient.open(port);
      d.send('GET /d HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => waiting.length === 3, 'a request of HTTP/1');
      d.reset();
      await until(() => origin.requests[2]!.reset === ERROR.CANCEL, 'its reset at the server');
      equal(origin.connections.length, 1, 'the connection stays');
      equal(active(origin), 0, 'active requests');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'time-outs, a server that is not there, one that speaks something else, and idle connections',
    async run() {
      const origin = await Http2Origin.start(() => {});
      await serve([origin], { http: { server_response_timeout: 200 } });
      const c = await open();
      equal((await c.get('/')).status, 504, 'no response');
      await until(() => origin.requests[0]!.reset === ERROR.CANCEL, 'the reset at the server');
      const gone = await freePort();
      await serve([], {}, { servers: [{ port: gone }] });
      equal((await c.get('/')).status, 502, 'refused');
      const { Origin } = await import('../suite/origin.js');
      const one = await Origin.start();
      one.raw = (s) => void s.write('HTTP/1.1 400 Bad Request\r\n\r\n');
      await serve([], {}, { servers: [{ port: one.port }] });
      equal((await c.get('/')).status, 502, 'HTTP/1');
      one.raw = () => {};
      await serve([], {}, { servers: [{ port: one.port }], connect_timeout: 200 });
      equal((await c.get('/')).status, 504, 'silence');
      origin.answer = ({ connection: s, id }) => s.headers(id, [[':status', '200']]);
      await serve([origin], { http: { server_idle_timeout: 200 } });
      equal((await c.get('/')).status, 200, 'status');
      await until(() => origin.connections.at(-1)!.ended, 'the end of the idle connection');
      equal((await c.get('/')).status, 200, 'status');
      // A connection serves as many requests as the pool says, and lives as long.
      const before = origin.connections.length;
      await serve([origin], {}, { connection_max_reuse: 1 });
      for (let i = 0; i < 4; i++) equal((await c.get('/')).status, 200, 'status');
      equal(origin.connections.length - before, 2, 'connections for four requests');
      await until(() => origin.connections.at(-2)!.ended, 'the end of the one before');
      await serve([origin], {}, { connection_life_time: 1 });
      await until(() => !origin.connections.at(-1)!.ended, 'the last one to be open');
      const last = origin.connections.at(-1)!;
      await until(() => {
        c.request(GET('/'));
        return last.ended;
      }, 'the end of one that is old');
      // A server that is taken out loses its idle connection at once.
      await serve([origin]);
      equal((await c.get('/')).status, 200, 'status');
      await serve([origin], {}, { servers: [{ port: origin.port, state: 'disabled' }] });
      await until(() => origin.connections.every((s) => s.ended || s.closed), 'the end with the server');
      equal((await c.get('/')).status, 503, 'no server');
      c.end();
      await quiet();
      one.stop();
      origin.stop();
    },
  },
  {
    name: 'a server that dies under its requests: the repeatable ones go on to another one',
    async run() {
      const bad = await Http2Origin.start(({ connection: s }) => s.socket.resetAndDestroy());
      const good = await Http2Origin.start();
      await serve([bad, good]);
      const c = await open();
      for (let i = 0; i < 10; i++) equal((await c.get(`/${i}`)).status, 200, 'status');
      rig.health('pool', bad.port, HEALTH.DOWN);
      equal((await c.response(c.request(POST('/')))).status, 200, 'POST to the one that is up');
      equal([active(bad), active(good)], [0, 0], 'active requests');
      const totals = rig.mapping.serverTotals(rig.slot('pool', bad.port));
      check(totals.counters[SERVER.FAILURES]! > 0, 'failures are counted');
      c.end();
      await quiet();
      bad.stop();
      good.stop();
    },
  },
];

await runCases(closing(cases));
