import type { L4Rule } from '@spillway/snapshot';
import { CLOSED_BY, HEALTH, VS } from '@spillway/telemetry';
import type { Socket } from 'node:net';
import { OPENSSL_FULL } from '../tls/client-hello.captured.js';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { DatagramClient, DatagramOrigin } from '../suite/datagrams.js';
import { Origin } from '../suite/origin.js';
import { freePort, freeUdpPort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type Parts, type PoolSpec, type ServiceSpec } from '../suite/rig.js';
import { helloBody, inRecords, serverName } from '../tls/client-hello.writer.js';

/** What comes before and beside the bytes of L4: the PROXY protocol either way, rules, names of servers. */
const rig = await Rig.make();
const port = await freePort();
const port6 = await freePort('::1');

/** What a TLS client begins with that asks for a name; without one where it is empty. */
const helloRecord = (name: string): Buffer =>
  inRecords(
    helloBody({
      legacyVersion: 0x0303,
      sessionId: Buffer.alloc(32, 1),
      cipherSuites: [0x1301],
      extensions: name === '' ? [] : [serverName(name)],
    }),
  );

interface Seen {
  text: string;
  sockets: Socket[];
}

/** A server that notes all it gets and answers its name to what ends with "?". */
async function origin(name: string, address = '127.0.0.1'): Promise<Origin & { seen: Seen }> {
  const o = Object.assign(new Origin(), { seen: { text: '', sockets: [] as Socket[] } });
  o.raw = (socket) => {
    o.seen.sockets.push(socket);
    socket.on('end', () => socket.end());
    socket.on('data', (d: Buffer) => {
      o.seen.text += d.toString('latin1');
      if (d.at(-1) === 0x3f) socket.write(name);
    });
  };
  await o.listen(0, address);
  return o;
}

async function serve(
  servers: (PoolSpec['servers'][number] | Origin)[],
  service: Partial<ServiceSpec> = {},
  pools: Record<string, PoolSpec> = {},
  parts: Partial<Parts> = {},
): Promise<void> {
  const listed = servers.map((s) => ({ port: s.port, ...(s instanceof Origin ? {} : s) }));
  await rig.apply(
    [{ ports: [port], tcpIdle: 0, ...service }],
    { pool: { servers: listed }, ...pools },
    parts,
  );
}

async function ask(client: RawClient, before: string | Uint8Array = ''): Promise<string> {
  client.send(before).send('?');
  await until(() => client.text !== '' || client.closed, 'an answer');
  return client.text;
}

const tcp = (send_proxy: 1 | 2): ServiceSpec['application'] => ({
  type: 'tcp',
  tcp: { idle_timeout: 0, send_proxy },
});

/** Connections that ended for their first bytes. */
const closed = (): number => rig.mapping.serviceTotals(0).counters[VS.CLOSED + CLOSED_BY.HANDSHAKE]!;

/** A pool by the name of the server. */
const rule = (pool_uuid: string, more: Partial<NonNullable<L4Rule['server_name']>>): L4Rule => ({
  name: pool_uuid,
  server_name: { negated: false, operator: 'equals', values: [], ...more },
  pool_uuid,
});

const member = (pool_uuid: string, priority: number) => ({ pool_uuid, priority, ratio: 1 });

const answer = async (): Promise<string> => {
  const c = await RawClient.open(port);
  const text = await ask(c);
  c.end();
  return text;
};

