import type { NetworkPolicy } from '@spillway/snapshot';
import { HEALTH, REFUSED_BY, SERVER, VS } from '@spillway/telemetry';
import type { PlaneOptions } from '../api.js';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { DatagramClient, DatagramOrigin } from '../suite/datagrams.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';
import { freeUdpPort } from '../suite/ports.js';

const options: PlaneOptions = { mostFlows: 40 };
const rig = await Rig.make(options);
const port = await freeUdpPort();

async function serve(
  origins: DatagramOrigin[],
  service: Partial<ServiceSpec> & { idle?: number; perDatagram?: boolean } = {},
  pool: Partial<PoolSpec> = {},
): Promise<void> {
  const { idle = 60_000, perDatagram = false, ...rest } = service;
  const udp = { idle_timeout: idle, per_datagram: perDatagram };
  await rig.apply([{ ports: [port], application: { type: 'udp', udp }, ...rest }], {
    pool: { ...pool, servers: pool.servers ?? origins.map((o) => ({ port: o.port })) },
  });
}

const counters = (): Float64Array => rig.mapping.serviceTotals(0).counters;
const active = (): number => counters()[VS.CONNECTIONS_ACTIVE]!;

const refused = (): number => counters()[VS.REFUSED + REFUSED_BY.POLICY]!;
const poolOf = (o: DatagramOrigin): PoolSpec => ({ servers: [{ port: o.port }] });
const member = (pool_uuid: string, priority: number) => ({ pool_uuid, priority, ratio: 1 });

/** Ends all flows. */
async function reset(): Promise<void> {
  await serve([], { placement: { state: 'drain', drain_timeout: 0 } });
  await until(() => active() === 0 && rig.plane.status()[0]!.state === 'drained', 'the end of all flows');
}

