import { HEALTH, SERVER, VS } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { freePort } from '../suite/ports.js';
import { Rig, type ServiceSpec } from '../suite/rig.js';
import { SipClientOf, sipOk, SipOrigin, sipRequest } from '@spillway/testing';

const rig = await Rig.make();
const port = await freePort();
const CALLS = Array.from({ length: 40 }, (_, i) => `call-${i}@here`);

async function serve(
  kind: 'tcp' | 'udp',
  origins: SipOrigin[],
  timeout = 32_000,
  more: Partial<ServiceSpec> = {},
): Promise<void> {
  await rig.apply(
    [
      {
        ports: [port],
        application:
          kind === 'tcp'
            ? { type: 'tcp', tcp: { idle_timeout: 0 } }
            : { type: 'udp', udp: { idle_timeout: 60_000, per_datagram: false } },
        sip: { transaction_timeout: timeout },
        ...more,
      },
    ],
    {
      pool: {
        algorithm: 'consistent_hash',
        consistent_hash: { key: 'call_id', ignore_server_port: false },
        servers: origins.map((o) => ({ port: o.port })),
      },
    },
  );
}

async function reset(origins: SipOrigin[]): Promise<void> {
  await rig.apply([], {});
  await until(
    () => rig.mapping.serviceTotals(0).counters[VS.CONNECTIONS_ACTIVE] === 0,
    'the end of all connections',
  );
  for (const o of origins) o.stop();
}

const start = (...names: string[]): Promise<SipOrigin[]> => Promise.all(names.map((n) => SipOrigin.start(n)));
const open = (kind: 'tcp' | 'udp'): Promise<SipClientOf> => SipClientOf[kind](port);

async function askAll(client: SipClientOf, calls = CALLS): Promise<string[]> {
  const servers: string[] = [];
  for (const call of calls) servers.push(await client.ask(call));
  return servers;
}

const both = ['tcp', 'udp'] as const;

