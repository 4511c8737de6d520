import { randomBytes } from 'node:crypto';
import { connect as connectTls, type SecureVersion } from 'node:tls';
import { CookieCodec, CookieKey, poolTag, type CookiePart } from '@spillway/persistence';
import type { PersistenceBy, PersistenceProfile } from '@spillway/snapshot';
import { HEALTH } from '@spillway/telemetry';
import { certificate } from '@spillway/testing/certificates';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { DatagramClient, DatagramOrigin } from '../suite/datagrams.js';
import { Http2Raw } from '../suite/http2-client.js';
import { Origin, type Received } from '../suite/origin.js';
import { freePort, freeUdpPort } from '../suite/ports.js';
import { RawClient, type RawResponse } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';
import { sClient } from '../suite/s-client.js';
import { TLS } from '../suite/tls.js';
import { transportHere } from '../suite/transport.js';

// Two workers of one SE, each with its own port, and a worker of another SE.
const rig = await Rig.make();
const worker = new Rig(await transportHere(), rig.mapping, {}, 1);
const elsewhere = await Rig.make();
const [port, workerPort, elsewherePort, otherPort] = [
  await freePort(),
  await freePort(),
  await freePort(),
  await freePort(),
];
const ports = new Map([
  [rig, port],
  [worker, workerPort],
  [elsewhere, elsewherePort],
]);
const origins = await Promise.all(Array.from({ length: 4 }, async () => Origin.start()));
const answering = (answer: (r: Received, name: number) => string): void =>
  origins.forEach((o, i) => (o.answer = (r) => void r.socket.write(answer(r, i))));
const ok = (extra = ''): string => `HTTP/1.1 200 OK\r\n${extra}Content-Length: 2\r\n\r\nok`;

const KEY = { name: 'one', aes_key: 'a'.repeat(44), hmac_key: 'h' };
const COOKIE: Extract<PersistenceBy, { type: 'http_cookie' }> = {
  type: 'http_cookie',
  cookie_name: 'PERSIST',
  keys: [KEY],
  http_only: false,
  persistent: false,
  always_send: false,
};
const profile = (
  by: PersistenceBy,
  when_down: PersistenceProfile['when_down'] = 'pick_new',
): PersistenceProfile => ({ uuid: 'profile', name: 'profile', when_down, by });

interface Wanted {
  service?: Partial<ServiceSpec>;
  pool?: Partial<PoolSpec>;
  when_down?: PersistenceProfile['when_down'];
  without?: number;
}

async function serve(
  by: PersistenceBy,
  w: Wanted = {},
  rigs: Rig[] = [rig, worker, elsewhere],
): Promise<void> {
  answering(() => ok());
  for (const r of rigs) {
    const servers = origins.filter((_, i) => i !== w.without).map((o) => ({ port: o.port }));
    const pool = { servers, persistence_profile_uuid: 'profile', ...w.pool };
    const services = [{ ports: [ports.get(r)!], http: { xff_enabled: false }, ...w.service }];
    await r.apply(services, { pool }, { persistence_profiles: [profile(by, w.when_down)] });
  }
}

interface Answer {
  /** Number of the origin. */
  by: number;
  status: number;
  /** Value of our cookie in the response, or null. */
  cookie: string | null;
  setCookie: string | null;
  /** What the server got. */
  request: string;
}

function told(response: RawResponse, before: readonly number[]): Answer {
  const by = origins.findIndex((o, i) => o.requests.length > before[i]!);
  const setCookie = /\r\nset-cookie: (PERSIST=[^\r]*)/i.exec(response.head)?.[1] ?? null;
  return {
    by,
    status: response.status,
    setCookie,
    cookie: setCookie === null ? null : /^PERSIST=([^;]*)/.exec(setCookie)![1]!,
    request: by < 0 ? '' : origins[by]!.requests.at(-1)!.head,
  };
}

/** One request on a connection of its own. */
async function ask(headers = '', to = port, path = '/', from?: string): Promise<Answer> {
  const before = origins.map((o) => o.requests.length);
  const client = await RawClient.open(to, '127.0.0.1', from);
  const answer = told(await client.get(path, headers), before);
  client.end();
  return answer;
}