const cases: Case[] = [
  {
    name: 'a flow stays with its server, and each answer goes to the client that asked',
    async run() {
      const origins = [await DatagramOrigin.start('a'), await DatagramOrigin.start('b')];
      await serve(origins);
      const clients = await Promise.all(Array.from({ length: 8 }, async () => DatagramClient.open()));
      const first = await Promise.all(clients.map(async (c, i) => c.ask(port, `c${i}`)));
      equal([first.filter((n) => n === 'a').length, first.filter((n) => n === 'b').length], [4, 4], 'spread');
      for (let round = 0; round < 3; round++)
        equal(await Promise.all(clients.map(async (c, i) => c.ask(port, `c${i}`))), first, 'servers');
      for (const [i, c] of clients.entries())
        check(
          c.got.every((text) => text.endsWith(` c${i}`)),
          `client ${i} got ${c.got.join(', ')}`,
        );
      equal(active(), 8, 'flows');
      equal(
        origins.map((o) => rig.mapping.activeOf(rig.slot('pool', o.port))),
        [4, 4],
        'flows of the servers',
      );
      equal(new Set(origins.flatMap((o) => o.got.map((g) => g.from))).size, 8, 'sockets towards servers');
      await reset();
      equal(
        origins.map((o) => rig.mapping.activeOf(rig.slot('pool', o.port))),
        [0, 0],
        'flows of the servers after the end',
      );
      for (const c of clients) c.close();
      for (const o of origins) o.stop();
    },
  },
  {
    name: 'empty and longest datagrams pass, and bytes are counted',
    async run() {
      const o = await DatagramOrigin.start('a');
      await serve([o]);
      const before = counters().slice();
      const c = await DatagramClient.open();
      c.send(port, '');
      await until(() => c.got.length === 1, 'the answer to nothing');
      equal([c.got[0], o.got[0]!.length], ['a ', 0], 'answer');
      o.silent = true;
      c.send(port, Buffer.alloc(65_507));
      await until(() => o.got.length === 2, 'the longest');
      equal(o.got[1]!.length, 65_507, 'length');
      const after = counters();
      equal(
        [VS.BYTES_IN, VS.BYTES_OUT, VS.CONNECTIONS].map((n) => after[n]! - before[n]!),
        [65_507, 2, 1],
        'counts',
      );
      const server = rig.mapping.serverTotals(rig.slot('pool', o.port)).counters;
      equal([server[SERVER.BYTES_OUT], server[SERVER.BYTES_IN]], [65_507, 2], 'counts of the server');
      await reset();
      c.close();
      o.stop();
    },
  },
  {
    name: 'a flow without datagrams ends, one with datagrams from either side does not',
    async run() {
      const o = await DatagramOrigin.start('a');
      await serve([o], { idle: 600 });
      const [idle, asking, told] = await Promise.all([0, 1, 2].map(async () => DatagramClient.open()));
      await Promise.all([idle!, asking!, told!].map(async (c, i) => c.ask(port, `c${i}`)));
      const toTold = o.got.find((g) => g.text === 'c2')!.from.split(' ');
      const ticks = setInterval(() => {
        asking!.send(port, 'c1');
        o.socket.send('news', Number(toTold[1]), toTold[0]);
      }, 100);
      const sockets = new Set(o.got.map((g) => g.from));
      await until(() => active() === 2, 'the idle flow to end');
      const told0 = told!.got.length;
      await until(() => told!.got.length > told0 + 8, 'more news');
      clearInterval(ticks);
      equal(new Set(o.got.map((g) => g.from)), sockets, 'sockets');
      check(!o.got.slice(3).some((g) => g.text === 'c0'), 'the idle client asked');
      await until(() => active() === 0, 'the others to end');
      for (const c of [idle!, asking!, told!]) c.close();
      o.stop();
    },
  },
  {
    name: 'a server that goes down loses its flows to another, one that is refused too',
    async run() {
      const origins = [await DatagramOrigin.start('a'), await DatagramOrigin.start('b')];
      await serve(origins);
      const clients = await Promise.all([0, 1, 2, 3].map(async () => DatagramClient.open()));
      const all = async (): Promise<string[]> => Promise.all(clients.map(async (c) => c.ask(port, 'x')));
      equal((await all()).sort(), ['a', 'a', 'b', 'b'], 'spread');
      rig.health('pool', origins[0]!.port, HEALTH.DOWN);
      equal(await all(), ['b', 'b', 'b', 'b'], 'servers while a is down');
      equal(
        origins.map((o) => rig.mapping.activeOf(rig.slot('pool', o.port))),
        [0, 4],
        'flows of the servers',
      );
      rig.health('pool', origins[0]!.port, HEALTH.UP);
      equal(await all(), ['b', 'b', 'b', 'b'], 'servers after a is back');
      origins[1]!.stop();
      const failures = (): number =>
        rig.mapping.serverTotals(rig.slot('pool', origins[1]!.port)).counters[SERVER.FAILURES]!;
      const before = failures();
      for (const c of clients) c.send(port, 'lost');
      await until(() => failures() === before + 4, 'the refusals');
      equal(await all(), ['a', 'a', 'a', 'a'], 'servers after b refused');
      rig.health('pool', origins[0]!.port, HEALTH.DOWN);
      rig.health('pool', origins[1]!.port, HEALTH.DOWN);
      equal(await all(), ['a', 'a', 'a', 'a'], 'flows that are there, with nobody up');
      const dropped = counters()[VS.DATAGRAMS_DROPPED]!;
      const late = await DatagramClient.open();
      late.send(port, 'nobody');
      await until(() => counters()[VS.DATAGRAMS_DROPPED] === dropped + 1, 'the datagram to be dropped');
      late.close();
      for (const o of origins) rig.health('pool', o.port, HEALTH.UP);
      await reset();
      for (const c of clients) c.close();
      origins[0]!.stop();
    },
  },
  {
    name: 'a disabled server is left at once, a draining one with the flow',
    async run() {
      const origins = [await DatagramOrigin.start('a'), await DatagramOrigin.start('b')];
      await serve(origins);
      const clients = await Promise.all([0, 1].map(async () => DatagramClient.open()));
      const at: string[] = [];
      for (const c of clients) at.push(await c.ask(port, 'x'));
      equal(at, ['a', 'b'], 'servers');
      const servers = (state: 'draining' | 'disabled'): PoolSpec['servers'] => [
        { port: origins[0]!.port, state },
        { port: origins[1]!.port },
      ];
      await serve([], {}, { servers: servers('draining') });
      equal(await clients[0]!.ask(port, 'x'), 'a', 'server of the old flow');
      const fresh = await DatagramClient.open();
      equal(await fresh.ask(port, 'x'), 'b', 'server of a new flow');
      await serve([], {}, { servers: servers('disabled') });
      equal(await clients[0]!.ask(port, 'x'), 'b', 'server after it was disabled');
      await reset();
      for (const c of [...clients, fresh]) c.close();
      for (const o of origins) o.stop();
    },
  },
  {
    name: 'with load balancing per datagram a client reaches all servers and hears all of them',
    async run() {
      const origins = [await DatagramOrigin.start('a'), await DatagramOrigin.start('b')];
      await serve(origins, { perDatagram: true });
      const c = await DatagramClient.open();
      const at: string[] = [];
      for (let i = 0; i < 10; i++) at.push(await c.ask(port, `${i}`));
      equal([at.filter((n) => n === 'a').length, at.filter((n) => n === 'b').length], [5, 5], 'spread');
      equal(active(), 1, 'flows');
      await reset();
      c.close();
      for (const o of origins) o.stop();
    },
  },
  {
    name: 'a drain keeps old flows to the deadline and takes no new ones',
    async run() {
      const o = await DatagramOrigin.start('a');
      await serve([o]);
      const [old, late] = [await DatagramClient.open(), await DatagramClient.open()];
      await old.ask(port, 'x');
      await serve([o], { placement: { state: 'drain', drain_timeout: 900 } });
      const dropped = counters()[VS.DATAGRAMS_DROPPED]!;
      late.send(port, 'new');
      await until(() => counters()[VS.DATAGRAMS_DROPPED] === dropped + 1, 'the new flow to be dropped');
      await old.ask(port, 'y');
      const [status] = rig.plane.status();
      equal([status!.state, status!.connections, status!.listeners], ['draining', 1, []], 'status');
      await until(() => rig.plane.status()[0]!.state === 'drained', 'the deadline');
      equal(
        o.got.map((g) => g.text),
        ['x', 'y'],
        'datagrams at the server',
      );
      await serve([o]);
      await late.ask(port, 'again');
      await reset();
      for (const c of [old, late]) c.close();
      o.stop();
    },
  },
  {
    name: 'flows are bounded, and room is free again when some end',
    async run() {
      const o = await DatagramOrigin.start('a');
      await serve([o], { idle: 700 });
      const clients = await Promise.all(Array.from({ length: 45 }, async () => DatagramClient.open()));
      const dropped = counters()[VS.DATAGRAMS_DROPPED]!;
      for (const c of clients) c.send(port, 'x');
      await until(() => active() === 40, '40 flows');
      await until(() => counters()[VS.DATAGRAMS_DROPPED] === dropped + 5, 'the rest to be dropped');
      await until(() => active() === 0, 'the end of all');
      const again = await DatagramClient.open();
      await again.ask(port, 'x');
      await reset();
      for (const c of [...clients, again]) c.close();
      o.stop();
    },
  },
  {
    name: 'over IPv6 and between the families',
    async run() {
      const o6 = await DatagramOrigin.start('six', '::1');
      const o4 = await DatagramOrigin.start('four');
      const six = { address: '::1', port: o6.port };
      await serve([], { address: '::1' }, { servers: [six, { port: o4.port }] });
      const c6 = await DatagramClient.open('::1');
      const d6 = await DatagramClient.open('::1');
      equal([await c6.ask(port, 'x'), await d6.ask(port, 'x')].sort(), ['four', 'six'], 'servers');
      await reset();
      await serve([], {}, { servers: [six] });
      const c4 = await DatagramClient.open();
      equal(await c4.ask(port, 'x'), 'six', 'server');
      equal(rig.mapping.activeOf(rig.slot('pool', o6.port, '::1')), 1, 'flows');
      await reset();
      for (const c of [c4, c6, d6]) c.close();
      for (const o of [o4, o6]) o.stop();
    },
  },
  {
    name: 'a range of ports, and TCP and UDP at the same port',
    async run() {
      const o = await DatagramOrigin.start('a');
      const base = await freeUdpPort(16);
      await rig.apply(
        [
          {
            ports: [],
            application: { type: 'tcp', tcp: { idle_timeout: 0 } },
            services: [
              {
                port: base,
                port_range_end: base + 15,
                application: { type: 'udp', udp: { idle_timeout: 60_000, per_datagram: false } },
              },
              { port: base, port_range_end: base },
            ],
          },
        ],
        { pool: { servers: [{ port: o.port }] } },
      );
      equal([rig.plane.status()[0]!.state, rig.plane.status()[0]!.listeners.length], ['active', 17], 'state');
      const c = await DatagramClient.open();
      for (let i = 0; i < 16; i++) await c.ask(base + i, `p${i}`);
      equal(active(), 16, 'flows');
      await reset();
      c.close();
      o.stop();
    },
  },
  {
    name: 'a pool group gives each flow a pool, by priority; a flow stays with its server',
    async run() {
      const [a, b, c] = [
        await DatagramOrigin.start('a'),
        await DatagramOrigin.start('b'),
        await DatagramOrigin.start('c'),
      ];
      await rig.apply(
        [
          {
            ports: [port],
            pool: null,
            application: { type: 'udp', udp: { idle_timeout: 60_000, per_datagram: false } },
            policies: { pool_group_uuid: 'group' },
          },
        ],
        { a: poolOf(a), b: poolOf(b), c: poolOf(c) },
        {
          pool_groups: [
            {
              uuid: 'group',
              name: 'group',
              members: [member('a', 2), member('b', 2), member('c', 1)],
              min_servers: 0,
            },
          ],
        },
      );
      const clients = await Promise.all(Array.from({ length: 8 }, async () => DatagramClient.open()));
      const servers = await Promise.all(clients.map(async (x) => x.ask(port, 'x')));
      equal(
        [servers.filter((s) => s === 'a').length, servers.filter((s) => s === 'b').length],
        [4, 4],
        'shares',
      );
      equal(
        await Promise.all(clients.map(async (x) => x.ask(port, 'y'))),
        servers,
        'servers of the next datagrams',
      );
      rig.health('a', a.port, HEALTH.DOWN);
      rig.health('b', b.port, HEALTH.DOWN);
      const late = await DatagramClient.open();
      equal(await late.ask(port, 'x'), 'c', 'while the others are down');
      rig.health('a', a.port, HEALTH.UP);
      rig.health('b', b.port, HEALTH.UP);
      await reset();
      for (const x of [...clients, late]) x.close();
      for (const o of [a, b, c]) o.stop();
    },
  },
  {
    name: 'a network policy is asked who may begin a flow',
    async run() {
      const o = await DatagramOrigin.start('a');
      const network: NetworkPolicy = {
        uuid: 'n',
        name: 'n',
        rules: [
          {
            index: 1,
            name: 'office',
            client_ip: {
              negated: false,
              ranges: [{ first: '127.0.0.2', last: '127.0.0.3' }],
              address_group_uuids: [],
            },
            action: { type: 'allow' },
          },
          { index: 2, name: 'rest', action: { type: 'deny' } },
        ],
      };
      await rig.apply(
        [
          {
            ports: [port],
            application: { type: 'udp', udp: { idle_timeout: 60_000, per_datagram: false } },
            policies: { network_policy_uuid: 'n' },
          },
        ],
        { pool: { servers: [{ port: o.port }] } },
        { network_policies: [network] },
      );
      const before = refused();
      const denied = await DatagramClient.open();
      denied.send(port, 'x');
      await until(() => refused() === before + 1, 'the refusal');
      const allowed = await DatagramClient.open('127.0.0.2', '127.0.0.1');
      equal(await allowed.ask(port, 'y'), 'a', 'the answer to who may');
      equal([denied.got.length, o.got.length, active()], [0, 1, 1], 'answers, datagrams and flows');
      await reset();
      for (const c of [denied, allowed]) c.close();
      o.stop();
    },
  },
];

await runCases(cases);