const cases: Case[] = [
  {
    name: 'a server is told of the client by version 1, alone or with the first bytes',
    async run() {
      const o = await origin('a');
      await serve([o], { application: tcp(1) });
      const silent = await RawClient.open(port);
      const line = (c: RawClient): string =>
        `PROXY TCP4 127.0.0.1 127.0.0.1 ${c.socket.localPort} ${port}\r\n`;
      await until(() => o.seen.text === line(silent), 'the header without data');
      equal(await ask(silent, 'hello'), 'a', 'answer');
      equal(o.seen.text, `${line(silent)}hello?`, 'what came');
      o.seen.text = '';
      const quick = await RawClient.open(port);
      await ask(quick, 'x'.repeat(5000));
      equal(o.seen.text, `${line(quick)}${'x'.repeat(5000)}?`, 'what came with data');
      silent.end();
      quick.end();
      o.stop();
    },
  },
  {
    name: 'and by version 2, over IPv6 too',
    async run() {
      const o = await origin('a', '::1');
      await serve([{ port: o.port, address: '::1' }], {
        application: tcp(2),
        ports: [port6],
        address: '::1',
      });
      const c = await RawClient.open(port6, '::1');
      equal(await ask(c), 'a', 'answer');
      const one = '00000000000000000000000000000001';
      const ports = Buffer.alloc(4);
      ports.writeUInt16BE(c.socket.localPort!, 0);
      ports.writeUInt16BE(port6, 2);
      await until(() => o.seen.text.length === 53, 'header and question');
      equal(
        Buffer.from(o.seen.text, 'latin1').toString('hex'),
        `0d0a0d0a000d0a515549540a21210024${one}${one}${ports.toString('hex')}3f`,
        'what came',
      );
      c.end();
      o.stop();
    },
  },
  {
    name: 'a header that clients begin with is taken off, at any split, and told on',
    async run() {
      const o = await origin('a');
      await serve([o], { acceptProxy: {}, application: tcp(1) });
      const header = 'PROXY TCP6 2001:db8::7 2001:db8::1 1234 443\r\n';
      for (const cut of [0, 1, 5, 6, 20, header.length - 1, header.length]) {
        o.seen.text = '';
        const c = await RawClient.open(port);
        if (cut > 0) {
          c.send(header.slice(0, cut));
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        }
        equal(await ask(c, header.slice(cut)), 'a', `answer, cut at ${cut}`);
        equal(o.seen.text, `${header}?`, 'what came');
        c.end();
      }
      const local = await RawClient.open(port);
      o.seen.text = '';
      equal(await ask(local, Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')), 'a', 'answer to LOCAL');
      check(o.seen.text.startsWith('PROXY TCP4 127.0.0.1 '), o.seen.text);
      local.end();
      o.stop();
    },
  },
  {
    name: 'without a good header a connection is reset, and nothing reaches a server',
    async run() {
      const o = await origin('a');
      await serve([o], { acceptProxy: {} });
      const before = closed();
      const junk = [
        'GET / HTTP/1.1\r\n\r\n',
        'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n',
        `PROXY UNKNOWN ${'x'.repeat(5000)}`,
      ];
      for (const text of junk) {
        const c = await RawClient.open(port);
        c.send(text);
        await until(() => c.closed, 'the reset');
        equal(c.error, 'ECONNRESET', 'error');
      }
      const half = await RawClient.open(port);
      half.send('PROXY TC');
      half.socket.end();
      await until(() => half.closed, 'the end of half a header');
      const late = await RawClient.open(port);
      await until(() => late.closed, 'the end of who says nothing');
      equal([closed() - before, o.connections], [5, 0], 'closed by their headers, connections at the server');
      o.stop();
    },
  },
  {
    name: 'only those who may say so are asked for a header',
    async run() {
      const o = await origin('a');
      await serve([o], {
        acceptProxy: { from: [{ first: '10.0.0.0', last: '10.255.255.255' }] },
        application: tcp(1),
      });
      const c = await RawClient.open(port);
      const lie = 'PROXY TCP4 10.9.9.9 10.9.9.8 1 2\r\n';
      equal(await ask(c, lie), 'a', 'answer');
      equal(
        o.seen.text,
        `PROXY TCP4 127.0.0.1 127.0.0.1 ${c.socket.localPort} ${port}\r\n${lie}?`,
        'what came',
      );
      c.end();
      o.stop();
    },
  },
  {
    name: 'HTTP behind the PROXY protocol names the client that the header names',
    async run() {
      const o = await Origin.start();
      await serve([o], { acceptProxy: {}, application: undefined, tcpIdle: undefined });
      const c = await RawClient.open(port);
      c.send('PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n');
      equal((await c.response()).status, 200, 'status');
      check(/x-forwarded-for: 203\.0\.113\.9\r\n/i.test(o.requests[0]!.head), o.requests[0]!.head);
      c.end();
      o.stop();
    },
  },
  {
    name: 'TLS is passed through to the pool of its server name, byte for byte',
    async run() {
      const [a, b, rest] = [await origin('a'), await origin('b'), await origin('rest')];
      await serve(
        [rest],
        {
          rules: [
            rule('a', { values: ['A.example'] }),
            rule('b', { operator: 'ends_with', values: ['.b.example'] }),
          ],
        },
        { a: { servers: [{ port: a.port }] }, b: { servers: [{ port: b.port }] } },
      );
      const hellos: [string, Origin & { seen: Seen }, Buffer][] = [
        ['a.example', a, helloRecord('a.EXAMPLE')],
        ['www.b.example', b, helloRecord('www.b.example')],
        ['other.example', rest, helloRecord('other.example')],
        ['no name', rest, helloRecord('')],
        ['a captured one', rest, Buffer.from(OPENSSL_FULL.replaceAll(/\s/g, ''), 'hex')],
        ['no TLS', rest, Buffer.from('SSH-2.0-client\r\n')],
      ];
      for (const [what, to, hello] of hellos)
        for (const cut of [hello.length, 1, 3, 43, hello.length - 1]) {
          to.seen.text = '';
          const c = await RawClient.open(port);
          for (let at = 0; at < hello.length; at += cut) {
            c.send(hello.subarray(at, at + cut));
            if (cut < hello.length && at < 10 * cut)
              await new Promise((resolve) => {
                setImmediate(resolve);
              });
          }
          await ask(c);
          equal(to.seen.text, `${hello.toString('latin1')}?`, `bytes of ${what} in pieces of ${cut}`);
          c.end();
        }
      const silent = await RawClient.open(port);
      const { connections } = rest;
      await until(() => rest.connections === connections + 1, 'a server for who says nothing');
      silent.end();
      for (const o of [a, b, rest]) o.stop();
    },
  },
  {
    name: 'rules choose by client, port and protocol, for connections and for flows',
    async run() {
      const [a, rest] = [await origin('a'), await origin('rest')];
      const [ua, urest] = [await DatagramOrigin.start('a'), await DatagramOrigin.start('rest')];
      const other = await freeUdpPort();
      const rules: L4Rule[] = [
        {
          name: 'udp',
          protocol: { negated: false, protocol: 'udp' },
          client: { negated: true, ranges: [] },
          pool_uuid: 'udp',
        },
        {
          name: 'port',
          port: { negated: false, ranges: [{ begin: other, end: other }] },
          client: { negated: false, ranges: [{ first: '127.0.0.0', last: '127.255.255.255' }] },
          pool_uuid: 'a',
        },
        {
          name: 'nobody',
          client: { negated: false, ranges: [{ first: '10.0.0.1', last: '10.0.0.9' }] },
          pool_uuid: 'udp',
        },
      ];
      const udp = { type: 'udp' as const, udp: { idle_timeout: 60_000, per_datagram: false } };
      await serve(
        [rest],
        {
          rules,
          services: [
            { port, port_range_end: port },
            { port: other, port_range_end: other },
            { port: other, port_range_end: other, application: udp },
          ],
        },
        { a: { servers: [{ port: a.port }] }, udp: { servers: [{ port: ua.port }] } },
      );
      const first = await RawClient.open(port);
      const second = await RawClient.open(other);
      const third = await DatagramClient.open();
      equal(
        [await ask(first), await ask(second), await third.ask(other, 'x')],
        ['rest', 'a', 'a'],
        'servers',
      );
      first.end();
      second.end();
      third.close();
      for (const o of [a, rest, ua, urest]) o.stop();
    },
  },
  {
    name: 'a rule may send to a pool group: the pool of the highest priority that has servers up',
    async run() {
      const [a, b, rest] = [await origin('a'), await origin('b'), await origin('rest')];
      await serve(
        [rest],
        { rules: [{ name: 'all', pool_group_uuid: 'both' }] },
        { a: { servers: [{ port: a.port }] }, b: { servers: [{ port: b.port }] } },
        {
          pool_groups: [
            { uuid: 'both', name: 'both', members: [member('a', 2), member('b', 1)], min_servers: 0 },
          ],
        },
      );
      equal([await answer(), await answer()], ['a', 'a'], 'servers');
      rig.health('a', a.port, HEALTH.DOWN);
      equal(await answer(), 'b', 'server while the first pool is down');
      rig.health('a', a.port, HEALTH.UP);
      for (const o of [a, b, rest]) o.stop();
    },
  },
];

await runCases(cases);