const cases: Case[] = [
  ...both.flatMap((kind): Case[] => [
    {
      name: `${kind}: the calls of one client are at several servers, the same for every client`,
      async run() {
        const origins = await start('a', 'b', 'c');
        await serve(kind, origins);
        const [one, two] = [await open(kind), await open(kind)];
        const servers = await askAll(one);
        equal([...new Set(servers)].sort(), ['a', 'b', 'c'], 'servers');
        equal(await askAll(one), servers, 'a second request');
        equal(await askAll(two), servers, 'another client');
        for (const o of origins)
          equal(
            o.got.length,
            3 * servers.filter((s) => s === o.name).length,
            `requests that ${o.name} got of ${JSON.stringify(o.got)}`,
          );
        if (kind === 'tcp')
          equal(
            origins.map((o) => o.connections),
            [2, 2, 2],
            'connections',
          );
        for (const c of [one, two]) c.close();
        await reset(origins);
      },
    },
    {
      name: `${kind}: 5xx are errors of the server, but for those that are not to count`,
      async run() {
        const origins = await start('a');
        const errors = { codes: [], sip_codes: [501], server_reset: false, connect_timeout: false };
        await serve(kind, origins, 32_000, { errors });
        const client = await open(kind);
        const counted = (which: number): number =>
          rig.mapping.serverCounter(rig.slot('pool', origins[0]!.port), which);
        for (const status of [200, 401, 486, 503, 500, 501, 603, 180]) {
          origins[0]!.status = status;
          await client.ask(`call ${status}`.replace(' ', '-'));
        }
        equal(
          [SERVER.OUTCOMES, SERVER.ERRORS, SERVER.ERRORS_4XX].map(counted),
          [8, 2, 0],
          'the connection (or flow) and seven final responses, and errors',
        );
        client.close();
        await reset(origins);
      },
    },
    {
      name: `${kind}: a call stays where it is when servers come, others go where they belong`,
      async run() {
        const origins = await start('a', 'b', 'c');
        await serve(kind, origins.slice(0, 2));
        const before = await open(kind);
        const servers = await askAll(before);
        await serve(kind, origins);
        equal(await askAll(before), servers, 'known calls');
        const after = await open(kind);
        const now = await askAll(after);
        check(now.includes('c'), 'the new server gets some');
        check(
          now.every((s, i) => s === 'c' || s === servers[i]),
          'nothing else moves',
        );
        for (const c of [before, after]) c.close();
        await reset(origins);
      },
    },
    {
      name: `${kind}: a call that was quiet for the transaction time-out is a new one`,
      async run() {
        const origins = await start('a', 'b', 'c');
        await serve(kind, origins.slice(0, 2), 2000);
        const client = await open(kind);
        const servers = await askAll(client);
        await serve(kind, origins, 2000);
        const fresh = await open(kind);
        const now = await askAll(fresh);
        const moved = CALLS[now.indexOf('c')]!;
        equal(await client.ask(moved), servers[CALLS.indexOf(moved)], 'before its time is up');
        const at = performance.now();
        await until(() => performance.now() - at > 2300, 'its time is up');
        equal(await client.ask(moved), 'c', 'after its time');
        for (const c of [client, fresh]) c.close();
        await reset(origins);
      },
    },
    {
      name: `${kind}: a call leaves a server that is down, and stays with the next one`,
      async run() {
        const origins = await start('a', 'b');
        await serve(kind, origins);
        const client = await open(kind);
        const servers = await askAll(client);
        rig.health('pool', origins[0]!.port, HEALTH.DOWN);
        check(
          (await askAll(client)).every((s) => s === 'b'),
          'all are at b',
        );
        rig.health('pool', origins[0]!.port, HEALTH.UP);
        const after = await askAll(client);
        check(
          after.every((s) => s === 'b'),
          'and stay there',
        );
        check(servers.includes('a'), 'some had been at a');
        client.close();
        await reset(origins);
      },
    },
    {
      name: `${kind}: what a server begins comes to the client, whose answer goes back to that server`,
      async run() {
        const origins = await start('a', 'b');
        await serve(kind, origins);
        const client = await open(kind);
        await askAll(client);
        for (const o of origins) {
          for (let i = 0; i < 10; i++) {
            const call = `from-${o.name}-${i}`;
            const bye = sipRequest('BYE', call);
            if (kind === 'tcp') for (const s of o.sockets) s.write(bye);
            else for (const p of o.peers) o.udp.send(bye, Number(p), '127.0.0.1');
            await until(() => client.got.includes(`BYE ${call}`), `the request of ${o.name}`);
            client.send(sipOk(call, 'client'));
            await until(() => o.got.includes(`SIP/2.0 ${call}`), `the answer at ${o.name}`);
          }
        }
        client.close();
        await reset(origins);
      },
    },
    {
      name: `${kind}: a server that refuses is left out`,
      async run() {
        const origins = await start('a', 'b');
        await serve(kind, origins);
        origins[0]!.stop();
        const client = await open(kind);
        for (const call of CALLS) {
          // A datagram that was refused is lost; the next one of its call goes elsewhere.
          if (kind === 'tcp') equal(await client.ask(call), 'b', call);
          else
            await until(() => {
              client.send(sipRequest('OPTIONS', call));
              return client.got.includes(`b ${call}`);
            }, call);
        }
        const failures = rig.mapping.serverTotals(rig.slot('pool', origins[0]!.port)).counters[
          SERVER.FAILURES
        ]!;
        check(failures > 0, 'failures are counted');
        client.close();
        await reset(origins.slice(1));
      },
    },
  ]),
  {
    name: 'tcp: messages of several servers do not mix, however they come, and a client may send all at once',
    async run() {
      const origins = await start('a', 'b', 'c');
      for (const o of origins) o.pieces = 7;
      await serve('tcp', origins);
      const client = await open('tcp');
      client.send(CALLS.map((call) => sipRequest('MESSAGE', call, 'x'.repeat(3000))).join(''));
      await until(() => client.got.length === CALLS.length, 'all answers');
      equal(new Set(client.got.map((g) => g.split(' ')[1])).size, CALLS.length, 'calls');
      check(
        client.got.every((g) => /^[abc] call-\d+@here$/.test(g)),
        'whole messages',
      );
      client.close();
      await reset(origins);
    },
  },
  {
    name: 'tcp: line ends between messages are nothing, two of them are answered with one',
    async run() {
      const origins = await start('a');
      await serve('tcp', origins);
      const client = await open('tcp');
      client.send('\r\n\r\n');
      await until(() => client.got.length === 1, 'the answer');
      client.send(`\r\n${sipRequest('OPTIONS', 'x')}`);
      await until(() => client.got.length === 2, 'the answer');
      equal(client.got, ['pong', 'a x'], 'answers');
      client.close();
      await reset(origins);
    },
  },
  {
    name: 'tcp: what is no SIP ends the connection and nothing else; of a server, only that to it',
    async run() {
      const origins = await start('a', 'b');
      await serve('tcp', origins);
      const [bad, good] = [await open('tcp'), await open('tcp')];
      const servers = await askAll(good);
      bad.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await until(() => bad.closed, 'the end of the bad one');
      const of = (name: string): string => CALLS[servers.indexOf(name)]!;
      for (const s of origins[0]!.sockets) s.write('HTTP/1.1 200 OK\r\n\r\n');
      await until(() => origins[0]!.sockets.size === 0, 'the end of the connection to a');
      equal([await good.ask(of('b')), await good.ask(of('a'))], ['b', 'a'], 'calls go on');
      check(!good.closed, 'the client is still there');
      good.close();
      await reset(origins);
    },
  },
  {
    name: 'tcp: the end of the client ends its connections to servers; without a server it is reset',
    async run() {
      const origins = await start('a', 'b');
      await serve('tcp', origins);
      const client = await open('tcp');
      await askAll(client);
      client.close();
      await until(() => origins.every((o) => o.sockets.size === 0), 'the end at the servers');
      for (const o of origins) {
        equal(rig.mapping.activeOf(rig.slot('pool', o.port)), 0, `connections of ${o.name}`);
        rig.health('pool', o.port, HEALTH.DOWN);
      }
      const lost = await open('tcp');
      lost.send(sipRequest('OPTIONS', 'x'));
      await until(() => lost.closed, 'the reset');
      await reset(origins);
    },
  },
  {
    name: 'udp: what is no SIP is dropped, what keeps a flow open too; what follows a message is cut off',
    async run() {
      const origins = await start('a');
      await serve('udp', origins);
      const client = await open('udp');
      for (const junk of [
        '\r\n\r\n',
        '\0\0\0\0',
        'GET / HTTP/1.1\r\n\r\n',
        sipRequest('OPTIONS', ''),
        'x'.repeat(2000),
      ])
        client.send(junk);
      client.send(`${sipRequest('OPTIONS', 'whole')}junk`);
      await until(() => client.got.length === 1, 'the answer');
      equal(origins[0]!.got, ['OPTIONS whole'], 'what came');
      client.close();
      await reset(origins);
    },
  },
];

await runCases(cases);
