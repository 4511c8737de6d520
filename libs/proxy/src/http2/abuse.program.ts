import { HEALTH, layoutOf, Mapping, VS } from '@spillway/telemetry';
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
import { Rig, type ServiceSpec } from '../suite/rig.js';
import { transportHere } from '../suite/transport.js';
import { ERROR, FLAG, FRAME, PREFACE, SETTING } from './protocol.js';
import { bytesWaiting } from './sender.js';

/** A transport whose clock can be put forward. */
let ahead = 0;
const transport = await transportHere();
const warped = Object.assign(Object.create(transport) as typeof transport, {
  now: () => transport.now() + ahead,
});
const size = { workers: 2, virtualServices: 16, servers: 256 };
const rig = new Rig(warped, Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size));
const port = await freePort();

async function serve(origin: Origin, service: Partial<ServiceSpec> = {}): Promise<void> {
  await rig.apply([{ ports: [port], http2: true, ...service }], {
    pool: { servers: [{ port: origin.port }] },
  });
  rig.health('pool', origin.port, HEALTH.UP);
}

const open = (settings: [number, number][] = []): Promise<Http2Raw> => Http2Raw.open(port, settings);
const counters = (): Float64Array => rig.mapping.serviceTotals(0).counters;
const quiet = (): Promise<void> =>
  until(
    () => counters()[VS.CONNECTIONS_ACTIVE] === 0 && counters()[VS.REQUESTS_ACTIVE] === 0,
    'all connections gone',
  );

/** Waits while the clock runs fast. */
const later = (probe: () => boolean, what: string): Promise<void> =>
  until(() => {
    ahead += 500;
    return probe();
  }, what);

/** The code of the GOAWAY; -1 when the connection was reset before it could be read. */
const fate = async (c: Http2Raw): Promise<number> => {
  await until(() => c.goAways.length > 0 || c.closed, 'GOAWAY');
  return c.goAways.at(-1)?.error ?? -1;
};

const base = GET('/');
const without = (name: string): Field[] => base.filter(([n]) => n !== name);

/** Requests that RFC 9113 section 8 calls malformed. */
const MALFORMED: [name: string, fields: Field[], end?: boolean][] = [
  ['no :method', without(':method')],
  ['no :scheme', without(':scheme')],
  ['no :path', without(':path')],
  ['an empty :path', [...without(':path'), [':path', '']]],
  ['a :path that is no path', [...without(':path'), [':path', 'a']]],
  ['a :path in absolute form', [...without(':path'), [':path', 'http://other/']]],
  ['a :path with a space', [...without(':path'), [':path', '/a b']]],
  [
    'a :path with a request behind it',
    [...without(':path'), [':path', '/ HTTP/1.1\r\nHost: x\r\n\r\nGET /']],
  ],
  ['* as :path of GET', [...without(':path'), [':path', '*']]],
  ['a :method that is no token', [...without(':method'), [':method', 'GET /x HTTP/1.1']]],
  ['an empty :method', [...without(':method'), [':method', '']]],
  ['a :scheme with a space', [...without(':scheme'), [':scheme', 'ht tp']]],
  ['a pseudo-header twice', [...base, [':path', '/b']]],
  ['a pseudo-header behind a field', [...without(':path'), ['x-a', 'b'], [':path', '/']]],
  ['a pseudo-header of responses', [...base, [':status', '200']]],
  ['an unknown pseudo-header', [...base, [':own', 'a']]],
  ['an upper-case name', [...base, ['X-Own', 'a']]],
  ['a name with a colon', [...base, ['x:own', 'a']]],
  ['a name with a space', [...base, ['x own', 'a']]],
  ['an empty name', [...base, ['', 'a']]],
  ['CR LF in a value', [...base, ['x-own', 'a\r\nx-evil: b']]],
  ['LF in a value', [...base, ['x-own', 'a\nb']]],
  ['NUL in a value', [...base, ['x-own', 'a\0b']]],
  ['white space around a value', [...base, ['x-own', ' a']]],
  ['connection', [...base, ['connection', 'close']]],
  ['keep-alive', [...base, ['keep-alive', 'timeout=1']]],
  ['proxy-connection', [...base, ['proxy-connection', 'close']]],
  ['transfer-encoding', [...base, ['transfer-encoding', 'chunked']]],
  ['upgrade', [...base, ['upgrade', 'websocket']]],
  ['te that is not trailers', [...base, ['te', 'gzip']]],
  ['host that says something else', [...base, ['host', 'other']]],
  ['two lengths', [...base, ['content-length', '1'], ['content-length', '1']]],
  ['a length without body', [...base, ['content-length', '5']]],
  ['CONNECT with a path', [[':method', 'CONNECT'], ...without(':method')]],
  [':protocol without CONNECT', [...base, [':protocol', 'websocket']]],
];

