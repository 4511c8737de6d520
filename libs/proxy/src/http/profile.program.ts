import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();

type Http = NonNullable<ServiceSpec['http']>;

async function serve(origins: Origin[], http: Http = {}, pool: Partial<PoolSpec> = {}): Promise<void> {
  await rig.apply([{ ports: [port], http }], {
    pool: { ...pool, servers: origins.map((o) => ({ port: o.port })) },
  });
}

/** An origin that answers every request with this head and body. */
const answering = (head: string, body = 'ok'): Promise<Origin> =>
  Origin.start(
    (r) => void r.socket.write(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
  );

/** Runs a case with an origin and a client that are gone afterwards. */
async function exchange(
  http: Http,
  run: (c: RawClient, origin: Origin) => Promise<void>,
  origin: Promise<Origin> = Origin.start(),
  pool: Partial<PoolSpec> = {},
): Promise<void> {
  const server = await origin;
  await serve([server], http, pool);
  const c = await RawClient.open(port);
  try {
    await run(c, server);
  } finally {
    c.end();
    server.stop();
  }
}

const forwarded = (origin: Origin, nth = 0): string =>
  origin.requests[nth]!.head.replace(/^[^\r]*\r\n|Host: test\r\n|\r\n$/g, '');

const XFF = 'X-Forwarded-For: 9.9.9.9\r\nA: b\r\nx-forwarded-for: 8.8.8.8\r\n';

const forwarding: Case[] = [
  {
    name: 'X-Forwarded-For: replaced unless the profile says otherwise',
    run: () =>
      exchange({}, async (c, origin) => {
        await c.get('/', XFF);
        equal(forwarded(origin), 'X-Forwarded-For: 127.0.0.1\r\nA: b\r\n', 'head');
      }),
  },
  {
    name: 'X-Forwarded-For: appended to, added beside, left alone',
    run: () =>
      exchange({ xff_update: 'append' }, async (c, origin) => {
        await c.get('/', `${XFF}TE: x\r\n`);
        await serve([origin], { xff_update: 'add' });
        await c.get('/', XFF);
        await serve([origin], { xff_enabled: false });
        await c.get('/', XFF);
        equal(
          [0, 1, 2].map((n) => forwarded(origin, n)),
          [
            'X-Forwarded-For: 9.9.9.9\r\nA: b\r\nx-forwarded-for: 8.8.8.8, 127.0.0.1\r\n',
            `X-Forwarded-For: 127.0.0.1\r\n${XFF}`,
            XFF,
          ],
          'heads',
        );
      }),
  },
  {
    name: 'X-Forwarded-For under another name, with every update',
    run: () =>
      exchange({ xff_header: 'X-Client' }, async (c, origin) => {
        await c.get('/', 'x-client: 9.9.9.9\r\nX-Forwarded-For: 7.7.7.7\r\n');
        await serve([origin], { xff_header: 'X-Client', xff_update: 'append' });
        await c.get('/', 'x-client: 9.9.9.9\r\n');
        await c.get('/');
        await serve([origin], { xff_header: 'X-Client', xff_update: 'add' });
        await c.get('/', 'x-client: 9.9.9.9\r\n');
        await serve([origin], {});
        await c.get('/');
        equal(
          [0, 1, 2, 3, 4].map((n) => forwarded(origin, n)),
          [
            'X-Client: 127.0.0.1\r\nX-Forwarded-For: 7.7.7.7\r\n',
            'x-client: 9.9.9.9, 127.0.0.1\r\n',
            'X-Client: 127.0.0.1\r\n',
            'X-Client: 127.0.0.1\r\nx-client: 9.9.9.9\r\n',
            'X-Forwarded-For: 127.0.0.1\r\n',
          ],
          'heads',
        );
      }),
  },
  {
    name: 'X-Accel headers stay here unless the profile lets them pass',
    run: () =>
      exchange(
        {},
        async (c, origin) => {
          equal(
            (await c.get('/')).head,
            'HTTP/1.1 200 OK\r\nX-Other: 1\r\nContent-Length: 2\r\n\r\n',
            'without',
          );
          await serve([origin], { pass_x_accel: true });
          check((await c.get('/')).head.includes('X-Accel-Redirect: /secret'), 'with');
        },
        answering('200 OK\r\nX-Accel-Redirect: /secret\r\nX-Other: 1\r\nx-accel-buffering: no'),
      ),
  },
];

const continues: Case[] = [
  {
    name: 'Expect: 100-continue is answered here: no Expect goes on, and the connection stays',
    run: () =>
      exchange({ respond_with_100_continue: true }, async (c, origin) => {
        for (let n = 0; n < 2; n++) {
          c.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
          equal((await c.response()).head, 'HTTP/1.1 100 Continue\r\n\r\n', 'interim');
          c.send('hello');
          equal((await c.response()).status, 200, 'final');
          check(!/expect/i.test(origin.requests[n]!.head), 'Expect must not go on');
          equal(origin.requests[n]!.body.toString(), 'hello', 'body');
        }
      }),
  },
  {
    name: 'Expect: no 100 when the body is there, and none when there is no server',
    run: () =>
      exchange({ respond_with_100_continue: true }, async (c, origin) => {
        c.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi');
        equal((await c.response()).status, 200, 'whole request');
        c.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nhi');
        await until(() => origin.connections > 0, 'the request to be under way');
        c.send('ho');
        equal((await c.response()).status, 200, 'part of the body in front');
        await serve([], { respond_with_100_continue: true });
        c.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
        equal((await c.response()).status, 503, 'no server');
      }),
  },
];

const limits: Case[] = [
  {
    name: 'one header line has its own limit',
    run: () =>
      exchange({ max_field_size: 300, max_header_size: 4096 }, async (c) => {
        equal((await c.get('/', `A: ${'a'.repeat(250)}\r\nB: ${'b'.repeat(250)}\r\n`)).status, 200, 'many');
        const r = await c.get('/', `A: ${'a'.repeat(298)}\r\n`);
        equal([r.status, r.body.toString()], [431, '431 a request header is too large\n'], 'long');
        equal((await c.get('/')).status, 200, 'the connection goes on');
      }),
  },
  {
    name: 'heads of responses have limits',
    run: () =>
      exchange(
        { max_response_header_size: 1000 },
        async (c, origin) => {
          equal((await c.get('/')).status, 502, 'too large');
          await serve([origin], { max_response_header_size: 2000 });
          equal((await c.get('/')).status, 200, 'large');
          await serve([origin], { max_response_header_count: 2 });
          equal((await c.get('/')).status, 502, 'too many');
          await serve([origin], { max_response_header_count: 3 });
          equal((await c.get('/')).status, 200, 'three');
        },
        answering(`200 OK\r\nA: ${'a'.repeat(1200)}\r\nB: b`),
      ),
  },
  {
    name: 'a connection has a number of requests',
    run: () =>
      exchange({ max_keepalive_requests: 3 }, async (c, origin) => {
        check(!(await c.get('/')).head.includes('close'), 'first');
        check(!(await c.get('/')).head.includes('close'), 'second');
        check((await c.get('/')).head.includes('Connection: close'), 'third');
        await until(() => c.ended, 'the end');
        equal(origin.connections, 1, 'connections to the server');
      }),
  },
  {
    name: 'the time to the first byte is not that of a head',
    run: () =>
      exchange({ post_accept_timeout: 200, client_header_timeout: 60_000 }, async (c) => {
        await until(() => c.ended, 'the end of the silent connection');
        equal(c.text, '', 'nothing was asked');
        await serve([], { post_accept_timeout: 60_000, client_header_timeout: 200 });
        const slow = await RawClient.open(port);
        slow.send('GET / HT');
        equal((await slow.response()).status, 408, 'a head that takes too long');
        slow.end();
      }),
  },
];

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

const connections: Case[] = [
  {
    name: 'Keep-Alive tells the time of the profile, or the one of the server',
    run: () =>
      exchange(
        { keepalive_header: 'own', keepalive_timeout: 25_000 },
        async (c, origin) => {
          check((await c.get('/')).head.includes('\r\nKeep-Alive: timeout=25\r\n'), 'own');
          await serve([origin], { keepalive_header: 'server', keepalive_timeout: 25_000 });
          check((await c.get('/')).head.includes('\r\nKeep-Alive: timeout=1\r\n'), "the server's");
          await until(() => c.ended, 'the end after that time');
          await serve([origin], { keepalive_header: 'own', max_keepalive_requests: 1 });
          const last = await RawClient.open(port);
          check(!(await last.get('/')).head.includes('Keep-Alive'), 'not with close');
          last.end();
        },
        answering('200 OK\r\nKeep-Alive: max=7, timeout=1'),
      ),
  },
  {
    name: 'no upgrade when the profile does without',
    run: () =>
      exchange({ websockets_enabled: false }, async (c, origin) => {
        equal((await c.get('/', UPGRADE)).status, 200, 'status');
        check(!/upgrade/i.test(origin.requests[0]!.head), 'Upgrade must not go on');
      }),
  },
  {
    name: 'without multiplexing each client has a server connection of its own, kept and ended with it',
    run: () =>
      exchange({ connection_multiplexing: false }, async (c, origin) => {
        const other = await RawClient.open(port);
        for (let n = 0; n < 3; n++) {
          await c.get('/');
          await other.get('/');
        }
        equal(origin.connections, 2, 'connections');
        const [mine, others] = [origin.requests[0]!.socket, origin.requests[1]!.socket];
        check(
          origin.requests.every((r, n) => r.socket === (n % 2 === 0 ? mine : others)),
          'each stays on its own',
        );
        other.end();
        await until(() => origin.sockets.size === 1, 'the end of the other');
        await serve([origin], {});
        await c.get('/');
        equal(origin.connections, 3, 'a connection of its own is not shared later');
      }),
  },
  {
    name: 'without multiplexing the close of a server closes the client, if the profile forwards it',
    run: () =>
      exchange(
        { connection_multiplexing: false, forward_close: true },
        async (c, origin) => {
          check((await c.get('/')).head.includes('Connection: close'), 'forwarded');
          await until(() => c.ended, 'the end');
          await serve([origin], { connection_multiplexing: false });
          const kept = await RawClient.open(port);
          check(!(await kept.get('/')).head.includes('Connection: close'), 'not forwarded');
          await kept.get('/');
          kept.end();
        },
        Origin.start((r) => {
          r.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
        }),
      ),
  },
  {
    name: 'a bound connection that the server closes, or whose server goes, is replaced',
    run: () =>
      exchange({ connection_multiplexing: false }, async (c, origin) => {
        await c.get('/');
        origin.requests[0]!.socket.destroy();
        await until(() => origin.sockets.size === 0, 'the loss');
        equal((await c.get('/')).status, 200, 'a new one');
        const second = await Origin.start();
        await serve([second], { connection_multiplexing: false });
        equal((await c.get('/')).status, 200, 'another server');
        equal(second.requests.length, 1, 'requests there');
        await until(() => origin.sockets.size === 0, 'the old one let go');
        second.stop();
      }),
  },
  {
    name: 'a server that asks for NTLM gets a connection for that client alone',
    run: () => {
      let asked = false;
      return exchange(
        { detect_ntlm: true },
        async (c, origin) => {
          const other = await RawClient.open(port);
          await other.get('/');
          asked = true;
          equal((await c.get('/')).status, 401, 'asked');
          const { socket } = origin.requests[1]!;
          asked = false;
          await other.get('/');
          await c.get('/', 'Authorization: NTLM x\r\n');
          await other.get('/');
          check(origin.requests[3]!.socket === socket, 'the same connection');
          check(
            [2, 4].every((n) => origin.requests[n]!.socket !== socket),
            'nobody else on it',
          );
          other.end();
        },
        Origin.start(
          (r) =>
            void r.socket.write(
              asked
                ? 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n'
                : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
            ),
        ),
      );
    },
  },
  {
    name: 'a connection to a server has a number of requests and a life',
    run: () =>
      exchange(
        {},
        async (c, origin) => {
          for (let n = 0; n < 6; n++) await c.get('/');
          equal(origin.connections, 2, 'three requests each');
          await serve([origin], {}, { connection_life_time: 100 });
          await c.get('/');
          const before = origin.connections;
          const start = performance.now();
          await until(() => performance.now() - start > 350, 'the life to pass');
          await c.get('/');
          await c.get('/');
          check(origin.connections > before, 'a new connection');
        },
        Origin.start(),
        { connection_max_reuse: 2 },
      ),
  },
  {
    name: 'a connection on which a server failed is not kept, if the profile says so',
    run: () =>
      exchange(
        { close_server_connection_on_error: true },
        async (c, origin) => {
          for (let n = 0; n < 3; n++) equal((await c.get('/')).status, 404, 'status');
          equal(origin.connections, 3, 'connections');
          await serve([origin], {});
          for (let n = 0; n < 3; n++) await c.get('/');
          equal(origin.connections, 4, 'connections');
        },
        answering('404 Not Found'),
      ),
  },
];

const ids = (o: Origin): string[] => o.requests.map((r) => /X-Request-ID: (\w+)/.exec(r.head)?.[1] ?? '');

const own: Case[] = [
  {
    name: 'http goes to https, with its body left behind',
    run: () =>
      exchange({ https_redirect: { port: 443 } }, async (c, origin) => {
        const r = await c.get('/a?b');
        equal(
          r.head,
          'HTTP/1.1 302 Found\r\nLocation: https://test/a?b\r\nContent-Length: 0\r\n\r\n',
          'head',
        );
        c.send('POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nabc');
        check((await c.response()).head.includes('Connection: close'), 'a body that is not wanted');
        await until(() => c.ended, 'the end');
        equal(origin.requests.length, 0, 'requests to the server');
      }),
  },
  {
    name: 'error pages for what the engine says itself, not for what servers say',
    run: () => {
      const error_pages: Http['error_pages'] = [
        {
          statuses: [{ from: 400, to: 599 }],
          negate: false,
          answer: { type: 'page', content_type: 'text/html', body: '<p>{{status}} {{request_id}}</p>' },
        },
      ];
      return exchange(
        { error_pages, request_id: { header: 'X-Request-ID', keep: true } },
        async (c, origin) => {
          equal((await c.get('/')).body.toString(), 'ok', "the server's own");
          await serve([], { error_pages, request_id: { header: 'X-Request-ID', keep: true } });
          const r = await c.get('/', 'X-Request-ID: mine\r\n');
          equal([r.status, r.body.toString()], [503, '<p>503 mine</p>'], 'page');
          check(r.head.includes('\r\nX-Request-ID: mine\r\n'), 'the id in the head');
          const head = await c
            .send('HEAD / HTTP/1.1\r\nHost: test\r\nX-Request-ID: mine\r\n\r\n')
            .response(true);
          check(head.head.includes('Content-Length: 15\r\n'), 'HEAD tells the length of the page');
          c.send('GET / HTTP/9.9\r\n\r\n');
          equal((await c.response()).body.toString().slice(0, 7), '<p>505 ', 'what was no request');
          equal(origin.requests.length, 1, 'requests to the server');
        },
        answering('404 Not Found'),
      );
    },
  },
  {
    name: 'each try of a request has the id that it began with',
    run: async () => {
      const dead = await Origin.start((r) => void r.socket.destroy());
      await exchange({ request_id: { header: 'X-Request-ID', keep: false } }, async (c, origin) => {
        await serve([dead, origin], { request_id: { header: 'X-Request-ID', keep: false } });
        for (let n = 0; n < 4; n++) equal((await c.get('/')).status, 200, 'status');
        check(dead.requests.length > 0, 'some went to the dead one first');
        check(
          ids(dead).every((id) => id.length === 32 && ids(origin).includes(id)),
          'the same id',
        );
        equal(new Set(ids(origin)).size, 4, 'different requests');
      }).finally(() => dead.stop());
    },
  },
];

await runCases([...forwarding, ...continues, ...limits, ...connections, ...own]);
