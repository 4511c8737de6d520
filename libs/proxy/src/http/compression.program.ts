import zlib from 'node:zlib';
import type { Compression } from '@spillway/snapshot';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient, type RawResponse } from '../suite/raw-client.js';
import { Rig } from '../suite/rig.js';
import { compressionLoad } from './compression/load.js';

const rig = await Rig.make();
const port = await freePort();

const COMPRESSION: Compression = {
  content_types: ['text/*', 'application/json'],
  min_length: 100,
  normal_level: 1,
  aggressive_level: 5,
  remove_accept_encoding: true,
  rule: {
    type: 'filters',
    filters: [{ negate: false, addresses: [], user_agents: [], effort: 'normal' }],
  },
};

const BODY = '{"name":"value","list":[1,2,3]},'.repeat(400);

/** Answers with these fields and the body, with its length unless they say how it ends. */
function origin(fields: string, body: string | Buffer = BODY, status = '200 OK'): Promise<Origin> {
  const framing = /transfer-encoding/i.test(fields) ? '' : `Content-Length: ${body.length}\r\n`;
  return Origin.start((r) => {
    r.socket.write(`HTTP/1.1 ${status}\r\n${fields}${framing}\r\n`);
    if (!r.head.startsWith('HEAD')) r.socket.write(body);
  });
}

async function serve(o: Origin, compression: Partial<Compression> = {}): Promise<void> {
  compressionLoad.forget();
  await rig.apply([{ ports: [port], http: { compression: { ...COMPRESSION, ...compression } } }], {
    pool: { servers: [{ port: o.port }] },
  });
}

async function using(
  made: Promise<Origin>,
  run: (c: RawClient, o: Origin) => Promise<void>,
  compression: Partial<Compression> = {},
): Promise<void> {
  const o = await made;
  await serve(o, compression);
  const c = await RawClient.open(port);
  try {
    await run(c, o);
  } finally {
    c.end();
    o.stop();
  }
}

const GZIP = 'Accept-Encoding: gzip\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';

const decoded = (r: RawResponse): string => {
  const coding = /\r\nContent-Encoding: (\w+)/.exec(r.head)?.[1];
  if (coding === 'gzip') return zlib.gunzipSync(r.body).toString();
  if (coding === 'br') return zlib.brotliDecompressSync(r.body).toString();
  return r.body.toString();
};
const isCoded = (r: RawResponse): boolean => r.head.includes('\r\nContent-Encoding: ');

