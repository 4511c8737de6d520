import { capacityIn, LATENCY_WORD } from '@spillway/balancing';
import { SERVER_STATE_I32 } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { Http2Origin } from '../suite/http2-origin.js';
import { Origin, OK, type Received } from '../suite/origin.js';
import { freePort, freeUdpPort } from '../suite/ports.js';
import { DatagramClient, DatagramOrigin } from '../suite/datagrams.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();
let uuids = 0;

interface Learnt {
  /** Predicted work under way, of all workers. */
  work: () => number;
  word: (which: keyof typeof LATENCY_WORD) => number;
}

/** Serves from a pool of its own. */
async function serve(
  servers: PoolSpec['servers'],
  algorithm: NonNullable<PoolSpec['algorithm']>,
  service: Partial<ServiceSpec> = {},
  pool: Partial<PoolSpec> = {},
): Promise<(server: number) => Learnt> {
  const uuid = `pool-${uuids++}`;
  await rig.apply([{ ports: [port], pool: uuid, ...service }], { [uuid]: { servers, algorithm, ...pool } });
  return (server) => {
    const { mapping } = rig;
    const slot = rig.slot(uuid, server);
    const cells = slot * mapping.layout.activeStride;
    return {
      work: () =>
        mapping.work.subarray(cells, cells + mapping.layout.activeStride).reduce((a, b) => a + b, 0),
      word: (which) => mapping.i32[mapping.stateI32(slot) + SERVER_STATE_I32.LATENCY + LATENCY_WORD[which]]!,
    };
  };
}

/** Answers what ends in `now`, and keeps the others until they are let go. */
class Keeping {
  readonly kept: Received[] = [];
  readonly answer = (r: Received): void => {
    if (r.head.includes('now')) r.socket.write(OK);
    else this.kept.push(r);
  };

  letGo(): void {
    for (const r of this.kept.splice(0)) r.socket.write(OK);
  }
}

