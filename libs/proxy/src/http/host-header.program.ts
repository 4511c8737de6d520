import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { Origin, type Received } from '../suite/origin.js';
import { Http2Origin, valueOf } from '../suite/http2-origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();

const serve = (pool: PoolSpec, others: Record<string, PoolSpec> = {}): Promise<void> =>
  rig.apply([{ ports: [port] }], { pool, ...others });

/** The lines of a head that say Host. */
const hosts = ({ head }: Pick<Received, 'head'>): string[] =>
  head.split('\r\n').filter((line) => /^host:/i.test(line));

async function ask(lines = 'Host: client.example\r\n', method = 'GET'): Promise<void> {
  const client = await RawClient.open(port);
  const response = await client.send(`${method} / HTTP/1.1\r\n${lines}\r\n`).response();
  equal(response.status, 200, 'status');
  client.end();
}

const told = (name: string | undefined): string[] => [`Host: ${name ?? 'client.example'}`];
const TO_NAME = { to: 'server_name', append_port: 'non_default' } as const;

const cases: Case[] = [
  {
    name: 'the name of the server, with and without its port',
    async run() {
      const origin = await Origin.start();
      const toldAs = async (pool: Partial<PoolSpec>, hostname = 'one.example'): Promise<string[]> => {
        await serve({ ...pool, servers: [{ port: origin.port, hostname }] });
        await ask();
        return hosts(origin.requests.at(-1)!);
      };
      equal(await toldAs({}), ['Host: client.example'], 'as it came');
      equal(await toldAs({ host_header: TO_NAME }), [`Host: one.example:${origin.port}`], 'another port');
      equal(
        await toldAs({ host_header: { ...TO_NAME, append_port: 'never' } }),
        ['Host: one.example'],
        'never',
      );
      equal(
        await toldAs({ host_header: { ...TO_NAME, append_port: 'always' } }, 'no name of a host'),
        [`Host: 127.0.0.1:${origin.port}`],
        'what is no name is told as the address',
      );
      equal(
        await toldAs({ host_header: { to: 'as_is', append_port: 'never' } }),
        ['Host: client.example'],
        'none',
      );
      origin.stop();
    },
  },
  {
    name: 'one server of a pool, whatever field is where',
    async run() {
      const [a, b] = [await Origin.start(), await Origin.start()];
      await serve({
        host_header: { to: 'as_is', append_port: 'never' },
        servers: [{ port: a.port, hostname: 'a.example', rewrite_host_header: true }, { port: b.port }],
      });
      const many = Array.from({ length: 15 }, (_, i) => `X-Field-${i}: ${'v'.repeat(i)}\r\n`).join('');
      for (const lines of ['hOsT:client.example\r\n', `${many}Host: client.example\r\n${many}`]) {
        await ask(lines);
        await ask(lines);
        equal(hosts(a.requests.at(-1)!), ['Host: a.example'], 'the server that has a name of its own');
        check(/^host: ?client\.example$/i.test(hosts(b.requests.at(-1)!)[0]!), 'the other one');
        equal(a.requests.at(-1)!.head.split('X-Field').length, lines.split('X-Field').length, 'fields');
      }
      a.stop();
      b.stop();
    },
  },
  {
    name: 'the right name when a request is sent again, in every direction',
    async run() {
      const names: (string | undefined)[][] = [
        ['first.example', 'a-much-longer-name-than-the-first-one.example'],
        ['first.example', undefined],
        [undefined, 'second.example'],
      ];
      for (const [first, second] of names) {
        // The first server takes the request and dies; the second one answers.
        const a = await Origin.start((r) => r.socket.destroy());
        const b = await Origin.start();
        await serve({
          host_header: { to: 'as_is', append_port: 'never' },
          servers: [a, b].map((o, i) => {
            const hostname = [first, second][i];
            return { port: o.port, hostname: hostname ?? '', rewrite_host_header: hostname !== undefined };
          }),
        });
        const body = 'Content-Length: 5\r\n\r\nhello';
        const client = await RawClient.open(port);
        for (let i = 0; i < 2; i++) {
          client.send(`PUT /${i} HTTP/1.1\r\nHost: client.example\r\n${body}`);
          equal((await client.response()).status, 200, 'status');
        }
        client.end();
        await until(() => a.requests.length > 0 && b.requests.length === 2, 'both to be asked');
        for (const r of a.requests) equal(hosts(r), told(first), 'first');
        for (const r of b.requests) {
          equal(hosts(r), told(second), 'second');
          equal(r.body.toString(), 'hello', 'body');
        }
        a.stop();
        b.stop();
      }
    },
  },
  {
    name: 'requests that had to wait for a server',
    async run() {
      const held: Received[][] = [[], []];
      const origins = await Promise.all(held.map((list) => Origin.start((r) => void list.push(r))));
      await serve({
        max_connections: 1,
        request_queue: { depth: 8, timeout: 60_000 },
        host_header: { to: 'as_is', append_port: 'never' },
        servers: origins.map((o, i) => ({
          port: o.port,
          hostname: 's1.example',
          rewrite_host_header: i === 0,
        })),
      });
      const clients: RawClient[] = [];
      const send = async (): Promise<void> => {
        const c = await RawClient.open(port);
        clients.push(c.send('GET / HTTP/1.1\r\nHost: client.example\r\n\r\n'));
      };
      for (let i = 0; i < 6; i++) await send();
      const answered = (): number => clients.filter((c) => c.text !== '').length;
      // Both servers are full: four wait, and each goes to the server that has a place first.
      for (const at of [1, 1, 0, 1, 0, 1]) {
        await until(() => held[at]!.length === 1, 'a request');
        equal(hosts(held[at]![0]!), told(at === 0 ? 's1.example' : undefined), `server ${at + 1}`);
        const before = answered();
        held[at]!.shift()!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        await until(() => answered() === before + 1, 'its answer');
      }
      for (const c of clients) c.end();
      for (const o of origins) o.stop();
    },
  },
  {
    name: 'servers that refuse the connection',
    async run() {
      const b = await Origin.start();
      await serve({
        host_header: { to: 'server_name', append_port: 'never' },
        servers: [
          { port: await freePort(), hostname: 'refuses.example' },
          { port: b.port, hostname: 'b.example' },
        ],
      });
      await ask();
      await ask();
      for (const r of b.requests) equal(hosts(r), ['Host: b.example'], 'host');
      b.stop();
    },
  },
  {
    name: ':authority of servers with HTTP/2',
    async run() {
      const origin = await Http2Origin.start();
      await serve({
        enable_http2: true,
        host_header: { to: 'server_name', append_port: 'never' },
        servers: [{ port: origin.port, hostname: 'two.example' }],
      });
      await ask();
      equal(valueOf(origin.requests.at(-1)?.blocks[0], ':authority'), 'two.example', ':authority');
      origin.stop();
    },
  },
];

await runCases(cases);