/** Frames that end a connection, with the code that its GOAWAY has to have. */
const FATAL: [name: string, error: number, bytes: (c: Http2Raw) => Uint8Array][] = [
  ['DATA on stream 0', ERROR.PROTOCOL_ERROR, () => frame(FRAME.DATA, 0, 0, 'a')],
  ['DATA on an idle stream', ERROR.PROTOCOL_ERROR, () => frame(FRAME.DATA, 0, 99, 'a')],
  ['a frame too large', ERROR.FRAME_SIZE_ERROR, () => frame(FRAME.DATA, 0, 1, Buffer.alloc(16_385))],
  ['HEADERS on an even stream', ERROR.PROTOCOL_ERROR, (c) => frame(FRAME.HEADERS, 5, 2, c.encode(base))],
  [
    'HEADERS that depend on themselves',
    ERROR.PROTOCOL_ERROR,
    (c) =>
      frame(
        FRAME.HEADERS,
        5 | FLAG.PRIORITY,
        9,
        Buffer.concat([uint32(9), Buffer.from([1]), c.encode(base)]),
      ),
  ],
  [
    'padding longer than HEADERS',
    ERROR.PROTOCOL_ERROR,
    () => frame(FRAME.HEADERS, 5 | FLAG.PADDED, 9, '\x09abc'),
  ],
  [
    'a block that cannot be decoded',
    ERROR.COMPRESSION_ERROR,
    () => frame(FRAME.HEADERS, 5, 9, Buffer.from([0xff])),
  ],
  ['an index of no entry', ERROR.COMPRESSION_ERROR, () => frame(FRAME.HEADERS, 5, 9, Buffer.from([0xfe]))],
  ['CONTINUATION out of place', ERROR.PROTOCOL_ERROR, () => frame(FRAME.CONTINUATION, 4, 9, 'a')],
  [
    'another frame in a header block',
    ERROR.PROTOCOL_ERROR,
    (c) =>
      Buffer.concat([frame(FRAME.HEADERS, 1, 9, c.encode(base)), frame(FRAME.PING, 0, 0, Buffer.alloc(8))]),
  ],
  [
    'a block of another stream within one',
    ERROR.PROTOCOL_ERROR,
    (c) => Buffer.concat([frame(FRAME.HEADERS, 1, 9, c.encode(base)), frame(FRAME.CONTINUATION, 4, 11, '')]),
  ],
  [
    'PRIORITY of 4 bytes for no stream',
    ERROR.FRAME_SIZE_ERROR,
    () => frame(FRAME.PRIORITY, 0, 9, Buffer.alloc(4)),
  ],
  ['RST_STREAM of an idle stream', ERROR.PROTOCOL_ERROR, () => frame(FRAME.RST_STREAM, 0, 99, uint32(8))],
  ['RST_STREAM of 3 bytes', ERROR.FRAME_SIZE_ERROR, () => frame(FRAME.RST_STREAM, 0, 1, 'abc')],
  ['SETTINGS of 7 bytes', ERROR.FRAME_SIZE_ERROR, () => frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(7))],
  ['ENABLE_PUSH of 2', ERROR.PROTOCOL_ERROR, () => settingsFrame([SETTING.ENABLE_PUSH, 2])],
  [
    'a window too large',
    ERROR.FLOW_CONTROL_ERROR,
    () => settingsFrame([SETTING.INITIAL_WINDOW_SIZE, 2 ** 31]),
  ],
  ['a frame size too small', ERROR.PROTOCOL_ERROR, () => settingsFrame([SETTING.MAX_FRAME_SIZE, 16_383])],
  [
    'too many settings',
    ERROR.ENHANCE_YOUR_CALM,
    () => settingsFrame(...Array.from({ length: 2000 }, (): [number, number] => [99, 1])),
  ],
  ['PUSH_PROMISE', ERROR.PROTOCOL_ERROR, () => frame(FRAME.PUSH_PROMISE, 4, 1, Buffer.alloc(4))],
  ['PING of 7 bytes', ERROR.FRAME_SIZE_ERROR, () => frame(FRAME.PING, 0, 0, Buffer.alloc(7))],
  ['GOAWAY of 4 bytes', ERROR.FRAME_SIZE_ERROR, () => frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(4))],
  ['WINDOW_UPDATE by nothing', ERROR.PROTOCOL_ERROR, () => frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(0))],
  [
    'a window beyond all bounds',
    ERROR.FLOW_CONTROL_ERROR,
    () => frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1)),
  ],
  [
    'WINDOW_UPDATE of an idle stream',
    ERROR.PROTOCOL_ERROR,
    () => frame(FRAME.WINDOW_UPDATE, 0, 99, uint32(1)),
  ],
];