const codings: Case[] = [
  {
    name: 'a body is compressed as the client likes it, and the head says so',
    run: () =>
      using(origin(`${JSON_TYPE}ETag: "v1"\r\nAccept-Ranges: bytes\r\nVary: Cookie\r\n`), async (c, o) => {
        const gzip = await c.get('/', GZIP);
        equal(
          gzip.head,
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: W/"v1"\r\nContent-Encoding: gzip\r\n' +
            'Vary: Accept-Encoding\r\nContent-Type: application/json\r\nVary: Cookie\r\n\r\n',
          'head',
        );
        equal(decoded(gzip), BODY, 'gzip');
        check(gzip.body.length < BODY.length / 5, 'smaller');
        const br = await c.get('/', 'Accept-Encoding: gzip, br\r\n');
        equal(decoded(br), BODY, 'br');
        for (const [accept, before] of [
          ['gzip', gzip],
          ['br', br],
        ] as const) {
          const again = await c.get('/', `Accept-Encoding: ${accept}\r\n`);
          equal(again.body.length, before.body.length, `${accept}: the same effort each time`);
        }
        check(!o.requests.some((r) => /accept-encoding/i.test(r.head)), 'servers are not asked');
        equal(o.connections, 1, 'connections');
      }),
  },
  {
    name: 'chunks, a body up to the end of the connection, HTTP/1.0',
    run: async () => {
      const chunks = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
      await using(origin(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`, chunks), async (c) => {
        for (let n = 0; n < 3; n++) equal(decoded(await c.get('/', GZIP)), BODY, 'chunked');
        c.send(`GET / HTTP/1.0\r\nHost: a\r\n${GZIP}\r\n`);
        const old = await c.response();
        check(!old.head.includes('chunked') && isCoded(old), 'HTTP/1.0 gets no chunks');
        equal(decoded(old), BODY, 'HTTP/1.0');
      });
      const untilEnd = Origin.start((r) => void r.socket.end(`HTTP/1.1 200 OK\r\n${JSON_TYPE}\r\n${BODY}`));
      await using(untilEnd, async (c) => {
        for (let n = 0; n < 3; n++) equal(decoded(await c.get('/', GZIP)), BODY, 'until the end');
      });
    },
  },
  {
    name: 'large bodies, whole and in any pieces, with requests sent ahead',
    run: async () => {
      const large = Array.from({ length: 60_000 }, (_, i) => `line ${i} ${(i * 7919) % 10_007}\n`).join('');
      await using(origin('Content-Type: text/plain\r\n', large), async (c) => {
        const ask = `GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br;q=0.5\r\n\r\n`;
        c.send(ask.repeat(4));
        for (let n = 0; n < 4; n++) check(decoded(await c.response()) === large, `body ${n}`);
        const br = await c.get('/', 'Accept-Encoding: br\r\n');
        check(decoded(br) === large, 'brotli');
      });
      equal(rig.transport.queuedBytes(), 0, 'queued bytes');
    },
  },
];

/** What stays as it is: fields of the request, of the response, status. */
const UNTOUCHED: [name: string, request: string, response: string, status?: string, body?: string][] = [
  ['who does not accept it', '', JSON_TYPE],
  ['who asked for no transformation', `${GZIP}Cache-Control: no-transform\r\n`, JSON_TYPE],
  ['a response that forbids it', GZIP, `${JSON_TYPE}Cache-Control: public, No-Transform\r\n`],
  ['another type', GZIP, 'Content-Type: image/png\r\n'],
  ['no type', GZIP, ''],
  ['what is encoded already', GZIP, `${JSON_TYPE}Content-Encoding: zstd\r\n`],
  ['a part', GZIP, `${JSON_TYPE}Content-Range: bytes 0-9/100\r\n`, '206 Partial Content'],
  ['a short body', GZIP, JSON_TYPE, '200 OK', 'x'.repeat(99)],
  ['a body with a digest', GZIP, `${JSON_TYPE}Content-Digest: sha-256=:x:\r\n`],
];

const untouched: Case[] = UNTOUCHED.map(([name, request, response, status, body = BODY]) => ({
  name: `as it is: ${name}`,
  run: () =>
    using(origin(`${response}ETag: "v1"\r\n`, body, status), async (c) => {
      const r = await c.get('/', request);
      check(!r.head.includes('gzip') && r.head.includes('\r\nETag: "v1"\r\n'), r.head);
      check(r.head.includes(`\r\nContent-Length: ${body.length}\r\n`), 'length');
      equal(r.body.toString(), body, 'body');
    }),
}));

const heads: Case[] = [
  {
    name: 'HEAD tells what GET would, 304 the validator that GET has given',
    run: async () => {
      await using(origin(`${JSON_TYPE}ETag: "v1"\r\n`), async (c) => {
        const head = await c.send(`HEAD / HTTP/1.1\r\nHost: a\r\n${GZIP}\r\n`).response(true);
        equal(
          head.head,
          'HTTP/1.1 200 OK\r\nETag: W/"v1"\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n' +
            'Content-Type: application/json\r\n\r\n',
          'HEAD',
        );
        equal(decoded(await c.get('/', GZIP)), BODY, 'the connection goes on');
      });
      await using(origin('ETag: "v1"\r\n', '', '304 Not Modified'), async (c) => {
        check((await c.get('/', 'If-None-Match: W/"v1"\r\n')).head.includes('ETag: W/"v1"'), 'weak');
        check((await c.get('/', 'If-None-Match: "v1"\r\n')).head.includes('ETag: "v1"'), 'strong');
      });
    },
  },
  {
    name: 'Vary for every client whose response could have been compressed',
    run: () =>
      using(origin(JSON_TYPE), async (c, o) => {
        check((await c.get('/')).head.includes('\r\nVary: Accept-Encoding\r\n'), 'who does not accept');
        await serve(o, { rule: { type: 'filters', filters: [] } });
        const r = await c.get('/', GZIP);
        check(r.head.includes('\r\nVary: Accept-Encoding\r\n') && !isCoded(r), 'who gets none');
      }),
  },
  {
    name: 'servers may go on to compress themselves',
    run: () =>
      using(
        origin(JSON_TYPE),
        async (c, o) => {
          await c.get('/', GZIP);
          check(o.requests[0]!.head.includes(GZIP), 'Accept-Encoding goes on');
        },
        { remove_accept_encoding: false },
      ),
  },
];

const rules: Case[] = [
  {
    name: 'filters: the first that matches, by address and User-Agent, or none',
    run: () => {
      const filters: Extract<Compression['rule'], { type: 'filters' }>['filters'] = [
        {
          negate: false,
          addresses: [{ first: '10.0.0.0', last: '10.9.9.9' }],
          user_agents: [],
          effort: 'normal',
        },
        { negate: false, addresses: [], user_agents: ['Slow'], effort: 'none' },
        {
          negate: true,
          addresses: [{ first: '127.0.0.1', last: '127.0.0.1' }],
          user_agents: ['phone'],
          effort: 'aggressive',
        },
      ];
      return using(
        origin(JSON_TYPE),
        async (c) => {
          const coded = async (agent: string): Promise<boolean> =>
            isCoded(await c.get('/', `${GZIP}User-Agent: ${agent}\r\n`));
          equal(
            [await coded('my slow one'), await coded('A Phone'), await coded('else')],
            [false, false, true],
            'compressed',
          );
        },
        { rule: { type: 'filters', filters } },
      );
    },
  },
  {
    name: 'auto: by round trip where it is known, more for mobile clients',
    run: () =>
      using(
        origin(JSON_TYPE),
        async (c, o) => {
          const known = rig.transport.name === 'bun';
          equal(isCoded(await c.get('/', GZIP)), !known, 'a client as near as can be');
          check(isCoded(await c.get('/', `${GZIP}User-Agent: iPhone\r\n`)), 'mobile');
          await serve(o, { rule: { type: 'auto', max_low_rtt: 0, min_high_rtt: 200, mobile: [] } });
          check(isCoded(await c.get('/', GZIP)), 'every client is far');
        },
        { rule: { type: 'auto', max_low_rtt: 1000, min_high_rtt: 2000, mobile: ['iPhone'] } },
      ),
  },
  {
    name: 'a worker that has no time left for it sends bodies as they are',
    run: () =>
      using(origin(JSON_TYPE), async (c) => {
        compressionLoad.spend(rig.transport.now(), 100_000);
        check(!isCoded(await c.get('/', GZIP)), 'no time');
        await until(() => compressionLoad.share(rig.transport.now()) === 0, 'time again');
        check(isCoded(await c.get('/', GZIP)), 'compressed');
      }),
  },
];

/** The decoded text so far of a response whose end has not come. */
function soFar(c: RawClient): string {
  const at = c.text.indexOf('\r\n\r\n');
  if (at < 0) return '';
  const parts: Buffer[] = [];
  let b = Buffer.from(c.text.slice(at + 4), 'latin1');
  for (;;) {
    const eol = b.indexOf('\r\n');
    const size = eol < 0 ? 0 : Number.parseInt(b.toString('latin1', 0, eol), 16);
    if (size === 0 || b.length < eol + 4 + size) break;
    parts.push(b.subarray(eol + 2, eol + 2 + size));
    b = b.subarray(eol + 4 + size);
  }
  if (parts.length === 0) return '';
  return zlib.gunzipSync(Buffer.concat(parts), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).toString();
}

/** Numbers that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const streams: Case[] = [
  {
    name: 'whatever the pieces and the pace on either side, the body is the same',
    run: async () => {
      const random = seeded(7);
      const bodies = new Map<string, Buffer>();
      const made = Origin.start((r) => {
        const body = bodies.get(r.head.split(' ')[1]!)!;
        const chunks = random() < 0.5;
        r.socket.write(
          `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${
            chunks ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
          }\r\n\r\n`,
        );
        const send = (at: number): void => {
          if (at === body.length) {
            if (chunks) r.socket.write('0\r\n\r\n');
            return;
          }
          const piece = body.subarray(at, at + 1 + Math.floor(random() ** 3 * 120_000));
          if (chunks) r.socket.write(`${piece.length.toString(16)}\r\n`);
          r.socket.write(piece);
          if (chunks) r.socket.write('\r\n');
          if (random() < 0.7) setImmediate(send, at + piece.length);
          else send(at + piece.length);
        };
        send(0);
      });
      await using(
        made,
        async (c) => {
          for (let n = 0; n < 60; n++) {
            compressionLoad.forget();
            const length = 100 + Math.floor(random() ** 3 * 600_000);
            const noise = random();
            const body = Buffer.alloc(length);
            for (let i = 0; i < length; i++)
              body[i] = random() < noise ? Math.floor(random() * 256) : 97 + (i % 26);
            bodies.set(`/${n}`, body);
            const coding = random() < 0.5 ? 'gzip' : 'br';
            c.send(`GET /${n} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${coding}\r\n\r\n`);
            if (random() < 0.4) {
              c.socket.pause();
              setTimeout(() => c.socket.resume(), random() * 30);
            }
            const r = await c.response();
            check(isCoded(r), `${n} is compressed`);
            const back = coding === 'gzip' ? zlib.gunzipSync(r.body) : zlib.brotliDecompressSync(r.body);
            check(back.equals(body), `body ${n} of ${length} bytes, ${coding}`);
          }
        },
        { normal_level: 3 },
      );
    },
  },
  {
    name: 'events come as they are sent, the head before the first',
    run: async () => {
      const made = Origin.start((r) => {
        r.socket.write(
          'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
        );
      });
      await using(made, async (c, o) => {
        c.send(`GET / HTTP/1.1\r\nHost: a\r\n${GZIP}\r\n`);
        await until(() => c.text.includes('\r\n\r\n'), 'the head');
        for (let n = 1; n < 4; n++) {
          o.requests[0]!.socket.write(`9\r\ndata: ${n}\n\n\r\n`);
          await until(() => soFar(c).endsWith(`data: ${n}\n\n`), `event ${n}`);
        }
      });
    },
  },
  {
    name: 'a body of known length that comes slowly does not wait for its end',
    run: async () => {
      const made = Origin.start((r) => {
        r.socket.write(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Content-Length: 1000\r\n\r\n`);
      });
      await using(made, async (c, o) => {
        c.send(`GET / HTTP/1.1\r\nHost: a\r\n${GZIP}\r\n`);
        await until(() => c.text.includes('\r\n\r\n'), 'the head');
        o.requests[0]!.socket.write('first');
        await until(() => soFar(c) === 'first', 'the first part');
        o.requests[0]!.socket.write('x'.repeat(995));
        equal(decoded(await c.response()).length, 1000, 'all of it');
      });
    },
  },
  {
    name: 'a response that is cut short is seen to be, and lets its memory go',
    run: async () => {
      const made = Origin.start((r) => {
        r.socket.write(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Content-Length: 100000\r\n\r\n${BODY}`);
        setTimeout(() => r.socket.destroy(), 20);
      });
      await using(made, async (c) => {
        c.send(`GET / HTTP/1.1\r\nHost: a\r\n${GZIP}\r\n`);
        await until(() => c.closed, 'the reset');
        check(!c.text.endsWith('0\r\n\r\n'), 'no end of a body');
        equal(c.error, 'ECONNRESET', 'how it ended');
      });
    },
  },
  {
    name: 'a slow reader holds a bounded amount, and others are served meanwhile',
    run: async () => {
      let sent = 0;
      const made = Origin.start((r) => {
        if (r.head.startsWith('GET /small')) {
          r.socket.write(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Content-Length: ${BODY.length}\r\n\r\n${BODY}`);
          return;
        }
        r.socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 400000000\r\n\r\n`);
        // Hardly compressible, so that the client's side fills up.
        const more = (): void => {
          while (sent < 400_000_000 && !r.socket.destroyed) {
            const noise = Buffer.alloc(65_536);
            for (let i = 0; i < noise.length; i += 4) noise.writeUInt32LE((Math.random() * 2 ** 32) >>> 0, i);
            sent += noise.length;
            if (!r.socket.write(noise)) {
              r.socket.once('drain', more);
              return;
            }
          }
        };
        more();
      });
      await using(made, async (c) => {
        c.send(`GET /large HTTP/1.1\r\nHost: a\r\n${GZIP}\r\n`);
        await until(() => c.bytes > 100_000, 'the beginning');
        c.socket.pause();
        let before = -1;
        await until(() => {
          const still = sent === before;
          before = sent;
          return still && sent > 0;
        }, 'the origin to be stopped');
        // What the runtime needs for it counts as the client's.
        let held = 0;
        const facts = rig.plane.describe();
        for (let one = facts.next(); one.done !== true; one = facts.next())
          held = Math.max(held, one.value.held);
        check(held > 320 * 1024, `${held} bytes held`);
        check(rig.transport.queuedBytes() < 1_000_000, `${rig.transport.queuedBytes()} bytes queued`);
        const other = await RawClient.open(port);
        equal(decoded(await other.get('/small', GZIP)), BODY, 'another client');
        other.end();
      });
      await until(() => rig.transport.queuedBytes() === 0, 'nothing left');
    },
  },
  {
    name: 'who goes away in the middle leaves nothing behind',
    run: () =>
      using(origin('Content-Type: text/plain\r\n', Buffer.alloc(3_000_000, 'abcdefgh')), async (_, o) => {
        for (let n = 0; n < 300; n++) {
          const gone = await RawClient.open(port);
          gone.send(`GET / HTTP/1.1\r\nHost: a\r\n${GZIP}\r\n`);
          if (n % 2 === 0) await until(() => gone.bytes > 0, 'the beginning');
          gone.reset();
        }
        await until(() => o.sockets.size <= 2, 'connections to the server gone');
        // More than memory allows at once, had the former ones not been given back.
        compressionLoad.forget();
        const c = await RawClient.open(port);
        const r = await c.get('/', GZIP);
        check(isCoded(r), 'compressed still');
        equal(decoded(r).length, 3_000_000, 'body');
        c.end();
      }),
  },
];

await runCases([...codings, ...untouched, ...heads, ...rules, ...streams]);
