import type {
  HeaderAction,
  HttpPolicySet,
  NetworkPolicy,
  PoolGroup,
  RequestMatch,
  RequestRule,
  ResponseRule,
  SecurityRule,
  TextTest,
} from '@spillway/snapshot';
import { HEALTH } from '@spillway/telemetry';
import http2 from 'node:http2';
import { check, equal, runCases, until, type Case } from '../../suite/cases.js';
import { Origin } from '../../suite/origin.js';
import { freePort } from '../../suite/ports.js';
import { RawClient } from '../../suite/raw-client.js';
import { Rig, type Parts, type ServiceSpec } from '../../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();

/** A client that a proxy tells of. */
const told = async (client: string): Promise<RawClient> =>
  (await RawClient.open(port)).send(
    `PROXY TCP4 ${client} 198.51.100.9 4000 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`,
  );

const any: RequestMatch = { headers: [] };
const text = (operator: TextTest['operator'], ...values: string[]): TextTest => ({
  negated: false,
  operator,
  fold: true,
  values,
  string_group_uuids: [],
});
const path = (operator: TextTest['operator'], ...values: string[]): RequestMatch => ({
  headers: [],
  path: { ...text(operator, ...values), decoded: true },
});
const security = (action: SecurityRule['action'], match = any, index = 0): SecurityRule => ({
  index,
  name: 's',
  match,
  action,
});
const forbid = (match: RequestMatch): SecurityRule =>
  security({ type: 'respond', response: { status: 403, content_type: 'text/plain', body: 'no\n' } }, match);
const request = (rule: Partial<RequestRule>): RequestRule => ({
  index: 0,
  name: 'r',
  match: any,
  header_actions: [],
  ...rule,
});
const response = (
  rule: Omit<Partial<ResponseRule>, 'match'> & { match?: Partial<ResponseRule['match']> },
): ResponseRule => ({
  index: 0,
  name: 'p',
  header_actions: [],
  ...rule,
  match: { request: any, headers: [], ...rule.match },
});
const set = (parts: Partial<HttpPolicySet>): HttpPolicySet => ({
  uuid: 'set',
  name: 'set',
  security: [],
  request: [],
  response: [],
  ...parts,
});
const header = (action: HeaderAction['action'], name: string, value?: string): HeaderAction => ({
  target: 'header',
  action,
  name,
  ...(value === undefined ? {} : { value: { type: 'string', value } }),
});