/** Floods: so many of these, and the connection is over. */
const FLOODS: [name: string, most: number, bytes: (c: Http2Raw, i: number) => Uint8Array][] = [
  ['PING', 1100, () => frame(FRAME.PING, 0, 0, Buffer.alloc(8))],
  ['SETTINGS', 1100, () => settingsFrame()],
  ['acknowledgements', 1100, () => frame(FRAME.SETTINGS, 1, 0)],
  ['PRIORITY', 1100, (_c, i) => frame(FRAME.PRIORITY, 0, 2 * i + 1, Buffer.alloc(5))],
  ['WINDOW_UPDATE', 1100, () => frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(1))],
  ['unknown frames', 1100, () => frame(0xbe, 0, 0, 'x')],
  ['RST_STREAM of closed streams', 1100, () => frame(FRAME.RST_STREAM, 0, 1, uint32(8))],
];

const cases: Case[] = [
  {
    name: 'malformed requests are reset one by one; nothing of them reaches a server',
    async run() {
      const origin = await Origin.start();
      await serve(origin);
      const c = await open();
      for (const [name, fields] of MALFORMED) {
        const seen = await c.response(c.request(fields));
        equal([seen.reset, seen.blocks.length], [ERROR.PROTOCOL_ERROR, 0], name);
      }
      equal(origin.requests.length, 0, 'requests at the server');
      equal((await c.get('/')).status, 200, 'the connection stays');
      equal(c.goAways.length, 0, 'GOAWAY');
      origin.stop();
    },
  },
  {
    name: 'what can be answered is: CONNECT, no host, a bad host, a bad length, an unknown expectation',
    async run() {
      const origin = await Origin.start();
      await serve(origin);
      const c = await open();
      const status = async (fields: Field[], end = true): Promise<number> =>
        (await c.response(c.request(fields, end))).status;
      const connect: Field[] = [
        [':method', 'CONNECT'],
        [':authority', 'test:443'],
      ];
      check((await status(connect)) >= 400, 'CONNECT');
      equal(await status(without(':authority')), 400, 'no host');
      equal(await status([...without(':authority'), [':authority', 'a b']]), 400, 'a bad host');
      equal(await status([...without(':authority'), [':authority', 'user@test']]), 400, 'userinfo');
      equal(await status([...POST('/'), ['content-length', '+1']], false), 400, 'a bad length');
      equal(await status([...base, ['expect', 'miracles']]), 417, 'an unknown expectation');
      equal(origin.requests.length, 0, 'requests at the server');
      equal(await status([...without(':authority'), ['host', 'test']]), 200, 'host alone');
      equal(await status([...base, ['host', 'TEST']]), 200, 'the same host twice');
      origin.stop();
    },
  },
  {
    name: 'a body that is not as long as it was said to be',
    async run() {
      const origin = await Origin.start(() => {});
      await serve(origin);
      const c = await open();
      const long = c.body(c.request([...POST('/'), ['content-length', '2']], false), 'abc') && 1;
      equal((await c.response(long)).reset, ERROR.PROTOCOL_ERROR, 'longer');
      const short = c.body(c.request([...POST('/'), ['content-length', '4']], false), 'abc') && 3;
      equal((await c.response(short)).reset, ERROR.PROTOCOL_ERROR, 'shorter');
      const trailers = c.request([...POST('/'), ['content-length', '4']], false);
      c.body(trailers, 'abc', false).headers(trailers, [['x-a', 'b']]);
      equal((await c.response(trailers)).reset, ERROR.PROTOCOL_ERROR, 'shorter, with trailers');
      const pseudo = c.request(POST('/'), false);
      c.headers(pseudo, [[':path', '/']]);
      equal((await c.response(pseudo)).reset, ERROR.PROTOCOL_ERROR, 'a pseudo-header in trailers');
      const open2 = c.request(POST('/'), false);
      c.headers(open2, [['x-a', 'b']], false);
      equal((await c.response(open2)).reset, ERROR.PROTOCOL_ERROR, 'trailers that do not end');
      const after = c.request(POST('/'));
      c.body(after, 'abc');
      equal((await c.response(after)).reset, ERROR.STREAM_CLOSED, 'DATA behind the end');
      const zero = c.request(POST('/'), false);
      c.write(frame(FRAME.WINDOW_UPDATE, 0, zero, uint32(0)));
      equal((await c.response(zero)).reset, ERROR.PROTOCOL_ERROR, 'WINDOW_UPDATE by nothing');
      const self = c.request(POST('/'), false);
      c.write(frame(FRAME.PRIORITY, 0, self, Buffer.concat([uint32(self), Buffer.alloc(1)])));
      equal((await c.response(self)).reset, ERROR.PROTOCOL_ERROR, 'a stream that depends on itself');
      check(
        origin.requests.every((r) => !r.head.includes('content-length')),
        'whole requests at the server',
      );
      equal(c.goAways.length, 0, 'GOAWAY');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'errors of a connection end it with their code',
    async run() {
      const origin = await Origin.start();
      await serve(origin);
      for (const [name, error, bytes] of FATAL) {
        const c = await open();
        equal((await c.get('/')).status, 200, name);
        c.write(bytes(c));
        equal(await fate(c), error, name);
        await until(() => c.ended || c.closed, `${name}: the end of the connection`);
      }
      const closed = await open();
      await closed.get('/');
      closed.headers(1, GET('/again'));
      equal(await fate(closed), ERROR.STREAM_CLOSED, 'a stream twice');
      const down = await open();
      down.headers(5, base);
      await down.response(5);
      down.headers(3, base);
      equal(await fate(down), ERROR.STREAM_CLOSED, 'ids that go down');
      const first = new Http2Raw((await open()).socket);
      first.write(frame(FRAME.PING, 0, 0, Buffer.alloc(4)));
      equal(await fate(first), ERROR.FRAME_SIZE_ERROR, 'a short PING');
      const { RawClient } = await import('../suite/raw-client.js');
      const noSettings = new Http2Raw((await RawClient.open(port)).socket);
      noSettings.write(PREFACE).write(frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
      equal(await fate(noSettings), ERROR.PROTOCOL_ERROR, 'no SETTINGS at first');
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'floods of control frames end the connection',
    async run() {
      const origin = await Origin.start();
      await serve(origin);
      for (const [name, most, bytes] of FLOODS) {
        const c = await open();
        await c.get('/');
        for (let i = 0; i < most; i++) c.write(bytes(c, i));
        equal(await fate(c), ERROR.ENHANCE_YOUR_CALM, name);
      }
      const empty = await open();
      const id = empty.request(POST('/'), false);
      for (let i = 0; i < 1100; i++) empty.write(frame(FRAME.DATA, 0, id));
      equal(await fate(empty), ERROR.ENHANCE_YOUR_CALM, 'empty DATA');
      const padded = await open();
      const id2 = padded.request(POST('/'), false);
      for (let i = 0; i < 70; i++)
        padded.write(
          frame(FRAME.DATA, FLAG.PADDED, id2, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)])),
        );
      padded.body(id2, '');
      equal((await padded.response(id2)).status, 200, 'padding is paid back');
      padded.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'control frames that go with use are as many as it takes',
    async run() {
      const origin = await Origin.start();
      await serve(origin);
      const c = await open();
      for (let i = 0; i < 2000; i++) {
        c.write(frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
        c.write(frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(1)));
        if (i % 10 === 9) equal((await c.get('/')).ended || c.goAways.length > 0, true, 'answered');
        if (c.goAways.length > 0) break;
      }
      // 20 control frames for each request are more than 4 per response and 4 per DATA frame: it ends, but late.
      check(c.pongs >= 500, `${c.pongs} PINGs were answered`);
      const calm = await open();
      for (let i = 0; i < 600; i++) {
        calm.write(frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
        calm.write(frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(1)));
        if (i % 2 === 1 && i < 600) await calm.get('/');
      }
      equal(calm.goAways.length, 0, 'GOAWAY');
      origin.stop();
    },
  },
  {
    name: 'CONTINUATION: too many, empty ones, and too large a block',
    async run() {
      const origin = await Origin.start();
      await serve(origin);
      const many = await open();
      await many.get('/');
      many.write(frame(FRAME.HEADERS, 1, 3, many.encode(base)));
      for (let i = 0; i < 100; i++) many.write(frame(FRAME.CONTINUATION, 0, 3, many.encode([['x-a', 'b']])));
      equal(await fate(many), ERROR.ENHANCE_YOUR_CALM, 'many');
      const empty = await open();
      await empty.get('/');
      empty.write(frame(FRAME.HEADERS, 1, 3));
      for (let i = 0; i < 100; i++) empty.write(frame(FRAME.CONTINUATION, 0, 3));
      equal(await fate(empty), ERROR.ENHANCE_YOUR_CALM, 'empty ones');
      const large = await open();
      await large.get('/');
      large.write(frame(FRAME.HEADERS, 1, 3, Buffer.alloc(16_000)));
      for (let i = 0; i < 10; i++) large.write(frame(FRAME.CONTINUATION, 0, 3, Buffer.alloc(16_000)));
      equal(await fate(large), ERROR.ENHANCE_YOUR_CALM, 'a large block');
      const fair = await open();
      const block = fair.encode([...base, ['x-a', 'b']]);
      fair.write(frame(FRAME.HEADERS, 1, 1, block.subarray(0, 3)));
      for (let i = 3; i < block.length; i++)
        fair.write(frame(FRAME.CONTINUATION, i === block.length - 1 ? 4 : 0, 1, block.subarray(i, i + 1)));
      equal((await fair.response(1)).status, 200, 'a block in single bytes');
      origin.stop();
    },
  },
  {
    name: 'a bomb of header fields costs neither memory nor much time, and is answered',
    async run() {
      const origin = await Origin.start();
      await serve(origin);
      const c = await open();
      const value = Buffer.alloc(3900, 97);
      const add = Buffer.concat([Buffer.from([0x40, 3, 120, 45, 98, 0x7f, 0xbd, 0x1d]), value]);
      const head = c.encode(base);
      // One entry of 4 kB in the table, then 16,000 bytes that each mean it: 60 MB of fields.
      const started = performance.now();
      for (let i = 0; i < 20; i++) {
        const id = 2 * i + 1;
        const bomb = Buffer.concat(i === 0 ? [head, add] : [head]);
        c.write(frame(FRAME.HEADERS, 1, id, bomb));
        c.write(frame(FRAME.CONTINUATION, 4, id, Buffer.alloc(16_000, 0xbe)));
        equal((await c.response(id)).status, 431, 'status');
      }
      const took = performance.now() - started;
      check(took < 5000, `20 bombs took ${took} ms`);
      c.headers(101, base);
      equal((await c.response(101)).status, 200, 'the connection stays');
      equal(origin.requests.length, 1, 'requests at the server');
      origin.stop();
    },
  },
  {
    name: 'rapid reset: so many cancelled streams, and the connection is over',
    async run() {
      const origin = await Origin.start(() => {});
      await serve(origin);
      const c = await open();
      for (let i = 0; i < 1000; i++) {
        const id = c.request(GET(`/${i}`));
        c.write(frame(FRAME.RST_STREAM, 0, id, uint32(ERROR.CANCEL)));
      }
      equal(await fate(c), ERROR.ENHANCE_YOUR_CALM, 'GOAWAY');
      check(c.goAways[0]!.last < 2 * 260, `${c.goAways[0]!.last} is the last stream`);
      check(origin.requests.length < 300, `${origin.requests.length} requests at the server`);
      c.end();
      await quiet();
      // One who cancels now and then is left alone.
      const calm = await open();
      for (let i = 0; i < 100; i++) {
        const id = calm.request(GET(`/${i}`));
        calm.write(frame(FRAME.RST_STREAM, 0, id, uint32(ERROR.CANCEL)));
      }
      calm.write(frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
      await until(() => calm.pongs === 1, 'the connection to stay');
      equal(calm.goAways.length, 0, 'GOAWAY');
      calm.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'resets of ours that a client provokes count as well',
    async run() {
      const origin = await Origin.start(() => {});
      await serve(origin);
      const provoked: [string, (c: Http2Raw, id: number) => void][] = [
        ['WINDOW_UPDATE by nothing', (c, id) => c.write(frame(FRAME.WINDOW_UPDATE, 0, id, uint32(0)))],
        [
          'a window beyond all bounds',
          (c, id) => c.write(frame(FRAME.WINDOW_UPDATE, 0, id, uint32(2 ** 31 - 1))),
        ],
        ['DATA behind the end', (c, id) => c.body(id, 'abc')],
        ['HEADERS behind the end', (c, id) => c.headers(id, [['x-a', 'b']])],
      ];
      for (const [name, provoke] of provoked) {
        const c = await open();
        for (let i = 0; i < 400; i++) provoke(c, c.request(GET(`/${i}`)));
        equal(await fate(c), ERROR.ENHANCE_YOUR_CALM, name);
        c.end();
        await quiet();
      }
      const malformed = await open();
      for (let i = 0; i < 400; i++) malformed.request(without(':path'));
      equal(await fate(malformed), ERROR.ENHANCE_YOUR_CALM, 'malformed requests');
      const crowd = await open();
      for (let i = 0; i < 500; i++) crowd.request(GET(`/${i}`));
      equal(await fate(crowd), ERROR.ENHANCE_YOUR_CALM, 'more streams than allowed');
      equal(
        [...crowd.streams.values()].filter((s) => s.reset === ERROR.REFUSED_STREAM).length > 0,
        true,
        'refused',
      );
      check(origin.requests.length < 2000, 'requests at the server');
      crowd.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'zero windows: memory is bounded, and who takes nothing for a minute is reset',
    async run() {
      const body = Buffer.alloc(4_000_000, 1);
      const head = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      const origin = await Origin.start((r) => r.socket.write(Buffer.concat([head, body])));
      await serve(origin);
      const c = await open([[SETTING.INITIAL_WINDOW_SIZE, 0]]);
      for (let i = 0; i < 40; i++) c.request(GET(`/${i}`));
      await until(() => c.streams.size === 40, 'the heads of all responses');
      await until(() => bytesWaiting() > 0, 'something to wait');
      const most = 40 * 1_100_000;
      check(bytesWaiting() < most, `${bytesWaiting()} bytes wait`);
      equal(counters()[VS.REQUESTS_ACTIVE], 40, 'requests active');
      await later(() => [...c.streams.values()].every((s) => s.reset === ERROR.CANCEL), 'all streams reset');
      equal(bytesWaiting(), 0, 'bytes that wait');
      equal(counters()[VS.REQUESTS_ACTIVE], 0, 'requests active');
      c.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'a client that does not read: memory is bounded, nothing more is taken from it, and it is reset',
    async run() {
      const body = Buffer.alloc(4_000_000, 1);
      const head = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      const origin = await Origin.start((r) => r.socket.write(Buffer.concat([head, body])));
      await serve(origin);
      const c = await open([[SETTING.INITIAL_WINDOW_SIZE, 2 ** 31 - 1]]);
      c.write(frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(2 ** 30)));
      await c.get('/0');
      c.socket.pause();
      for (let i = 0; i < 20; i++) c.request(GET(`/${i}`));
      await until(() => bytesWaiting() > 0 && rig.transport.queuedBytes() > 0, 'something to wait');
      check(bytesWaiting() < 20 * 1_100_000, `${bytesWaiting()} bytes wait`);
      // Whatever it asks for, the answers do not pile up.
      for (let i = 0; i < 900; i++) c.write(frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
      for (let i = 0; i < 20; i++) c.request([[':method', 'HEAD'], ...GET(`/${i}`).slice(1)]);
      check(rig.transport.queuedBytes() < 2_000_000, `${rig.transport.queuedBytes()} bytes are queued`);
      await later(() => counters()[VS.CONNECTIONS_ACTIVE] === 0, 'the end of the connection');
      await quiet();
      equal(bytesWaiting(), 0, 'bytes that wait');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'uploads that the server does not take hold the client back; idle ones are given up',
    async run() {
      const origin = await Origin.start();
      origin.raw = (s) => void s.pause();
      await serve(origin);
      const c = await open();
      const id = c.request(POST('/', ['content-length', '50000000']), false);
      const seenWindow = 65_536;
      c.body(id, Buffer.alloc(seenWindow), false);
      c.write(frame(FRAME.DATA, 0, id, 'one more'));
      const r = await c.response(id);
      // The socket to the server takes some megabytes by itself: then either there is no credit, or there was.
      check(r.reset === ERROR.FLOW_CONTROL_ERROR || r.reset === -1, 'beyond the window');
      const slow = await open();
      const waiting = slow.request(POST('/', ['content-length', '5']), false);
      slow.body(waiting, 'ab', false);
      slow.write(frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
      await until(() => slow.pongs === 1, 'the request to have come');
      await later(() => slow.seen(waiting).ended, 'an answer');
      equal((await slow.response(waiting)).status, 408, 'a body that does not come');
      c.end();
      slow.end();
      await quiet();
      origin.stop();
    },
  },
  {
    name: 'the body beyond the window of its stream, and of its connection',
    async run() {
      const origin = await Origin.start();
      origin.early = () => {};
      await serve(origin, { pool: null });
      const c = await open();
      // No pool: the response is there at once, the stream is closed and its DATA only counts for the connection.
      const id = c.request(POST('/'), false);
      equal((await c.response(id)).status, 503, 'status');
      for (let i = 0; i < 200; i++) c.write(frame(FRAME.DATA, 0, id, Buffer.alloc(16_000)));
      c.write(frame(FRAME.PING, 0, 0, Buffer.alloc(8)));
      await until(() => c.pongs === 1 || c.goAways.length > 0, 'an answer');
      check(c.pongs === 1 || c.goAways[0]!.error === ERROR.FLOW_CONTROL_ERROR, 'paid back, or refused');
      equal(OK.length > 0, true, 'a response');
      origin.stop();
    },
  },
];

await runCases(closing(cases));
