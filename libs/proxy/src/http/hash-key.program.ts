import { HEALTH } from '@spillway/telemetry';
import { check, equal, runCases, type Case } from '../suite/cases.js';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();
const origins = await Promise.all(Array.from({ length: 4 }, () => Origin.start()));

async function serve(pool: Partial<PoolSpec>): Promise<void> {
  await rig.apply([{ ports: [port], http: { xff_enabled: false } }], {
    pool: { algorithm: 'consistent_hash', ...pool, servers: origins.map((o) => ({ port: o.port })) },
  });
}

/** Which origins got the requests, each sent by a new client: their numbers, in the order of the requests. */
async function targets(requests: readonly string[], sharedClient = false): Promise<number[]> {
  const found: number[] = [];
  let client: RawClient | null = null;
  for (const request of requests) {
    const before = origins.map((o) => o.requests.length);
    client = sharedClient && client !== null ? client : await RawClient.open(port);
    await client.send(`${request}\r\n\r\n`).response();
    found.push(origins.findIndex((o, i) => o.requests.length > before[i]!));
    if (!sharedClient) client.end();
  }
  client?.end();
  return found;
}

const get = (path: string, host = 'h', header = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}${header}`;
const many = (make: (i: number) => string): string[] => Array.from({ length: 40 }, (_, i) => make(i));
const distinct = (found: number[]): number => new Set(found).size;

const byKey = (key: 'custom_string' | 'client_ip'): Promise<void> =>
  rig.apply(
    [{ ports: [port], http: { xff_enabled: false }, policies: { http_policy_set_uuids: ['set'] } }],
    {
      pool: {
        algorithm: 'consistent_hash',
        consistent_hash: { key, ignore_server_port: false },
        servers: origins.map((o) => ({ port: o.port })),
      },
    },
    {
      http_policy_sets: [
        {
          uuid: 'set',
          name: 'set',
          security: [],
          request: [
            {
              index: 0,
              name: 'by user',
              match: { headers: [] },
              header_actions: [],
              hash_string: [{ type: 'cookie', name: 'user' }],
            },
          ],
          response: [],
        },
      ],
    },
  );
const cookie = (i: number): string => `\r\nCookie: x=${i}; user=${i}`;

const cases: Case[] = [
  {
    name: 'by client address: one client, one server',
    async run() {
      await serve({ consistent_hash: { key: 'client_ip', ignore_server_port: false } });
      equal(distinct(await targets(many((i) => get(`/${i}`)))), 1, 'servers');
    },
  },
  {
    name: 'by address and port: a connection stays, connections spread',
    async run() {
      await serve({ consistent_hash: { key: 'client_ip_and_port', ignore_server_port: false } });
      equal(
        distinct(
          await targets(
            many((i) => get(`/${i}`)),
            true,
          ),
        ),
        1,
        'servers of one connection',
      );
      check(distinct(await targets(many((i) => get(`/${i}`)))) > 1, 'servers of many connections');
    },
  },
  {
    name: 'by URI: host without regard to case, and path without the query',
    async run() {
      await serve({ consistent_hash: { key: 'uri', ignore_server_port: false } });
      const first = await targets(many((i) => get(`/${i}`)));
      check(distinct(first) === 4, `40 paths meet ${distinct(first)} of 4 servers`);
      equal(
        await targets(many((i) => get(`/${i}?q=${i * 7}`, 'H'))),
        first,
        'with a query, and another case',
      );
      equal(await targets(many((i) => get(`http://h/${i}`))), first, 'in absolute form');
      check((await targets(many((i) => get(`/${i}`, 'other')))).join() !== first.join(), 'another host');
    },
  },
  {
    name: 'by a header; a request without it is spread',
    async run() {
      await serve({ consistent_hash: { key: 'header', header_name: 'X-Key', ignore_server_port: false } });
      const first = await targets(many((i) => get('/', 'h', `\r\nX-Key: ${i}`)));
      check(distinct(first) === 4, `40 values meet ${distinct(first)} of 4 servers`);
      equal(
        await targets(many((i) => get(`/${i}`, 'h', `\r\nx-key:  ${i} `))),
        first,
        'the same values again',
      );
      check(distinct(await targets(many(() => get('/')))) > 1, 'servers of requests without the header');
      const blank = many(() => get('/', 'h', '\r\nX-Key: '));
      check(distinct(await targets(blank)) > 1, 'servers of requests that have it empty');
    },
  },
  {
    name: 'by a custom string that a policy sets; a request without it is spread',
    async run() {
      await byKey('custom_string');
      const first = await targets(many((i) => get('/', 'h', cookie(i))));
      check(distinct(first) === 4, `40 values meet ${distinct(first)} of 4 servers`);
      equal(await targets(many((i) => get(`/${i}`, `h${i}`, cookie(i)))), first, 'the same values again');
      const again = many((i) => get('/', 'h', cookie(i)));
      equal(await targets(again, true), first, 'on one connection');
      check(distinct(await targets(many(() => get('/')))) > 1, 'servers of requests without the cookie');
      await byKey('client_ip');
      equal(distinct(await targets(again)), 1, 'servers where the pool does not ask for it');
    },
  },
  {
    name: 'a key whose server is down goes elsewhere and comes back; the others stay',
    async run() {
      await serve({ consistent_hash: { key: 'uri', ignore_server_port: false } });
      const requests = many((i) => get(`/${i}`));
      const first = await targets(requests);
      const down = first[0]!;
      rig.health('pool', origins[down]!.port, HEALTH.DOWN);
      const meanwhile = await targets(requests);
      meanwhile.forEach((place, i) => {
        if (first[i] === down) check(place !== down, 'the server that is down');
        else equal(place, first[i], `server of key ${i}`);
      });
      rig.health('pool', origins[down]!.port, HEALTH.UP);
      equal(await targets(requests), first, 'servers afterwards');
    },
  },
  ...(['random', 'power_of_two', 'core_affinity'] as const).map((algorithm): Case => ({
    name: `${algorithm}: requests reach the servers`,
    async run() {
      await serve({ algorithm, core_nonaffinity: 2 });
      const found = await targets(many((i) => get(`/${i}`)));
      check(distinct(found) > 1 && !found.includes(-1), `servers ${found.join()}`);
    },
  })),
];

await runCases(cases);