const cookie = (value: string | null): string => `Cookie: PERSIST=${value}\r\n`;
const repeat = async <T>(n: number, f: (i: number) => Promise<T>): Promise<T[]> => {
  const all: T[] = [];
  for (let i = 0; i < n; i++) all.push(await f(i));
  return all;
};
const alone = (found: readonly { by: number }[]): number => {
  const all = new Set(found.map((a) => a.by));
  equal(all.size, 1, `servers of ${[...all].join()}`);
  return found[0]!.by;
};
const sealed = (parts: CookiePart[], key = KEY, scope = 'profile'): string =>
  new CookieCodec([new CookieKey(key, scope)]).seal(parts, randomBytes(12));
const naming = (server: number, age = 0): CookiePart => ({
  pool: poolTag('pool'),
  issued: Math.floor(Date.now() / 1000) - age,
  server: `127.0.0.1:${origins[server]!.port}`,
});

const httpCookie: Case[] = [
  {
    name: 'cookie: leads back to its server, on every worker and SE, and is sent once',
    async run() {
      await serve(COOKIE);
      const first = await ask();
      check(first.cookie !== null, 'no cookie');
      equal(first.setCookie, `PERSIST=${first.cookie}; Path=/`, 'attributes');
      for (const to of ports.values()) {
        const again = await repeat(8, async () => ask(cookie(first.cookie), to));
        equal(alone(again), first.by, 'server');
        equal(
          new Set(again.map((a) => a.setCookie)).size === 1 && again[0]!.setCookie,
          null,
          'another cookie',
        );
      }
      const spread = await repeat(8, async () => ask());
      equal(new Set(spread.map((a) => a.by)).size, 4, 'servers of new clients');
    },
  },
  {
    name: 'cookie: stays on one connection and does not reach the server; others do, byte for byte',
    async run() {
      await serve(COOKIE);
      const { cookie: value, by } = await ask();
      const client = await RawClient.open(port);
      for (const [sent, got] of [
        [`PERSIST=${value}`, null],
        [`a=1; PERSIST=${value}; b="2"`, 'a=1; b="2"'],
        [`PERSIST=${value}; a=1`, 'a=1'],
        [`a=1;  b=2;PERSIST=${value}`, 'a=1;  b=2'],
        [`persist=x; PERSISTS=y`, 'persist=x; PERSISTS=y'],
      ] as const) {
        const before = origins.map((o) => o.requests.length);
        const answer = told(await client.get('/', `Cookie: ${sent}\r\n`), before);
        if (sent.includes(String(value))) equal(answer.by, by, `server of ${sent}`);
        equal(
          /\r\ncookie: ([^\r]*)/i.exec(answer.request)?.[1] ?? null,
          got,
          `of ${sent} reaches the server`,
        );
      }
      client.end();
      const two = await ask(`Cookie: a=1\r\n${cookie(value)}Cookie: b=2\r\n`);
      equal([two.by, two.cookie], [by, null], 'several fields');
      equal(two.request.match(/^cookie: .*$/gim), ['Cookie: a=1', 'Cookie: b=2'], 'fields that are left');
    },
  },
  {
    name: 'cookie: is taken in the crumbs of HTTP/2',
    async run() {
      await serve(COOKIE, { service: { http2: true } });
      const { cookie: value, by } = await ask();
      const before = origins.map((o) => o.requests.length);
      const client = await Http2Raw.open(port);
      const seen = await client.get(
        '/',
        ['cookie', 'a=1'],
        ['cookie', `PERSIST=${value}`],
        ['cookie', 'b=2'],
      );
      equal(seen.status, 200, 'status');
      equal(
        seen.blocks[0]!.find(([n]) => n === 'set-cookie'),
        undefined,
        'another cookie',
      );
      const to = origins.findIndex((o, i) => o.requests.length > before[i]!);
      equal(to, by, 'server');
      equal(
        /\r\ncookie: ([^\r]*)/i.exec(origins[to]!.requests.at(-1)!.head)?.[1],
        'a=1; b=2',
        'what is left',
      );
      client.end();
    },
  },
  {
    name: 'cookie: forged, foreign, cut and oversized ones are replaced, and reach no server',
    async run() {
      await serve(COOKIE);
      const good = (await ask()).cookie!;
      const flipped = `${good.slice(0, 30)}${good[30] === 'A' ? 'B' : 'A'}${good.slice(31)}`;
      for (const bad of [
        'x',
        '',
        flipped,
        good.slice(0, -4),
        `${good}AAAA`,
        'A'.repeat(8000),
        sealed([naming(0)], { ...KEY, aes_key: 'b'.repeat(44) }),
        sealed([naming(0)], KEY, 'another profile'),
        sealed([{ ...naming(0), server: '127.0.0.1:1' }]),
      ]) {
        const answers = await repeat(4, async () => ask(cookie(bad)));
        equal(new Set(answers.map((a) => a.by)).size, 4, `servers of ${bad.slice(0, 20)}`);
        check(
          answers.every((a) => a.cookie !== null && a.cookie !== bad && !a.request.includes('PERSIST')),
          `${bad.slice(0, 20)} is not replaced`,
        );
      }
      const both = await ask(`Cookie: PERSIST=x; PERSIST=${good}\r\n`);
      equal(both.cookie, null, 'a good one behind a bad one');
    },
  },
  {
    name: 'cookie: counts for its time only, and is renewed by each response where that is asked',
    async run() {
      await serve({ ...COOKIE, timeout: 600, persistent: true, http_only: true });
      const old = await repeat(4, async () => ask(cookie(sealed([naming(1, 601)]))));
      check(
        old.every((a) => a.cookie !== null) && new Set(old.map((a) => a.by)).size === 4,
        'a stale cookie',
      );
      equal((await ask(cookie(sealed([naming(1, 590)])))).by, 1, 'an older cookie');
      check(
        /; Max-Age=600; Expires=\w+, .* GMT; HttpOnly$/.test(old[0]!.setCookie!),
        String(old[0]!.setCookie),
      );
      await serve({ ...COOKIE, timeout: 600, always_send: true });
      const again = await repeat(4, async () => ask(cookie(sealed([naming(1, 590)]))));
      equal(alone(again), 1, 'server');
      check(
        again.every((a) => a.cookie !== null),
        'not renewed',
      );
      await serve(COOKIE);
      equal((await ask(cookie(sealed([naming(1, 1e8)])))).by, 1, 'without a time-out');
    },
  },
  {
    name: 'cookie: is written with the first key and read with all',
    async run() {
      const next = { name: 'two', aes_key: 'n'.repeat(44) };
      await serve({ ...COOKIE, keys: [next, KEY] });
      const old = await ask(cookie(sealed([naming(2)])));
      equal([old.by, old.cookie], [2, null], 'a cookie of the key before');
      const fresh = await ask();
      await serve({ ...COOKIE, keys: [next] });
      equal((await ask(cookie(fresh.cookie))).cookie, null, 'a cookie of the new key');
      check((await ask(cookie(sealed([naming(2)])))).cookie !== null, 'a cookie of a key that is gone');
    },
  },
  {
    name: 'cookie: of a server that has left leads to another one, with a new cookie',
    async run() {
      await serve(COOKIE);
      const { cookie: value } = await ask(cookie(sealed([naming(3)])));
      equal(value, null, 'cookie');
      await serve(COOKIE, { without: 3 });
      const moved = await ask(cookie(sealed([naming(3)])));
      check(moved.by !== 3 && moved.cookie !== null, 'not moved');
      equal((await ask(cookie(moved.cookie))).by, moved.by, 'the new cookie');
    },
  },
  {
    name: 'cookie: of several pools is one',
    async run() {
      const two = async (): Promise<void> =>
        rig.apply(
          [{ ports: [port] }, { uuid: 'other', ports: [otherPort], pool: 'second' }],
          {
            pool: {
              servers: origins.slice(0, 2).map((o) => ({ port: o.port })),
              persistence_profile_uuid: 'profile',
            },
            second: {
              servers: origins.slice(2).map((o) => ({ port: o.port })),
              persistence_profile_uuid: 'profile',
            },
          },
          { persistence_profiles: [profile(COOKIE)] },
        );
      await two();
      const first = await ask();
      const second = await ask(cookie(first.cookie), otherPort);
      check(second.by >= 2 && second.cookie !== null, 'the second pool');
      for (let i = 0; i < 4; i++) {
        const back = await ask(cookie(second.cookie));
        equal([back.by, back.cookie], [first.by, null], 'the first pool again');
        const there = await ask(cookie(second.cookie), otherPort);
        equal([there.by, there.cookie], [second.by, null], 'the second pool again');
      }
    },
  },
  {
    name: 'cookie: goes over TLS only where the client came by TLS',
    async run() {
      const own = await certificate({ cn: 'a.example' });
      for (const r of [rig]) r.secrets = { certificates: [own] };
      await serve(
        COOKIE,
        { service: { tls: { profile: TLS, certificate_uuids: [own.uuid], protocols: [] } } },
        [rig],
      );
      const seen = await sClient(port, [], 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
      rig.secrets = {};
      check(
        /set-cookie: PERSIST=[\w-]+; Path=\/; Secure\r\n/i.test(seen.response),
        seen.response.slice(0, 300),
      );
    },
  },
];

const down: Case[] = (['http_cookie', 'client_ip'] as const).map((type) => ({
  name: `${type}: a server that is down is replaced, refused or kept, as the profile says`,
  async run() {
    const by: PersistenceBy = type === 'http_cookie' ? COOKIE : { type, timeout: 300 };
    const from = `127.0.1.${type.length}`;
    for (const when_down of ['abort', 'continue', 'pick_new'] as const) {
      await serve(by, { when_down });
      const first = await ask('', port, '/', from);
      const headers = type === 'http_cookie' ? cookie(first.cookie) : '';
      const server = origins[first.by]!.port;
      rig.health('pool', server, HEALTH.DOWN);
      const meanwhile = await repeat(3, async () => ask(headers, port, '/', from));
      rig.health('pool', server, HEALTH.UP);
      if (when_down === 'abort')
        equal(
          meanwhile.map((a) => [a.status, a.by]),
          meanwhile.map(() => [503, -1]),
          'refused',
        );
      else if (when_down === 'continue') equal(alone(meanwhile), first.by, 'kept');
      else
        check(
          meanwhile.every((a) => a.by !== first.by),
          'replaced',
        );
      const after = await ask(headers, port, '/', from);
      if (when_down === 'pick_new' && type === 'client_ip')
        equal(after.by, alone(meanwhile), 'the new one is kept');
      else equal(after.by, first.by, `server afterwards, ${when_down}`);
    }
  },
}));

const clientIp: Case[] = [
  {
    name: 'client address: one client, one server, over both workers and every connection',
    async run() {
      await serve({ type: 'client_ip', timeout: 300 });
      const seen = await repeat(24, async (i) => ask('', port, '/', `127.0.2.${i + 1}`));
      check(new Set(seen.map((a) => a.by)).size === 4, 'clients are not spread');
      for (const to of [workerPort, port])
        for (const [i, first] of seen.entries())
          equal((await ask('', to, '/', `127.0.2.${i + 1}`)).by, first.by, `server of client ${i}`);
      check(
        seen.every((a) => a.setCookie === null),
        'a cookie',
      );
    },
  },
  {
    name: 'client address: its leading bits, down to none',
    async run() {
      await serve({ type: 'client_ip', timeout: 300, mask: 24 });
      for (const net of ['127.0.3', '127.0.4'])
        alone(await repeat(8, async (i) => ask('', i % 2 === 0 ? port : workerPort, '/', `${net}.${i + 1}`)));
      const nets = await repeat(12, async (i) => ask('', port, '/', `127.1.${i}.1`));
      check(new Set(nets.map((a) => a.by)).size > 1, 'networks are not spread');
      await serve({ type: 'client_ip', timeout: 300, mask: 0 });
      alone(await repeat(8, async (i) => ask('', port, '/', `127.2.${i}.1`)));
    },
  },
  {
    name: 'client address: is what the profile believes it to be',
    async run() {
      await serve(
        { type: 'client_ip', timeout: 300 },
        {
          service: {
            http: {
              xff_enabled: false,
              true_client_ip: { header: 'X-Real', from: 'left', index: 1 },
            },
          },
        },
      );
      const by = async (i: number): Promise<number> =>
        alone(await repeat(4, async () => ask(`X-Real: 203.0.113.${i}\r\n`)));
      check(new Set(await repeat(8, by)).size > 1, 'clients behind one proxy are not told apart');
    },
  },
  {
    name: 'client address: of TCP connections, also while they are long',
    async run() {
      const service = { tcpIdle: 60_000 };
      await serve({ type: 'client_ip', timeout: 300 }, { service });
      const long = await RawClient.open(port, '127.0.0.1', '127.0.5.1');
      const before = origins.map((o) => o.requests.length);
      const { by } = told(await long.get('/'), before);
      const again = await repeat(6, async (i) => ask('', i % 2 === 0 ? port : workerPort, '/', '127.0.5.1'));
      equal(alone(again), by, 'server');
      await serve({ type: 'client_ip', timeout: 300 }, { service, when_down: 'abort' });
      rig.health('pool', origins[by]!.port, HEALTH.DOWN);
      const refused = await RawClient.open(port, '127.0.0.1', '127.0.5.1').then(
        async (c) =>
          c.get('/').then(
            (r) => r.status,
            () => 'reset',
          ),
        () => 'reset',
      );
      rig.health('pool', origins[by]!.port, HEALTH.UP);
      equal(refused, 'reset', 'a connection whose server is down');
      long.end();
    },
  },
  {
    name: 'client address: of datagrams',
    async run() {
      const names = ['a', 'b', 'c', 'd'];
      const servers = await Promise.all(names.map(async (name) => DatagramOrigin.start(name)));
      const udp = await freeUdpPort();
      await rig.apply(
        [{ ports: [udp], application: { type: 'udp', udp: { idle_timeout: 60_000, per_datagram: false } } }],
        { pool: { persistence_profile_uuid: 'profile', servers: servers.map((o) => ({ port: o.port })) } },
        { persistence_profiles: [profile({ type: 'client_ip', timeout: 300 })] },
      );
      const clients = await Promise.all(Array.from({ length: 8 }, async () => DatagramClient.open()));
      const found = await Promise.all(clients.map(async (c, i) => c.ask(udp, `c${i}`)));
      equal(new Set(found).size, 1, 'servers of one address');
      for (const o of servers) o.stop();
    },
  },
];

const draining: Case = {
  name: 'a server that drains is kept by those who know it, where the pool says so',
  async run() {
    await serve(COOKIE);
    const { by, cookie: value } = await ask();
    const servers = origins.map((o, i) => ({
      port: o.port,
      ...(i === by ? { state: 'draining' as const } : {}),
    }));
    await serve(COOKIE, { pool: { servers, drain_keeps_persistence: true } });
    equal((await ask(cookie(value))).by, by, 'while it drains');
    const fresh = await repeat(8, async () => ask());
    check(
      fresh.every((a) => a.by !== by),
      'new clients',
    );
    await serve(COOKIE, { pool: { servers } });
    const moved = await ask(cookie(value));
    check(moved.by !== by && moved.cookie !== null, 'where the pool does not keep it');
  },
};

/** One request over TLS; the session that the client may resume next. */
async function askTls(
  to: number,
  version: SecureVersion,
  session?: Buffer,
): Promise<{ by: number; session: Buffer }> {
  const before = origins.map((o) => o.requests.length);
  const socket = connectTls({
    port: to,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...(session === undefined ? {} : { session }),
  });
  let latest: Buffer | undefined;
  let text = '';
  socket.on('session', (s: Buffer) => (latest = s));
  socket.on('data', (d: Buffer) => (text += d.toString('latin1')));
  socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
  await until(
    () => text.endsWith('ok') && (version === 'TLSv1.2' || latest !== undefined),
    'an answer and a session',
  );
  latest ??= socket.getSession();
  equal(socket.isSessionReused(), session !== undefined, 'resumption');
  socket.destroy();
  return { by: origins.findIndex((o, i) => o.requests.length > before[i]!), session: latest! };
}

const tlsSession: Case[] = (['TLSv1.2', 'TLSv1.3'] as const).map((version) => ({
  name: `TLS session: whoever resumes one comes to its server, on both workers, over ever new tickets (${version})`,
  async run() {
    const own = await certificate({ cn: 'a.example' });
    const keys = [randomBytes(80).toString('base64')];
    for (const r of [rig, worker])
      r.secrets = { certificates: [own], ticket_keys: [{ virtual_service_uuid: 'vs', keys }] };
    const tls = { profile: TLS, certificate_uuids: [own.uuid], protocols: [] };
    await serve({ type: 'tls', timeout: 300 }, { service: { tls } }, [rig, worker]);
    const clients = await repeat(8, async () => askTls(port, version));
    equal(new Set(clients.map((c) => c.by)).size, 4, 'servers of new sessions');
    for (const first of clients) {
      let { session } = first;
      for (const to of [workerPort, port, workerPort]) {
        const again = await askTls(to, version, session);
        equal(again.by, first.by, 'server');
        session = again.session;
      }
    }
    for (const r of [rig, worker]) r.secrets = {};
  },
}));

const header: Case = {
  name: 'header: its value names the server; other requests are spread',
  async run() {
    const servers = origins.map((o, i) => ({ port: o.port, prst_hdr_val: `s${i}` }));
    await serve({ type: 'header', name: 'X-Server' }, { pool: { servers } });
    for (const i of [2, 0, 3, 1])
      equal(alone(await repeat(4, async () => ask(`x-server: s${i}\r\n`))), i, `server of s${i}`);
    for (const headers of ['', 'X-Server: s9\r\n', 'X-Server: S1\r\n'])
      equal(
        new Set((await repeat(4, async () => ask(headers))).map((a) => a.by)).size,
        4,
        `servers of ${headers}`,
      );
    rig.health('pool', origins[2]!.port, HEALTH.DOWN);
    check(
      (await repeat(3, async () => ask('x-server: s2\r\n'))).every((a) => a.by !== 2),
      'while it is down',
    );
    rig.health('pool', origins[2]!.port, HEALTH.UP);
    equal((await ask('x-server: s2\r\n')).by, 2, 'when it is back');
  },
};

const appCookie: Case[] = [
  {
    name: 'application cookie: the session that the server has given leads back to it, wherever the client puts it',
    async run() {
      await serve({ type: 'app_cookie', name: 'SID', timeout: 300 });
      answering((r, i) =>
        ok(r.head.includes('/login') ? `Set-Cookie: x=1\r\nSet-Cookie: SID=s${i}-${r.nth}; Path=/\r\n` : ''),
      );
      for (let i = 0; i < 6; i++) {
        const before = origins.map((o) => o.requests.length);
        const client = await RawClient.open(i % 2 === 0 ? port : workerPort);
        const response = await client.get(`/login?${i}`);
        client.end();
        const { by } = told(response, before);
        const session = /SID=([^;]*)/.exec(response.head)![1]!;
        for (const to of [port, workerPort]) {
          equal(
            alone(await repeat(4, async () => ask(`Cookie: a=b; SID=${session}\r\n`, to))),
            by,
            'by cookie',
          );
          equal((await ask('', to, `/page?x=1&SID=${session}`)).by, by, 'by query');
          equal((await ask('', to, `/page;SID=${session}/more?x=1`)).by, by, 'by path');
          equal((await ask(`SID: ${session}\r\n`, to)).by, by, 'by header');
        }
      }
    },
  },
  {
    name: 'application cookie: a session that nobody knows stays where it was sent; no session is spread',
    async run() {
      await serve({ type: 'app_cookie', name: 'SID', timeout: 300 });
      alone(
        await repeat(8, async (i) =>
          ask(`Cookie: SID=unknown-${process.pid}\r\n`, i % 2 ? port : workerPort),
        ),
      );
      equal(
        new Set((await repeat(8, async () => ask())).map((a) => a.by)).size,
        4,
        'servers without a session',
      );
      const request = (await ask('Cookie: SID=abc; a=1\r\n')).request;
      check(request.includes('SID=abc; a=1'), 'the cookie is the server’s own and reaches it');
    },
  },
  {
    name: 'application cookie: a new session of another server counts from then on',
    async run() {
      await serve({ type: 'app_cookie', name: 'SID', timeout: 300 });
      answering((_, i) => ok(`Set-Cookie: SID=of-${i}\r\n`));
      const first = await ask();
      rig.health('pool', origins[first.by]!.port, HEALTH.DOWN);
      const second = await ask(`Cookie: SID=of-${first.by}\r\n`);
      rig.health('pool', origins[first.by]!.port, HEALTH.UP);
      check(second.by !== first.by, 'not replaced');
      equal(alone(await repeat(4, async () => ask(`Cookie: SID=of-${second.by}\r\n`))), second.by, 'server');
    },
  },
];

await runCases([...httpCookie, ...down, ...clientIp, draining, ...tlsSession, header, ...appCookie]);