/** Origins by pool; each answers with the name of its pool. */
async function origins(...names: string[]): Promise<Record<string, Origin>> {
  const found: Record<string, Origin> = {};
  for (const name of names)
    found[name] = await Origin.start(
      (r) => void r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`),
    );
  return found;
}

async function serve(
  by: Record<string, Origin>,
  parts: Parts,
  service: Partial<ServiceSpec> = {},
): Promise<void> {
  await rig.apply(
    [
      {
        ports: [port],
        policies: { http_policy_set_uuids: (parts.http_policy_sets ?? []).map((s) => s.uuid) },
        ...service,
      },
    ],
    Object.fromEntries(Object.entries(by).map(([name, o]) => [name, { servers: [{ port: o.port }] }])),
    parts,
  );
}

/** Runs a case against one origin, `pool`, under one policy set. */
async function under(
  policy: Partial<HttpPolicySet>,
  run: (c: RawClient, origin: Origin) => Promise<void>,
  origin?: Origin,
): Promise<void> {
  const by = origin === undefined ? await origins('pool') : { pool: origin };
  await serve(by, { http_policy_sets: [set(policy)] });
  const c = await RawClient.open(port);
  try {
    await run(c, by['pool']!);
  } finally {
    c.end();
    by['pool']!.stop();
  }
}

const ask = (
  c: RawClient,
  target: string,
  headers = '',
): Promise<{ status: number; head: string; body: Buffer }> =>
  c.send(`GET ${target} HTTP/1.1\r\nHost: www.example.com\r\n${headers}\r\n`).response();
const locationOf = (head: string): string | undefined => /\r\nLocation: ([^\r]*)/i.exec(head)?.[1];
const headOf = (origin: Origin, nth = -1): string => origin.requests.at(nth)!.head;
const without = (head: string): string => head.replace(/X-Forwarded-For: [^\r]*\r\n/, '');

const securityCases: Case[] = [
  {
    name: 'a rule of security cannot be passed by another spelling of the path',
    run: () =>
      under({ security: [forbid(path('begins_with', '/admin'))] }, async (c, origin) => {
        const denied = [
          '/admin',
          '/ADMIN/x',
          '//admin',
          '/%61dmin',
          '/%2Fadmin',
          'http://www.example.com/admin',
          'http://www.example.com//Admin',
        ];
        for (const target of denied) equal([target, (await ask(c, target)).status], [target, 403], 'denied');
        const ambiguous = [
          '/x/../admin',
          '/x/%2e%2e/admin',
          '/./admin',
          '/x/..%2fadmin',
          '/x/..;/admin',
          '/admin%00',
        ];
        for (const target of ambiguous)
          equal([target, (await ask(c, target)).status], [target, 400], 'refused');
        equal(origin.requests.length, 0, 'requests that have come through');
        equal((await ask(c, '/other%2Fadmin')).status, 200, 'another path');
        equal(
          headOf(origin).startsWith('GET /other%2Fadmin HTTP/1.1\r\n'),
          true,
          'the target goes on as it came',
        );
      }),
  },
  {
    name: 'allow ends security, and request rules follow',
    run: () =>
      under(
        {
          security: [security({ type: 'allow' }, path('equals', '/open')), forbid(any)],
          request: [request({ header_actions: [header('add', 'X-Rule', '1')] })],
        },
        async (c, origin) => {
          rig.plane.takeRuleHits();
          equal((await ask(c, '/open')).status, 200, 'allowed');
          equal(
            rig.plane.takeRuleHits().map((row) => [row.phase, row.hits]),
            [
              ['security', 1],
              ['request', 1],
            ],
            'hits',
          );
          check(headOf(origin).includes('X-Rule: 1\r\n'), 'request rule');
          const denied = await ask(c, '/shut');
          equal([denied.status, denied.body.toString()], [403, 'no\n'], 'denied');
          check(denied.head.includes('Content-Type: text/plain\r\n'), 'its content type');
        },
      ),
  },
  {
    name: 'a connection is closed in order, or reset, without an answer',
    run: () =>
      under({ security: [security({ type: 'close' }, path('equals', '/close'))] }, async (c) => {
        equal((await ask(c, '/')).status, 200, 'status');
        c.send('GET /close HTTP/1.1\r\nHost: a\r\n\r\n');
        await until(() => c.ended, 'the end');
        equal([c.error, c.take().length], [null, 0], 'error and bytes');
      }),
  },
  {
    name: 'to HTTPS, keeping path and query',
    run: () =>
      under({ security: [security({ type: 'redirect_to_https', port: 8443 })] }, async (c) => {
        const { status, head } = await ask(c, '/a%20b?c=%2F');
        equal([status, locationOf(head)], [302, 'https://www.example.com:8443/a%20b?c=%2F'], 'redirect');
      }),
  },
  {
    name: 'rates are counted per client and path over connections',
    run: () =>
      under(
        {
          uuid: 'rates',
          security: [
            security(
              {
                type: 'rate_limit',
                count: 2,
                period: 3600,
                burst: 0,
                per_client_ip: true,
                per_uri_path: true,
                exceeded: { type: 'respond', response: { status: 429 } },
              },
              path('begins_with', '/api'),
            ),
          ],
        },
        async (c) => {
          const statuses: number[] = [];
          for (const target of ['/api/a', '/api//a', '/api/%61', '/api/b', '/free'])
            statuses.push((await ask(c, target)).status);
          equal(statuses, [200, 200, 429, 200, 200], 'statuses');
          const other = await RawClient.open(port, '127.0.0.1', '127.0.0.9');
          equal((await ask(other, '/api/a')).status, 200, 'another client');
          other.end();
        },
      ),
  },
];

/** A group that prefers one pool to the other. */
const preferring = (min_servers: number): PoolGroup => ({
  uuid: 'g',
  name: 'g',
  min_servers,
  members: [
    { pool_uuid: 'second', priority: 1, ratio: 1 },
    { pool_uuid: 'first', priority: 9, ratio: 1 },
  ],
});

/** Each response says under which edition it was made. */
const edition = (value: string): Parts => ({
  http_policy_sets: [set({ response: [response({ header_actions: [header('add', 'X-Edition', value)] })] })],
});

/** What several requests for a target are answered with. */
const answersTo = async (target: string): Promise<string[]> => {
  const client = await RawClient.open(port);
  const bodies = new Set<string>();
  for (let n = 0; n < 6; n++) bodies.add((await ask(client, target)).body.toString());
  client.end();
  return [...bodies].sort();
};

const requestCases: Case[] = [
  {
    name: 'a server by its name, where the pool has servers looked up by name',
    run: async () => {
      const by = await origins('one', 'two');
      const servers = ['one', 'two'].map((name) => ({
        port: by[name]!.port,
        hostname: `${name.toUpperCase()}.example`,
      }));
      const rules = ['one.example', 'two.example', 'none.example'].map((name) =>
        request({
          match: path('equals', `/${name}`),
          switching: { to: 'pool', pool_uuid: 'pool', server: { name } },
        }),
      );
      for (const lookup_server_by_name of [true, false]) {
        await rig.apply(
          [{ ports: [port], policies: { http_policy_set_uuids: ['set'] } }],
          { pool: { servers, lookup_server_by_name } },
          { http_policy_sets: [set({ request: rules })] },
        );
        const both = ['one', 'two'];
        const one = lookup_server_by_name ? ['one'] : both;
        const two = lookup_server_by_name ? ['two'] : both;
        equal(await answersTo('/one.example'), one, 'the first');
        equal(await answersTo('/two.example'), two, 'the second');
        equal(await answersTo('/none.example'), both, 'any, for a name that no server has');
      }
      for (const o of Object.values(by)) o.stop();
    },
  },
  {
    name: 'content switching by host and path, to pools, groups and one server',
    run: async () => {
      const by = await origins('pool', 'api', 'blue', 'green');
      const group: PoolGroup = {
        uuid: 'colours',
        name: 'colours',
        min_servers: 0,
        members: [
          { pool_uuid: 'blue', priority: 1, ratio: 3 },
          { pool_uuid: 'green', priority: 1, ratio: 1 },
        ],
      };
      const rules = [
        request({ match: path('begins_with', '/api'), switching: { to: 'pool', pool_uuid: 'api' } }),
        request({
          match: { headers: [], host: text('equals', 'colours.example') },
          switching: { to: 'pool_group', pool_group_uuid: 'colours' },
        }),
        request({
          match: path('equals', '/one'),
          switching: {
            to: 'pool',
            pool_uuid: 'api',
            server: { address: '127.0.0.1', port: by['api']!.port },
          },
        }),
        request({
          match: path('equals', '/gone'),
          switching: { to: 'pool', pool_uuid: 'api', server: { address: '127.0.0.1', port: 1 } },
        }),
        request({
          match: path('equals', '/down'),
          switching: { to: 'local', response: { status: 503, content_type: 'text/html', body: '<p>later' } },
        }),
      ];
      await serve(by, { pool_groups: [group], http_policy_sets: [set({ request: rules })] });
      const c = await RawClient.open(port);
      const bodies: string[] = [];
      for (const target of ['/', '/api/x', '/one', '/gone', '/down'])
        bodies.push((await ask(c, target)).body.toString());
      equal(bodies, ['pool', 'api', 'api', 'api', '<p>later'], 'bodies');
      const counts = { blue: 0, green: 0 };
      for (let n = 0; n < 40; n++) {
        const { body } = await c.send('GET / HTTP/1.1\r\nHost: COLOURS.example:80\r\n\r\n').response();
        counts[body.toString() as 'blue' | 'green']++;
      }
      equal(counts, { blue: 30, green: 10 }, 'shares');
      // A pool of the group goes down: the others take its requests.
      rig.health('blue', by['blue']!.port, HEALTH.DOWN);
      for (let n = 0; n < 4; n++)
        equal(
          (await c.send('GET / HTTP/1.1\r\nHost: colours.example\r\n\r\n').response()).body.toString(),
          'green',
          'body',
        );
      rig.health('green', by['green']!.port, HEALTH.DOWN);
      equal(
        (await c.send('GET / HTTP/1.1\r\nHost: colours.example\r\n\r\n').response()).status,
        503,
        'status',
      );
      for (const name of ['blue', 'green']) rig.health(name, by[name]!.port, HEALTH.UP);
      c.end();
      for (const o of Object.values(by)) o.stop();
    },
  },
  {
    name: 'a pool group takes lower priorities when higher ones are down, or have too few servers',
    run: async () => {
      const by = await origins('first', 'second');
      const bodies = async (n: number): Promise<string[]> => {
        const c = await RawClient.open(port);
        const found = new Set<string>();
        for (let i = 0; i < n; i++) found.add((await c.get('/')).body.toString());
        c.end();
        return [...found].sort();
      };
      await serve(by, { pool_groups: [preferring(0)] }, { pool: null, policies: { pool_group_uuid: 'g' } });
      equal(await bodies(6), ['first'], 'while the first is up');
      rig.health('first', by['first']!.port, HEALTH.DOWN);
      equal(await bodies(3), ['second'], 'while it is down');
      rig.health('first', by['first']!.port, HEALTH.UP);
      await serve(by, { pool_groups: [preferring(2)] }, { pool: null, policies: { pool_group_uuid: 'g' } });
      equal(await bodies(6), ['first', 'second'], 'when two servers are wanted');
      // A priority is left when its pools are known to be down, not at the first failure.
      by['first']!.stop();
      await serve(by, { pool_groups: [preferring(0)] }, { pool: null, policies: { pool_group_uuid: 'g' } });
      const c = await RawClient.open(port);
      equal((await c.get('/')).status, 502, 'until the check says so');
      c.end();
      by['second']!.stop();
    },
  },
  {
    name: 'a request that was sent elsewhere never comes to the pool that it was kept from',
    run: async () => {
      const by = await origins('pool', 'api');
      const parts: Parts = {
        http_policy_sets: [
          set({
            request: [
              request({ match: path('begins_with', '/api'), switching: { to: 'pool', pool_uuid: 'api' } }),
            ],
          }),
        ],
      };
      await serve(by, parts);
      const c = await RawClient.open(port);
      // The server goes while it has the request: the pool has another one by then.
      const spare = await Origin.start(
        (r) => void r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nspare'),
      );
      by['api']!.answer = ({ socket }) => {
        void serve({ ...by, api: spare }, parts).then(() => socket.destroy());
      };
      equal((await ask(c, '/api/x')).body.toString(), 'spare', 'body');
      const gone = await Origin.start((r) => void r.socket.destroy());
      await serve({ ...by, api: gone }, parts);
      equal((await ask(c, '/api/x')).status, 502, 'status');
      equal(by['pool']!.requests.length, 0, 'requests at the other pool');
      c.end();
      for (const o of [...Object.values(by), spare, gone]) o.stop();
    },
  },
  {
    name: 'redirects and rewrites put together what tokens say',
    run: () =>
      under(
        {
          request: [
            request({
              match: path('begins_with', '/old'),
              redirect: {
                protocol: 'https',
                host: [
                  { type: 'string', value: 'new' },
                  { type: 'host', start: 1, end: 65_535 },
                ],
                path: [{ type: 'path', start: 1, end: 65_535 }],
                keep_query: true,
                add_query: 'from=old',
                status: 301,
              },
            }),
            request({
              match: path('regex', '^/shop/(\\d+)'),
              rewrite: {
                host: [{ type: 'string', value: 'inner.local' }],
                path: [
                  { type: 'string', value: 'item' },
                  { type: 'path_capture', start: 1, end: 1 },
                ],
                query: { keep_query: false, add_query: 'v=2' },
              },
              header_actions: [
                { target: 'header', action: 'add', name: 'X-Host', value: { type: 'header', name: 'Host' } },
                {
                  target: 'header',
                  action: 'add',
                  name: 'X-Client',
                  value: { type: 'variable', variable: 'client_ip' },
                },
              ],
            }),
          ],
        },
        async (c, origin) => {
          const { status, head } = await ask(c, '/old/a/b/?q=1');
          equal([status, locationOf(head)], [301, 'https://new.example.com/a/b/?q=1&from=old'], 'redirect');
          await ask(c, '/shop/77/red?q=1', 'Accept: */*\r\n');
          equal(
            without(headOf(origin)).split('\r\n').filter(Boolean).sort(),
            [
              'Accept: */*',
              'GET /item/77?v=2 HTTP/1.1',
              'Host: inner.local',
              'X-Client: 127.0.0.1',
              'X-Host: www.example.com',
            ],
            'head',
          );
          await ask(c, 'http://www.example.com/shop/78');
          check(headOf(origin).startsWith('GET /item/78?v=2 HTTP/1.1\r\n'), 'absolute form');
        },
      ),
  },
  {
    name: 'headers and cookies are added, replaced and removed, in order',
    run: () =>
      under(
        {
          request: [
            request({
              header_actions: [
                header('remove', 'x-secret'),
                header('replace', 'X-Mode', 'new'),
                header('add', 'X-Twice', '2'),
                header('add', 'X-Gone', 'x'),
                header('remove', 'X-Gone'),
                { target: 'cookie', action: 'remove', name: 'track' },
                { target: 'cookie', action: 'replace', name: 'lang', value: 'nl' },
              ],
            }),
          ],
        },
        async (c, origin) => {
          await ask(
            c,
            '/',
            'X-Secret: 1\r\nX-Mode: old\r\nx-mode: older\r\nCookie: a=1; track=9\r\nX-Twice: 1\r\nCookie: lang=en\r\n',
          );
          equal(
            without(headOf(origin)).split('\r\n').filter(Boolean).slice(1).sort(),
            ['Cookie: a=1; lang=nl', 'Host: www.example.com', 'X-Mode: new', 'X-Twice: 1', 'X-Twice: 2'],
            'fields',
          );
        },
      ),
  },
  {
    name: 'there is one Host, whoever rewrites it, and none that is no host',
    run: async () => {
      const by = await origins('pool');
      const copied: HeaderAction = {
        target: 'header',
        action: 'replace',
        name: 'Host',
        value: { type: 'header', name: 'X-Host' },
      };
      await serve(by, {
        http_policy_sets: [
          set({ uuid: 'a', request: [request({ header_actions: [copied] })] }),
          set({
            uuid: 'b',
            request: [
              request({
                match: path('equals', '/b'),
                rewrite: { host: [{ type: 'string', value: 'b.example' }] },
              }),
            ],
          }),
        ],
      });
      const c = await RawClient.open(port);
      const hosts = async (target: string, field: string): Promise<string[]> => {
        await ask(c, target, field);
        return headOf(by['pool']!)
          .split('\r\n')
          .filter((line) => /^host:/i.test(line));
      };
      equal(await hosts('/', 'X-Host: a.example\r\n'), ['Host: a.example'], 'copied');
      equal(await hosts('/b', 'X-Host: a.example\r\n'), ['Host: b.example'], 'copied, then rewritten');
      equal(await hosts('/', 'X-Host: a b\r\n'), ['Host: www.example.com'], 'no host');
      equal(await hosts('/', 'X-Host:\r\n'), ['Host: www.example.com'], 'empty');
      equal(await hosts('/', ''), ['Host: www.example.com'], 'absent');
      c.end();
      by['pool']!.stop();
    },
  },
  {
    name: 'a long edit outgrows the room in front of a head, with a body behind it',
    run: () => {
      const long = 'v'.repeat(3000);
      return under(
        { request: [request({ header_actions: [header('add', 'X-Long', long)] })] },
        async (c, origin) => {
          const { status } = await c
            .send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody')
            .response();
          equal([status, origin.requests[0]!.body.toString()], [200, 'body'], 'status and body');
          check(headOf(origin).includes(`X-Long: ${long}\r\n`), 'the line');
        },
      );
    },
  },
  {
    name: 'a request with a body that is answered leaves nothing of it behind',
    run: () =>
      under(
        {
          request: [
            request({ match: path('equals', '/no'), switching: { to: 'local', response: { status: 404 } } }),
          ],
        },
        async (c) => {
          const { status, head } = await c
            .send('POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\npart')
            .response();
          equal(status, 404, 'status');
          check(head.includes('Connection: close\r\n'), 'the connection ends with it');
          const next = await RawClient.open(port);
          const answer = await next
            .send(
              'POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\nHost: a\r\n\r\n',
            )
            .response();
          equal([answer.status, (await next.response()).status], [404, 200], 'pipelined');
          next.end();
        },
      ),
  },
];

const responseCases: Case[] = [
  {
    name: 'response rules see the request as it was sent, and edit headers, cookies and locations',
    run: async () => {
      const origin = await Origin.start(
        (r) =>
          void r.socket.write(
            r.head.includes('/moved')
              ? 'HTTP/1.1 302 Found\r\nLocation: http://inner.local:8080/app/login?x=1\r\nContent-Length: 0\r\n\r\n'
              : 'HTTP/1.1 500 Oops\r\nServer: secret/1.0\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; HttpOnly\r\nContent-Length: 2\r\n\r\nok',
          ),
      );
      await under(
        {
          request: [
            request({
              match: path('equals', '/asked'),
              rewrite: { path: [{ type: 'string', value: '/moved' }] },
            }),
          ],
          response: [
            response({
              match: {
                location: text('begins_with', 'http://inner.local'),
                request: path('equals', '/asked'),
              },
              location: {
                protocol: 'https',
                host: [{ type: 'string', value: 'www.example.com' }],
                path: [{ type: 'path', start: 1, end: 65_535 }],
                keep_query: true,
              },
            }),
            response({
              match: { status: { negated: false, ranges: [{ begin: 500, end: 599 }] } },
              header_actions: [
                header('remove', 'Server'),
                header('add', 'Retry-After', '1'),
                { target: 'cookie', action: 'remove', name: 'a' },
                { target: 'cookie', action: 'replace', name: 'b', value: '9' },
              ],
            }),
          ],
        },
        async (c) => {
          equal(locationOf((await ask(c, '/asked')).head), 'https://www.example.com/login?x=1', 'location');
          equal(
            locationOf((await ask(c, '/moved')).head),
            'http://inner.local:8080/app/login?x=1',
            'another request',
          );
          const { head, status } = await ask(c, '/');
          equal(
            [status, ...head.split('\r\n').filter(Boolean).slice(1).sort()],
            [500, 'Content-Length: 2', 'Retry-After: 1', 'Set-Cookie: b=9; HttpOnly'],
            'fields',
          );
        },
        origin,
      );
    },
  },
];

const otherCases: Case[] = [
  {
    name: 'policies are the same for HTTP/2',
    run: async () => {
      const by = await origins('pool');
      const version: RequestMatch = { headers: [], version: { negated: false, values: ['2.0'] } };
      await serve(
        by,
        {
          http_policy_sets: [
            set({
              security: [forbid(path('begins_with', '/admin'))],
              request: [
                request({
                  match: { ...version, host: text('equals', 'www.example.com') },
                  rewrite: { path: [{ type: 'string', value: 'two' }] },
                  header_actions: [header('add', 'X-Rule', '2')],
                }),
              ],
              response: [response({ header_actions: [header('add', 'X-Answered', 'yes')] })],
            }),
          ],
        },
        { http2: true },
      );
      const session = http2.connect(`http://127.0.0.1:${port}`);
      const get = (target: string): Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader> => {
        const { promise, resolve, reject } = Promise.withResolvers<http2.IncomingHttpHeaders>();
        const stream = session.request({ ':path': target, ':authority': 'www.example.com' });
        stream.on('response', resolve).on('error', reject).resume();
        return promise;
      };
      equal((await get('//ADMIN'))[':status'], 403, 'denied');
      equal((await get('/a/../b'))[':status'], 400, 'ambiguous');
      const ok = await get('/x');
      equal([ok[':status'], ok['x-answered']], [200, 'yes'], 'answer');
      check(
        headOf(by['pool']!).startsWith('GET /two HTTP/1.1\r\n') &&
          headOf(by['pool']!).includes('X-Rule: 2\r\n'),
        'head',
      );
      session.close();
      by['pool']!.stop();
    },
  },
  {
    name: 'a network policy lets in or resets before anything is read, for L4 too',
    run: async () => {
      const by = await origins('pool');
      const network: NetworkPolicy = {
        uuid: 'n',
        name: 'n',
        rules: [
          {
            index: 1,
            name: 'a',
            client_ip: {
              negated: false,
              ranges: [{ first: '127.0.0.2', last: '127.0.0.3' }],
              address_group_uuids: ['office'],
            },
            action: { type: 'allow' },
          },
          { index: 2, name: 'd', action: { type: 'deny' } },
        ],
      };
      const parts: Parts = {
        network_policies: [network],
        address_groups: [
          { uuid: 'office', name: 'office', ranges: [{ first: '127.0.0.7', last: '127.0.0.7' }] },
        ],
      };
      for (const service of [{}, { tcpIdle: 30_000 }]) {
        await serve(by, parts, { policies: { network_policy_uuid: 'n' }, ...service });
        for (const from of ['127.0.0.2', '127.0.0.7']) {
          const c = await RawClient.open(port, '127.0.0.1', from);
          equal((await c.get('/')).status, 200, from);
          c.end();
        }
        const c = await RawClient.open(port, '127.0.0.1', '127.0.0.1').catch(() => null);
        if (c !== null) {
          c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
          await until(() => c.closed, 'the reset');
          equal(c.take().length, 0, 'bytes');
        }
      }
      by['pool']!.stop();
    },
  },
  {
    name: 'a network policy asks for the client that the PROXY protocol tells of, not for the proxy',
    run: async () => {
      const by = await origins('pool');
      const network: NetworkPolicy = {
        uuid: 'n',
        name: 'n',
        rules: [
          {
            index: 1,
            name: 'a',
            client_ip: {
              negated: false,
              ranges: [{ first: '192.0.2.7', last: '192.0.2.7' }],
              address_group_uuids: [],
            },
            action: { type: 'allow' },
          },
          { index: 2, name: 'd', action: { type: 'deny' } },
        ],
      };
      await serve(
        by,
        { network_policies: [network] },
        {
          policies: { network_policy_uuid: 'n' },
          acceptProxy: {},
        },
      );
      const good = await told('192.0.2.7');
      equal((await good.response()).status, 200, 'the client that is allowed');
      good.end();
      const bad = await told('192.0.2.8');
      await until(() => bad.closed, 'the reset');
      equal(bad.take().length, 0, 'bytes');
      equal(by['pool']!.requests.length, 1, 'requests');
      by['pool']!.stop();
    },
  },
  {
    name: 'an edit of a policy under load fails no request, and holds from the next one on',
    run: async () => {
      const by = await origins('pool');
      await serve(by, edition('0'));
      const control = { stop: false };
      let failed = 0;
      let done = 0;
      const load = Array.from({ length: 4 }, async () => {
        const c = await RawClient.open(port);
        while (!control.stop) {
          const { status, head } = await ask(c, '/');
          done++;
          if (status !== 200 || !head.includes('X-Edition: ')) failed++;
        }
        c.end();
      });
      for (let n = 1; n <= 100; n++) {
        await serve(by, edition(String(n)));
        const before = done;
        await until(() => done > before, 'a request');
        const c = await RawClient.open(port);
        check((await ask(c, '/')).head.includes(`X-Edition: ${n}\r\n`), `edition ${n}`);
        c.end();
      }
      control.stop = true;
      await Promise.all(load);
      equal(failed, 0, 'failed');
      check(done > 100, 'there was load');
      by['pool']!.stop();
    },
  },
  {
    name: 'what cannot be compiled leaves the running configuration alone',
    run: async () => {
      const by = await origins('pool');
      await serve(by, { http_policy_sets: [set({ security: [forbid(path('equals', '/x'))] })] });
      const refused = await serve(by, {
        http_policy_sets: [set({ security: [forbid(path('regex', '(a)\\1'))] })],
      }).then(
        () => 'applied',
        (err: Error) => err.message,
      );
      check(refused.includes('security[0].match.path'), refused);
      const c = await RawClient.open(port);
      equal([(await ask(c, '/x')).status, (await ask(c, '/y')).status], [403, 200], 'statuses');
      c.end();
      by['pool']!.stop();
    },
  },
];

await runCases([...securityCases, ...requestCases, ...responseCases, ...otherCases]);
