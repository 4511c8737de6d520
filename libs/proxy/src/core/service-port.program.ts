import { HEALTH, SERVER } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { DatagramClient, DatagramOrigin } from '../suite/datagrams.js';
import { Http2Origin } from '../suite/http2-origin.js';
import { Origin } from '../suite/origin.js';
import { freePort, freeUdpPort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';

const rig = await Rig.make();
/** Servers are at other addresses than the virtual service, on its ports. */
const [ONE, TWO] = ['127.0.0.51', '127.0.0.52'];
const ports = [await freePort(), await freePort()].sort((a, b) => a - b);

const TO_PORT: PoolSpec = { servers: [{ address: ONE, port: 0, hostname: 'one.example' }] };
const serve = (pool: PoolSpec, service: Partial<ServiceSpec> = {}): Promise<void> =>
  rig.apply([{ ports, ...service }], { pool });

/** A server that says its port. */
async function origin(port: number, address = ONE): Promise<Origin> {
  const o = new Origin();
  o.answer = (r) =>
    void r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${String(port).length}\r\n\r\n${port}`);
  await o.listen(port, address);
  return o;
}

const cases: Case[] = [
  {
    name: 'HTTP: each port has its own server connections',
    async run() {
      const origins = await Promise.all(ports.map((p) => origin(p)));
      await serve({ ...TO_PORT, host_header: { to: 'server_name', append_port: 'always' } });
      const clients = await Promise.all(ports.map((p) => RawClient.open(p)));
      for (let i = 0; i < 20; i++)
        for (const [n, port] of ports.entries())
          equal((await clients[n]!.get(`/${i}`)).body.toString(), String(port), 'port of the server');
      for (const [n, o] of origins.entries()) {
        equal([o.requests.length, o.connections], [20, 1], 'requests and connections');
        check(o.requests[0]!.head.includes(`Host: one.example:${ports[n]}\r\n`), o.requests[0]!.head);
      }
      const totals = rig.mapping.serverTotals(rig.slot('pool', 0, ONE));
      equal(totals.counters[SERVER.REQUESTS], 40, 'requests of the one server');
      for (const c of clients) c.end();
      // The verdict is the server's, on all ports.
      rig.health('pool', 0, HEALTH.UP, ONE);
      rig.health('pool', 0, HEALTH.DOWN, ONE);
      for (const port of ports) {
        const c = await RawClient.open(port);
        equal((await c.get('/')).status, 503, 'status');
        c.end();
      }
      rig.health('pool', 0, HEALTH.UP, ONE);
      for (const o of origins) o.stop();
    },
  },
  {
    name: 'HTTP/2 servers too',
    async run() {
      const origins = await Promise.all(
        ports.map((port) =>
          Http2Origin.start(
            ({ connection, id }) => {
              connection.headers(id, [[':status', '200']], false);
              connection.body(id, String(port));
            },
            [],
            null,
            { port, address: ONE },
          ),
        ),
      );
      await serve({ ...TO_PORT, enable_http2: true });
      for (let i = 0; i < 5; i++)
        for (const port of ports) {
          const c = await RawClient.open(port);
          equal((await c.get('/')).body.toString(), String(port), 'port of the server');
          c.end();
        }
      for (const o of origins)
        equal([o.requests.length, o.connections.length], [5, 1], 'requests, connections');
      for (const o of origins) o.stop();
    },
  },
  {
    name: 'TCP',
    async run() {
      const origins = await Promise.all(ports.map((p) => origin(p)));
      await serve(TO_PORT, { tcpIdle: 60_000 });
      for (const port of ports) {
        const c = await RawClient.open(port);
        equal((await c.get('/')).body.toString(), String(port), 'port of the server');
        c.end();
      }
      for (const o of origins) o.stop();
    },
  },
  {
    name: 'UDP',
    async run() {
      const port = await freeUdpPort();
      const server = await DatagramOrigin.start('one', ONE, port);
      const udp = { idle_timeout: 60_000, per_datagram: false };
      await serve(TO_PORT, { ports: [port], application: { type: 'udp', udp } });
      const client = await DatagramClient.open();
      equal(await client.ask(port, 'hello'), 'one', 'who answers');
      client.close();
      server.stop();
    },
  },
  {
    name: 'consistent hash: pools with and without ports of their own choose the same server',
    async run() {
      const mine = await Promise.all([ONE, TWO].flatMap((a) => ports.map((p) => origin(p, a))));
      const hash: Partial<PoolSpec> = {
        algorithm: 'consistent_hash',
        consistent_hash: { key: 'uri', ignore_server_port: true },
      };
      const chosen = async (port: number): Promise<string> => {
        const c = await RawClient.open(port);
        const before = mine.map((o) => o.requests.length);
        let found = '';
        for (let i = 0; i < 32; i++) {
          await c.get(`/${i}`);
          const at = mine.findIndex((o, n) => o.requests.length > before[n]!);
          before[at]!++;
          found += at < ports.length ? '1' : '2';
        }
        c.end();
        return found;
      };
      const at = (port: number): PoolSpec => ({
        ...hash,
        servers: [ONE, TWO].map((address) => ({ address, port })),
      });
      await serve(at(0));
      const [first, second] = [await chosen(ports[0]!), await chosen(ports[1]!)];
      check(first.includes('1') && first.includes('2'), first);
      equal(second, first, 'the other port');
      await serve(at(ports[0]!));
      equal(await chosen(ports[1]!), first, 'a pool with a port');
      for (const o of mine) o.stop();
      await until(() => mine.every((o) => o.sockets.size === 0), 'connections to close');
    },
  },
];

await runCases(cases);
