import { HEALTH, SERVER, VS } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { OK, Origin, type Received } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';
import { MALFORMED, MALFORMED_CHUNKS } from './corpus.js';
import { refusalOf, REFUSE } from './refusal.js';

const rig = await Rig.make();
const port = await freePort();

/** Serves `origins` on `port`. */
async function serve(
  origins: Origin[],
  service: Partial<ServiceSpec> = {},
  pool: Partial<PoolSpec> = {},
): Promise<void> {
  await rig.apply([{ ports: [port], ...service }], {
    pool: { ...pool, servers: pool.servers ?? origins.map((o) => ({ port: o.port })) },
  });
}

const open = (): Promise<RawClient> => RawClient.open(port);
const counters = (): Float64Array => rig.mapping.serviceTotals(0).counters;
const blob = (length: number): Buffer => {
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) b[i] = (i * 7 + (i >> 9)) & 255;
  return b;
};
const chunked = (b: Buffer, size: number): Buffer => {
  const parts: Buffer[] = [];
  for (let i = 0; i < b.length; i += size) {
    const piece = b.subarray(i, i + size);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
};
const quiet = (): Promise<void> =>
  until(
    () => counters()[VS.CONNECTIONS_ACTIVE] === 0 && counters()[VS.REQUESTS_ACTIVE] === 0,
    'all connections gone',
  );

const cases: Case[] = [
  {
    name: 'keep-alive on both sides; hop-by-hop headers stay, X-Forwarded-For goes',
    async run() {
      const origin = await Origin.start((r) =>
        r.socket.write(
          'HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok',
        ),
      );
      await serve([origin]);
      const c = await open();
      for (let i = 0; i < 5; i++) {
        const r = await c.get(
          `/${i}`,
          'Connection: keep-alive, X-Mine\r\nX-Mine: a\r\nX-Else: b\r\nTE: trailers\r\n',
        );
        equal(r.head, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'head');
        equal(r.body.toString(), 'ok', 'body');
      }
      equal(origin.connections, 1, 'connections to the server');
      equal(
        origin.requests[4]!.head,
        'GET /4 HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\nHost: test\r\nX-Else: b\r\n\r\n',
        'forwarded head',
      );
      c.end();
      origin.stop();
    },
  },
  {
    name: 'requests sent ahead are answered in order, bodies and all',
    async run() {
      const origin = await Origin.start((r) => {
        const name = r.head.split(' ')[1]!;
        const body = name + r.body.toString();
        r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
      await serve([origin]);
      const c = await open();
      let all = '';
      for (let i = 0; i < 60; i++)
        all +=
          i % 3 === 0
            ? `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`
            : i % 3 === 1
              ? `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde`
              : `POST /${i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n`;
      c.send(all);
      for (let i = 0; i < 60; i++) {
        const body = (await c.response()).body.toString();
        equal(body, `/${i}${['', 'abcde', '3\r\nxyz\r\n0\r\n\r\n'][i % 3]}`, `answer ${i}`);
      }
      // The same, with the client's end right behind the last request.
      c.send(all);
      c.socket.end();
      for (let i = 0; i < 60; i++)
        check((await c.response()).body.toString().startsWith(`/${i}`), `answer ${i}`);
      await until(() => c.closed, 'the end');
      origin.stop();
    },
  },
  {
    name: 'a request in single bytes, a response in single bytes',
    async run() {
      const origin = await Origin.start((r) => {
        r.socket.setNoDelay(true);
        for (const byte of 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n')
          r.socket.write(byte);
      });
      await serve([origin]);
      const c = await open();
      for (const byte of 'POST /b HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\nX-R: 2\r\n\r\n') {
        c.send(byte);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      const r = await c.response();
      equal([r.status, r.body.toString()], [200, 'abcde'], 'response');
      equal(origin.requests[0]!.body.toString(), '4\r\nwxyz\r\n0\r\nX-R: 2\r\n\r\n', 'request body');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'large bodies both ways, with length and chunked',
    async run() {
      const data = blob(3_000_000);
      const origin = await Origin.start((r) => {
        const chunks = r.head.includes('chunked');
        r.socket.write(
          chunks
            ? 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
            : `HTTP/1.1 200 OK\r\nContent-Length: ${r.body.length}\r\n\r\n`,
        );
        r.socket.write(r.body);
      });
      await serve([origin]);
      const c = await open();
      for (let round = 0; round < 3; round++) {
        c.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${data.length}\r\n\r\n`).send(data);
        check((await c.response()).body.equals(data), 'body with length differs');
        c.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n').send(
          chunked(data, 65_537),
        );
        check((await c.response()).body.equals(data), 'chunked body differs');
      }
      c.end();
      origin.stop();
      equal(rig.transport.queuedBytes(), 0, 'queued bytes');
    },
  },
  {
    name: 'HEAD, 204, 304 and empty bodies leave the connection usable',
    async run() {
      const origin = await Origin.start((r) => {
        const path = r.head.split(' ')[1];
        if (path === '/head') r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
        else if (path === '/head-chunked')
          r.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        else if (path === '/204') r.socket.write('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n');
        else if (path === '/304')
          r.socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: "x"\r\n\r\n');
        else r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
      await serve([origin]);
      const c = await open();
      const head = (path: string): Promise<{ head: string; status: number }> =>
        c.send(`HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).response(true);
      check((await head('/head')).head.includes('Content-Length: 1000'), 'length of HEAD');
      equal((await head('/head-chunked')).status, 200, 'HEAD');
      equal((await c.get('/204')).head, 'HTTP/1.1 204 No Content\r\n\r\n', '204');
      check((await c.get('/304')).head.includes('Content-Length: 1000'), 'length of 304');
      equal((await c.get('/empty')).status, 200, 'empty');
      equal(origin.connections, 1, 'connections');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'Expect: 100-continue goes through, and a refusal ends the connection',
    async run() {
      const origin = await Origin.start(
        (r) =>
          void r.socket.write(
            `HTTP/1.1 200 OK\r\nContent-Length: ${r.body.length}\r\n\r\n${r.body.toString()}`,
          ),
      );
      origin.early = (head, socket) => {
        if (head.includes('/go'))
          socket.write('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n');
        else socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
      };
      await serve([origin]);
      const c = await open();
      c.send('POST /go HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
      equal((await c.response()).status, 103, 'first');
      equal((await c.response()).status, 100, 'second');
      c.send('12345');
      equal((await c.response()).body.toString(), '12345', 'body');
      c.send('POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
      const r = await c.response();
      equal([r.status, /connection: close/i.test(r.head)], [401, true], 'refusal');
      await until(() => c.ended, 'the end');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'HTTP/1.0 clients: closed by default, kept on request, never chunked, Host added',
    async run() {
      const origin = await Origin.start((r) => {
        if (r.head.includes('/chunked'))
          r.socket.write(
            'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
          );
        else r.socket.write(OK);
      });
      await serve([origin]);
      const a = await open();
      a.send('GET /a HTTP/1.0\r\n\r\n');
      const first = await a.response();
      check(first.head.startsWith('HTTP/1.1 200 OK\r\nConnection: close\r\n'), first.head);
      await until(() => a.ended, 'the end');
      a.end();
      const head = origin.requests[0]!.head;
      check(head.startsWith('GET /a HTTP/1.1\r\n') && head.includes(`Host: 127.0.0.1:${port}\r\n`), head);
      const b = await open();
      for (let i = 0; i < 2; i++) {
        b.send('GET /b HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n');
        check((await b.response()).head.includes('Connection: keep-alive\r\n'), 'not kept');
      }
      b.send('GET /chunked HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n');
      await until(() => b.ended, 'the end');
      equal(b.text, 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcdef', 'decoded response');
      b.end();
      origin.stop();
    },
  },
  {
    name: 'a body that the end of the connection ends',
    async run() {
      const origin = await Origin.start((r) => void r.socket.end('HTTP/1.0 200 OK\r\n\r\nuntil the end'));
      await serve([origin]);
      const c = await open();
      const r = await c.get('/');
      check(r.head.startsWith('HTTP/1.1 200 OK\r\nConnection: close\r\n'), r.head);
      equal(r.body.toString(), 'until the end', 'body');
      await until(() => c.ended && c.error === null, 'a clean end');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'connections to servers end in order, whoever ends them',
    async run() {
      const ways = [
        (r: Received) => void r.socket.write(OK.replace('\r\n', '\r\nConnection: close\r\n')),
        (r: Received) => void r.socket.end(OK.replace('\r\n', '\r\nConnection: close\r\n')),
        (r: Received) => void r.socket.end(OK),
        (r: Received) => void r.socket.end('HTTP/1.0 200 OK\r\n\r\nuntil the end'),
      ];
      for (const way of ways) {
        const origin = await Origin.start(way);
        await serve([origin]);
        const c = await open();
        for (let i = 0; i < 3 && !c.ended; i++) await c.get('/');
        await until(() => origin.sockets.size === 0, 'the end of the connections');
        equal(origin.resets, 0, 'resets');
        c.end();
        origin.stop();
      }
      // A server that leaves the pool: its idle connections end in order too.
      const origin = await Origin.start();
      await serve([origin]);
      const c = await open();
      await c.get('/');
      await serve([]);
      await until(() => origin.sockets.size === 0, 'the end of the idle connection');
      equal(origin.resets, 0, 'resets');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'upgrade: bytes both ways, also those sent ahead, and half-close',
    async run() {
      const origin = await Origin.start();
      let upgraded = '';
      origin.answer = () => {};
      origin.early = (head, socket) => {
        upgraded = head;
        socket.removeAllListeners('data');
        socket.removeAllListeners('end');
        socket.on('data', (d: Buffer) => void socket.write(d.toString().toUpperCase()));
        socket.on('end', () => socket.end('bye'));
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello ',
        );
      };
      await serve([origin]);
      const c = await open();
      c.send('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\nahead ');
      const r = await c.response();
      equal([r.status, r.head.includes('Upgrade: echo')], [101, true], 'switch');
      check(upgraded.includes('Connection: Upgrade\r\n') && upgraded.includes('Upgrade: echo\r\n'), upgraded);
      c.send('more');
      await until(() => c.text === 'hello AHEAD MORE', 'the echo');
      c.socket.end();
      await until(() => c.text === 'hello AHEAD MOREbye' && c.closed, 'the end');
      equal(c.error, null, 'error');
      await quiet();
      equal(rig.mapping.activeOf(rig.slot('pool', origin.port)), 0, 'active connections');
      origin.stop();
    },
  },
  {
    name: 'an upgrade that nobody asked for is a bad gateway; h2c is not passed on',
    async run() {
      const origin = await Origin.start((r) =>
        r.socket.write(
          r.head.includes('/bad')
            ? 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'
            : OK,
        ),
      );
      await serve([origin]);
      const c = await open();
      await c.get('/', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n');
      equal(
        origin.requests[0]!.head,
        'GET / HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\nHost: test\r\n\r\n',
        'head',
      );
      equal((await c.get('/bad')).status, 502, 'status');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'malformed requests get their reason and never reach a server',
    async run() {
      const origin = await Origin.start();
      await serve([origin]);
      for (const [reason, text] of MALFORMED) {
        const c = await open();
        c.send(text);
        const r = await c.response();
        const refusal = refusalOf(REFUSE[reason as keyof typeof REFUSE]);
        equal(
          [r.status, r.body.toString()],
          [refusal.status, `${refusal.status} ${refusal.text}\n`],
          JSON.stringify(text),
        );
        await until(() => c.ended, 'the end');
        c.end();
      }
      for (const [reason, body] of MALFORMED_CHUNKS) {
        const c = await open();
        c.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
        equal(
          (await c.response()).body.toString(),
          `400 ${refusalOf(REFUSE[reason as keyof typeof REFUSE]).text}\n`,
          JSON.stringify(body),
        );
        c.end();
      }
      equal(origin.requests.length, 0, 'requests at the server');
      // A good request first, smuggled bytes behind it.
      const c = await open();
      c.send(
        'GET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      equal([(await c.response()).status, (await c.response()).status], [200, 400], 'statuses');
      equal(origin.requests.length, 1, 'requests at the server');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'malformed responses are a bad gateway',
    async run() {
      let answer = '';
      const origin = await Origin.start((r) => void r.socket.write(answer, 'latin1'));
      await serve([origin]);
      for (const text of [
        'nonsense\r\n\r\n',
        'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
        'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
        'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(300_000)}\r\n\r\n`,
      ]) {
        answer = text;
        const c = await open();
        equal(
          [
            (await c.get('/')).status,
            (await c.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n').response()).status,
          ],
          [502, 502],
          text.slice(0, 60),
        );
        c.end();
      }
      origin.stop();
    },
  },
  {
    name: 'a response cut short reaches the client as cut short',
    async run() {
      let answer = '';
      const origin = await Origin.start((r) => void r.socket.end(answer));
      await serve([origin]);
      for (const text of [
        'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
      ]) {
        answer = text;
        const c = await open();
        c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await until(() => c.closed, 'the end');
        equal(c.error, 'ECONNRESET', 'error');
      }
      answer = 'HTTP/1.1 200 OK\r\nContent-Le';
      const c = await open();
      equal(
        (await c.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n').response()).status,
        502,
        'no response begun',
      );
      c.end();
      equal(counters()[VS.TRUNCATED], 2, 'truncated');
      origin.stop();
    },
  },
  {
    name: 'a kept connection that the server has given up costs no request',
    async run() {
      // Every second request on a connection meets a closed one; by FIN, by reset, or closed while idle.
      let mode = 0;
      const origin = await Origin.start((r) => {
        if (r.nth === 1) {
          r.socket.write(OK);
          if (mode === 2) r.socket.end();
        } else if (mode === 0) r.socket.destroy();
        else r.socket.resetAndDestroy();
      });
      await serve([origin]);
      const c = await open();
      for (mode = 0; mode < 3; mode++)
        for (let i = 0; i < 100; i++) {
          const body = 'x'.repeat(i * 100);
          const r =
            i % 2 === 0
              ? await c.get(`/${i}`)
              : await c
                  .send(`POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
                  .response();
          equal(r.status, 200, `request ${i} of mode ${mode}`);
        }
      check(
        rig.mapping.serverTotals(rig.slot('pool', origin.port)).counters[SERVER.RETRIES]! >= 100,
        'no retry was needed',
      );
      // A body that comes in pieces is sent again too.
      mode = 0;
      await c.get('/');
      c.send('POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
      await until(() => origin.requests.length > 0, 'requests');
      c.send('def');
      equal((await c.response()).status, 200, 'body in pieces');
      equal(origin.requests.at(-1)!.body.toString(), 'abcdef', 'body');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'a request that may not be repeated is not, when its server dies at work',
    async run() {
      const origin = await Origin.start((r) => {
        if (r.nth > 1) setTimeout(() => r.socket.destroy(), 300);
        else r.socket.write(OK);
      });
      await serve([origin]);
      const c = await open();
      await c.get('/');
      const before = origin.requests.length;
      const r = await c.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx').response();
      equal([r.status, origin.requests.length - before], [502, 1], 'status, requests');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'a server that cannot be reached is passed over; when none can, 502',
    async run() {
      const origin = await Origin.start();
      const dead = [await freePort(), await freePort()];
      const servers = [{ port: dead[0]! }, { port: origin.port }, { port: dead[1]! }];
      await serve([origin], {}, { servers });
      const c = await open();
      for (let i = 0; i < 12; i++)
        equal(
          (await c.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc').response()).status,
          200,
          `request ${i}`,
        );
      check(
        origin.requests.every((r) => r.body.toString() === 'abc'),
        'bodies',
      );
      await serve([origin], {}, { servers: [{ port: dead[0]! }] });
      const r = await c.get('/');
      equal([r.status, r.body.toString()], [502, '502 the server refused the connection\n'], 'answer');
      equal((await c.get('/')).status, 502, 'the connection is kept');
      c.end();
      origin.stop();
    },
  },
  {
    name: '503 says why, and keeps the connection',
    async run() {
      const origin = await Origin.start();
      await serve([origin]);
      const c = await open();
      const why = async (): Promise<string> => (await c.get('/')).body.toString();
      rig.health('pool', origin.port, HEALTH.DOWN);
      equal(await why(), '503 no server of pool pool is up\n', 'down');
      rig.health('pool', origin.port, HEALTH.UP);
      equal((await c.get('/')).status, 200, 'up again');
      await serve([origin], {}, { enabled: false });
      equal(await why(), '503 pool pool is disabled\n', 'disabled pool');
      await serve([origin], {}, { servers: [{ port: origin.port, state: 'disabled' }] });
      equal(await why(), '503 all servers of pool pool are disabled\n', 'disabled servers');
      await serve([], {});
      equal(await why(), '503 pool pool has no servers\n', 'empty pool');
      await serve([origin], {}, { min_servers_up: 2 });
      equal(await why(), '503 pool pool needs 2 servers up and has 1\n', 'too few');
      await serve([origin], { pool: null });
      equal(await why(), '503 the virtual service has no pool\n', 'no pool');
      c.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc');
      equal((await c.response()).status, 503, 'with a body that is not there yet');
      await until(() => c.ended, 'the end');
      c.end();
      origin.stop();
    },
  },
  {
    name: '408, 413, 431 and 504',
    async run() {
      const origin = await Origin.start((r) => {
        if (!r.head.includes('/never')) r.socket.write(OK);
      });
      const http = {
        client_header_timeout: 300,
        client_body_timeout: 300,
        server_response_timeout: 300,
        keepalive_timeout: 300,
        max_body_size: 10,
        max_header_size: 300,
      };
      await serve([origin], { http });
      const outcome = async (text: string): Promise<unknown> => {
        const c = await open();
        const r = await c.send(text).response();
        if (r.status !== 504) await until(() => c.ended, 'the end');
        c.end();
        return [r.status, r.body.toString()];
      };
      equal(await outcome('GET / HTTP/1.1\r\nHo'), [408, '408 the request head took too long\n'], 'head');
      equal(
        await outcome('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab'),
        [408, '408 the request body took too long\n'],
        'body',
      );
      equal(
        await outcome('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n'),
        [413, '413 request body too large\n'],
        'length',
      );
      equal(
        await outcome('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n'),
        [413, '413 request body too large\n'],
        'chunks',
      );
      equal(
        await outcome(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(400)}\r\n\r\n`),
        [431, '431 request head too large\n'],
        'large head',
      );
      equal(
        await outcome(`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(70)}\r\n`),
        [431, '431 too many headers\n'],
        'many',
      );
      equal(
        await outcome('GET /never HTTP/1.1\r\nHost: a\r\n\r\n'),
        [504, '504 the server took too long to respond\n'],
        'response',
      );
      const idle = await open();
      await idle.get('/');
      await until(() => idle.ended, 'the end of an idle connection');
      equal(idle.text, '', 'bytes on an idle connection');
      idle.end();
      origin.stop();
    },
  },
  {
    name: 'a client that goes away takes its request with it',
    async run() {
      const held: Received[] = [];
      const origin = await Origin.start((r) => {
        held.push(r);
        if (r.head.includes('/stream'))
          r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc');
      });
      await serve([origin]);
      const gone = (socket: Received['socket']): Promise<void> =>
        until(() => !origin.sockets.has(socket), 'the server side to end');
      for (const path of ['/wait', '/stream']) {
        const c = await open();
        c.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await until(() => held.length > 0 && (path === '/wait' || c.text.endsWith('abc')), 'the request');
        c.reset();
        await gone(held.pop()!.socket);
      }
      const upload = await open();
      upload.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc');
      await until(() => origin.sockets.size === 1, 'the upload');
      upload.socket.end();
      await until(() => origin.sockets.size === 0, 'the end of the upload');
      upload.end();
      await quiet();
      equal(rig.mapping.activeOf(rig.slot('pool', origin.port)), 0, 'active connections');
      origin.stop();
    },
  },
  {
    name: 'a client that ends its direction still gets its response',
    async run() {
      const origin = await Origin.start((r) => void setTimeout(() => r.socket.write(OK), 200));
      await serve([origin]);
      const c = await open();
      c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      c.socket.end();
      equal((await c.response()).body.toString(), 'ok', 'body');
      await until(() => c.closed, 'the end');
      origin.stop();
    },
  },
  {
    name: 'a slow reader holds its server back, and memory stays bounded',
    async run() {
      let sent = 0;
      const piece = blob(1 << 16);
      const total = 400 * piece.length;
      const origin = await Origin.start((r) => {
        r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
        let mine = 0;
        const more = (): void => {
          while (mine < total) {
            mine += piece.length;
            sent += piece.length;
            if (!r.socket.write(piece)) {
              r.socket.once('drain', more);
              return;
            }
          }
        };
        more();
      });
      await serve([origin]);
      const clients: RawClient[] = [];
      for (let i = 0; i < 8; i++) {
        const c = await open();
        c.socket.pause();
        c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        clients.push(c);
      }
      let last = -1;
      let most = 0;
      await until(() => {
        most = Math.max(most, rig.transport.queuedBytes());
        const still = sent === last && sent > 0;
        last = sent;
        return still && rig.transport.queuedBytes() > 0;
      }, 'the servers to be held back');
      check(most <= 8 * 600_000, `${most} bytes queued for 8 clients`);
      check(sent < 8 * total, 'nothing was held back');
      for (const c of clients) c.socket.resume();
      for (const c of clients) {
        const r = await c.response(false, 30_000);
        check(r.body.length === total && r.body.subarray(0, piece.length).equals(piece), 'body');
        c.end();
      }
      equal(rig.transport.queuedBytes(), 0, 'queued bytes');
      origin.stop();
    },
  },
  {
    name: 'a slow server holds its client back',
    async run() {
      const sockets: Received['socket'][] = [];
      const origin = await Origin.start();
      origin.raw = (socket) => {
        socket.pause();
        sockets.push(socket);
      };
      await serve([origin]);
      const c = await open();
      const total = 64_000_000;
      c.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
      const piece = blob(1 << 16);
      let sent = 0;
      while (sent < total) {
        sent += piece.length;
        if (!c.socket.write(piece)) break;
      }
      const written = (): number => sent - c.socket.writableLength;
      const more = (): void => {
        while (sent < total && c.socket.write(piece)) sent += piece.length;
      };
      c.socket.on('drain', more);
      let last = -1;
      await until(() => {
        const still = written() === last && rig.transport.queuedBytes() > 0;
        last = written();
        return still;
      }, 'the client to be held back');
      check(rig.transport.queuedBytes() <= 1_200_000, `${rig.transport.queuedBytes()} bytes queued`);
      check(sent < total, 'nothing was held back');
      c.reset();
      if (rig.transport.name === 'bun') await quiet();
      origin.stop();
      for (const s of sockets) s.destroy();
      await quiet();
    },
  },
  {
    name: 'a client that sends ahead and never reads is not served ahead without end',
    async run() {
      const body = blob(100_000);
      const origin = await Origin.start((r) => {
        r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
        r.socket.write(body);
      });
      await serve([origin]);
      const c = await open();
      c.forget = true;
      c.socket.pause();
      c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2000));
      let last = -1;
      await until(() => {
        const still = origin.requests.length === last && rig.transport.queuedBytes() > 0;
        last = origin.requests.length;
        return still;
      }, 'the engine to wait for the reader');
      check(origin.requests.length < 500, `${origin.requests.length} requests were served`);
      check(rig.transport.queuedBytes() <= 400_000, `${rig.transport.queuedBytes()} bytes queued`);
      c.socket.resume();
      await until(() => c.bytes > 2000 * body.length, 'all answers', 30_000);
      c.end();
      origin.stop();
    },
  },
  {
    name: 'round robin and least connections share requests, also by ratio',
    async run() {
      const origins = [await Origin.start(), await Origin.start(), await Origin.start()];
      for (const algorithm of ['round_robin', 'least_connections'] as const) {
        const servers = origins.map((o, i) => ({ port: o.port, ratio: i === 0 ? 2 : 1 }));
        await serve(origins, {}, { algorithm, servers });
        for (const o of origins) o.requests.length = 0;
        const c = await open();
        for (let i = 0; i < 40; i++) await c.get('/');
        c.end();
        const shares = origins.map((o) => o.requests.length);
        if (algorithm === 'round_robin') equal(shares, [20, 10, 10], 'shares');
      }
      // Held requests count: the next ones go where the fewest are.
      await serve(origins, {}, { algorithm: 'least_connections' });
      for (const o of origins) {
        o.requests.length = 0;
        o.answer = () => {};
      }
      const clients: RawClient[] = [];
      for (let i = 0; i < 9; i++) {
        const c = await open();
        c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        clients.push(c);
        await until(() => origins.reduce((n, o) => n + o.requests.length, 0) === i + 1, 'the request');
      }
      equal(
        origins.map((o) => o.requests.length),
        [3, 3, 3],
        'held requests',
      );
      for (const c of clients) c.reset();
      await quiet();
      for (const o of origins) o.stop();
    },
  },
  {
    name: 'counters tell what happened',
    async run() {
      const origin = await Origin.start((r) =>
        r.socket.write(r.head.includes('/404') ? 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' : OK),
      );
      await serve([origin]);
      await quiet();
      const before = counters();
      const c = await open();
      await c.get('/a');
      await c.get('/404');
      c.send('GET / HTTP/1.1\r\n\r\n');
      await c.response();
      await until(() => c.ended, 'the end');
      c.end();
      await quiet();
      const grown = counters().map((n, i) => n - before[i]!);
      const names = [VS.REQUESTS, VS.RESPONSES_2XX, VS.RESPONSES_4XX, VS.RESPONSES_OWN, VS.CONNECTIONS];
      equal(
        names.map((i) => grown[i]),
        [3, 1, 2, 1, 1],
        'requests, 2xx, 4xx, own, connections',
      );
      check(grown[VS.BYTES_IN]! > 80 && grown[VS.BYTES_OUT]! > 100, 'bytes');
      const server = rig.mapping.serverTotals(rig.slot('pool', origin.port)).counters;
      equal(
        [server[SERVER.REQUESTS], server[SERVER.RESPONSES_4XX], server[SERVER.FAILURES]],
        [2, 1, 0],
        'server',
      );
      origin.stop();
    },
  },
];

await runCases(cases);