const cases: Case[] = [
  {
    name: 'least load: work is there as long as its request is, however that ends',
    async run() {
      const keeping = new Keeping();
      const origin = await Origin.start(keeping.answer);
      const learnt = (await serve([origin], 'least_load'))(origin.port);
      const c = await RawClient.open(port);
      for (let i = 0; i < 20; i++) await c.get('/a/now');
      equal(learnt.work(), 0, 'after responses');
      check(learnt.word('LEARNT') !== 0, 'something was learnt');
      // One that is answered, one whose client goes away, one whose server breaks off, one that is sent again.
      const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.open(port)));
      for (const [i, client] of clients.entries()) client.send(`GET /a/${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await until(() => keeping.kept.length === 4, 'four requests');
      check(learnt.work() > 0, 'work is under way');
      const at = (i: number): Received => keeping.kept.find((r) => r.head.startsWith(`GET /a/${i}`))!;
      clients[1]!.socket.destroy();
      at(2).socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      at(2).socket.destroy();
      at(3).socket.destroy();
      await until(() => keeping.kept.length === 5, 'the same once more');
      check(learnt.work() > 0, 'work goes on');
      keeping.letGo();
      await clients[0]!.response();
      await clients[3]!.response();
      await until(() => learnt.work() === 0, 'all work to be over');
      for (const client of [c, ...clients]) client.end();
      origin.stop();
    },
  },
  {
    name: 'least load: a change of the algorithm, or of the slot, leaves nothing behind',
    async run() {
      const keeping = new Keeping();
      const origin = await Origin.start(keeping.answer);
      const uuid = `pool-${uuids++}`;
      const use = (algorithm: NonNullable<PoolSpec['algorithm']>): Promise<void> =>
        rig.apply([{ ports: [port], pool: uuid }], { [uuid]: { servers: [origin], algorithm } });
      await use('least_load');
      const c = await RawClient.open(port);
      c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => keeping.kept.length === 1, 'the request');
      const cell = rig.slot(uuid, origin.port) * rig.mapping.layout.activeStride;
      check(rig.mapping.work[cell]! > 0, 'work is under way');
      await use('round_robin');
      keeping.letGo();
      await c.response();
      equal(rig.mapping.work[cell], 0, 'under another algorithm');
      // What began under another algorithm is counted once least load looks at it.
      c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => keeping.kept.length === 1, 'the next request');
      await use('least_load');
      await until(() => rig.mapping.work[cell]! > 0, 'it to be counted');
      keeping.letGo();
      await c.response();
      await until(() => rig.mapping.work[cell] === 0, 'it to be over');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'least load over HTTP/2: work is there as long as its stream is',
    async run() {
      const held: (() => void)[] = [];
      const origin = await Http2Origin.start(({ connection, id }) => {
        held.push(() => {
          connection.headers(id, [[':status', '200']], false);
          connection.body(id, 'ok');
        });
      });
      const learnt = (await serve([origin], 'least_load', {}, { enable_http2: true }))(origin.port);
      const clients = await Promise.all(Array.from({ length: 3 }, () => RawClient.open(port)));
      for (const client of clients) client.send('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => held.length === 3, 'the streams');
      check(learnt.work() > 0, 'work is under way');
      clients[0]!.socket.destroy();
      for (const answer of held.slice(1)) answer();
      for (const client of clients.slice(1)) equal((await client.response()).status, 200, 'the answer');
      await until(() => learnt.work() === 0, 'all work to be over');
      for (const client of clients) client.end();
      origin.stop();
    },
  },
  {
    name: 'fastest response: times of first bytes, of connections at L4, and of servers that fail',
    async run() {
      const origin = await Origin.start();
      const learnt = (await serve([origin], 'fastest_response'))(origin.port);
      const c = await RawClient.open(port);
      await c.get('/');
      const log = learnt.word('LEARNT') / 65_536;
      check(log > 1 && log < 20, `2^${log} us is the time of a response`);
      const uploads = (await serve([origin], 'fastest_response'))(origin.port);
      const { bytesIn } = origin;
      c.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab');
      await until(() => origin.bytesIn > bytesIn, 'the first half');
      equal((await c.send('cd').response()).status, 200, 'the answer to an upload');
      equal(uploads.word('LEARNT'), 0, 'how long an upload takes says nothing of the server');
      c.end();
      const l4 = (await serve([origin], 'fastest_response', { tcpIdle: 10_000 }))(origin.port);
      equal(l4.word('LEARNT'), 0, 'nothing is known before');
      const d = await RawClient.open(port);
      await d.get('/');
      check(l4.word('LEARNT') > 0, 'the time to connect');
      d.end();
      const answers = await DatagramOrigin.start('o');
      const udpPort = await freeUdpPort();
      const udp = (
        await serve([{ port: answers.port }], 'fastest_response', {
          ports: [udpPort],
          application: { type: 'udp', udp: { idle_timeout: 60_000, per_datagram: false } },
        })
      )(answers.port);
      const datagrams = await DatagramClient.open();
      await until(() => {
        datagrams.send(udpPort, 'hello');
        return udp.word('LEARNT') > 0;
      }, 'the time to the first answer of a flow');
      datagrams.close();
      answers.stop();
      const refuses = await freePort();
      const refused = (await serve([{ port: refuses }], 'fastest_response'))(refuses);
      const e = await RawClient.open(port);
      equal((await e.get('/')).status, 502, 'refused');
      check(refused.word('LEARNT') / 65_536 > 16, 'a failure is slow');
      e.end();
      origin.stop();
    },
  },
  {
    name: 'fewest servers: a capacity is found, and lost by a server that refuses',
    async run() {
      const origin = await Origin.start();
      const refuses = await freePort();
      const of = await serve([{ port: refuses }, origin], 'fewest_servers');
      const c = await RawClient.open(port);
      // The first server refuses, and each request finds the second one.
      for (let i = 0; i < 30; i++) equal((await c.get('/')).status, 200, 'served by the other');
      const words = new Int32Array(6).fill(0);
      words[LATENCY_WORD.CAPACITY] = of(refuses).word('CAPACITY');
      check(capacityIn(words, 0) < 0.5, 'it has next to no capacity');
      const began = performance.now();
      await until(() => {
        void c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        return performance.now() - began > 0 && of(origin.port).word('BASELINE_AT') !== 0;
      }, 'a first sample');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'other algorithms are told nothing, unless capacities are to be estimated',
    async run() {
      const origin = await Origin.start();
      const silent = (await serve([origin], 'round_robin'))(origin.port);
      const c = await RawClient.open(port);
      for (let i = 0; i < 10; i++) await c.get('/');
      for (const word of Object.keys(LATENCY_WORD) as (keyof typeof LATENCY_WORD)[])
        equal(silent.word(word), 0, word);
      const told = (await serve([origin], 'round_robin', {}, { capacity_estimation: true }))(origin.port);
      for (let i = 0; i < 10; i++) await c.get('/');
      check(told.word('BASELINE_AT') !== 0, 'samples were taken');
      c.end();
      origin.stop();
    },
  },
];

await runCases(cases);
