import type { ServiceRate } from '@spillway/snapshot';
import { OWN_BY, REFUSED_BY, VS } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient, type RawResponse } from '../suite/raw-client.js';
import { Rig, type ServiceSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();
const origin = await Origin.start();
let names = 0;

const serve = (service: Partial<ServiceSpec>): Promise<void> =>
  rig.apply([{ ports: [port], ...service }], { pool: { servers: [{ port: origin.port }] } });

/** A rate of its own for each case, slow enough that nothing comes back while it runs. */
const rate = (change: Partial<ServiceRate>): ServiceRate => ({
  name: `rate ${names++}`,
  of: 'requests',
  per_client: false,
  per_path: false,
  count: 3,
  period: 3600,
  burst: 0,
  exceeded: { type: 'respond', response: { status: 429, content_type: 'text/plain', body: 'slow down' } },
  ...change,
});

const counter = (index: number): number => rig.mapping.serviceTotals(0).counters[index]!;
const quiet = (): Promise<void> => until(() => rig.mapping.clientsOf(0) === 0, 'all connections gone');

/** Status codes of so many requests, each on its path, over one connection. */
async function statuses(paths: string[], headers = '', from?: string): Promise<number[]> {
  const c = await RawClient.open(port, '127.0.0.1', from);
  const found: number[] = [];
  for (const path of paths) found.push((await c.get(path, headers)).status);
  c.end();
  await quiet();
  return found;
}

/** 'open' when the connection is taken and answers, else how it ended. */
async function attempt(): Promise<string> {
  const c = await RawClient.open(port).catch((error: unknown) => String(error));
  if (typeof c === 'string') return c.includes('ECONNRESET') ? 'reset' : c;
  c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => c.text !== '' || c.ended || c.closed, 'an answer or an end');
  const seen = c.text !== '' ? 'open' : c.error === null ? 'closed' : 'reset';
  if (seen === 'open') held.push(c);
  else c.end();
  return seen;
}
const held: RawClient[] = [];
async function letGo(): Promise<void> {
  for (const c of held.splice(0)) c.end();
  await quiet();
}

/** Asks as a client at that address, through a proxy that says so. */
async function servedFrom(address: string): Promise<string> {
  const c = await RawClient.open(port);
  c.send(`PROXY TCP4 ${address} 10.0.0.1 4000 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`);
  await until(() => c.text !== '' || c.closed, 'an answer or an end');
  const seen = c.text.startsWith('HTTP/1.1 200') ? 'served' : 'refused';
  c.end();
  return seen;
}

const cases: Case[] = [
  {
    name: 'requests over the rate of the service get its answer, and are counted',
    async run() {
      await serve({ limits: { rates: [rate({})] } });
      const before = counter(VS.OWN + OWN_BY.RATE_LIMIT);
      equal(await statuses(['/', '/', '/', '/', '/']), [200, 200, 200, 429, 429], 'statuses');
      const c = await RawClient.open(port);
      const r: RawResponse = await c.get('/');
      check(
        r.head.includes('Content-Type: text/plain\r\n') && r.body.toString() === 'slow down',
        'the answer',
      );
      c.end();
      await until(() => counter(VS.OWN + OWN_BY.RATE_LIMIT) - before === 3, 'three own responses');
    },
  },
  {
    name: 'a rate per client, per path, per value of a header',
    async run() {
      await serve({ limits: { rates: [rate({ per_client: true })] } });
      equal(await statuses(['/', '/', '/', '/']), [200, 200, 200, 429], 'the first client');
      equal(await statuses(['/'], '', '127.0.0.2'), [200], 'another client');
      await serve({ limits: { rates: [rate({ per_path: true })] } });
      equal(
        await statuses(['/a', '/a', '/a', '/a', '/b', '/b?x=1', '/b', '/b']),
        [200, 200, 200, 429, 200, 200, 200, 429],
        'paths, without their queries',
      );
      await serve({ limits: { rates: [rate({ per_header: 'X-Key' })] } });
      equal(await statuses(['/', '/', '/', '/'], 'x-key: one\r\n'), [200, 200, 200, 429], 'one key');
      equal(await statuses(['/'], 'X-Key: two\r\n'), [200], 'another');
      equal(await statuses(['/', '/', '/', '/']), [200, 200, 200, 200], 'none has no rate');
    },
  },
  {
    name: 'redirect, reset and close',
    async run() {
      const redirect = { protocol: 'https', keep_query: true, status: 302 } as const;
      await serve({ limits: { rates: [rate({ count: 1, exceeded: { type: 'redirect', redirect } })] } });
      const c = await RawClient.open(port);
      await c.get('/');
      const away = await c.get('/p?q=1');
      check(away.head.includes('Location: https://test/p?q=1\r\n'), `redirected by ${away.head}`);
      c.end();
      for (const type of ['reset', 'close'] as const) {
        await serve({ limits: { rates: [rate({ count: 1, exceeded: { type } })] } });
        const d = await RawClient.open(port);
        await d.get('/');
        d.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await until(() => d.closed || d.ended, `the end by ${type}`);
        equal(d.text, '', 'no answer');
        d.end();
      }
      await quiet();
    },
  },
  {
    name: 'what was taken is not given back by an edit, unless the rate is another one',
    async run() {
      const mine = rate({});
      await serve({ limits: { rates: [mine] } });
      equal(await statuses(['/', '/', '/', '/']), [200, 200, 200, 429], 'used up');
      await serve({ limits: { rates: [mine] }, http: { max_header_count: 17 } });
      equal(await statuses(['/']), [429], 'after an edit elsewhere');
    },
  },
  {
    name: 'service engines share a rate',
    async run() {
      await serve({ limits: { rates: [rate({ count: 8 })] }, placement: { sharers: 4 } });
      equal(await statuses(['/', '/', '/']), [200, 200, 429], 'a quarter of eight');
    },
  },
  {
    name: 'connections over a rate are refused, and count for nothing else',
    async run() {
      await quiet();
      const refused = counter(VS.REFUSED + REFUSED_BY.RATE_LIMIT);
      const taken = counter(VS.CONNECTIONS);
      await serve({
        limits: { rates: [rate({ of: 'connections', per_client: true, exceeded: { type: 'reset' } })] },
      });
      const seen = [];
      for (let i = 0; i < 5; i++) seen.push(await attempt());
      equal(seen, ['open', 'open', 'open', 'reset', 'reset'], 'by reset');
      await letGo();
      await serve({
        limits: { rates: [rate({ of: 'connections', count: 1, exceeded: { type: 'close' } })] },
      });
      equal([await attempt(), await attempt()], ['open', 'closed'], 'by close');
      await letGo();
      await until(() => counter(VS.REFUSED + REFUSED_BY.RATE_LIMIT) === refused + 3, 'three refused');
      equal(counter(VS.CONNECTIONS) - taken, 4, 'four taken');
    },
  },
  {
    name: 'behind a proxy the rate of a client is that of the client, not of the proxy',
    async run() {
      const perClient = rate({ of: 'connections', per_client: true, count: 2, exceeded: { type: 'reset' } });
      await serve({ acceptProxy: {}, limits: { rates: [perClient] } });
      const seen = [];
      for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3'])
        seen.push(await servedFrom(address));
      equal(seen, ['served', 'served', 'refused', 'served', 'served'], 'by client');
      await quiet();
    },
  },
  {
    name: 'at most so many connections at a time, over all workers',
    async run() {
      await serve({ limits: { max_connections: 4, rates: [] } });
      // As another worker that holds two.
      const other = rig.mapping.worker(1);
      rig.mapping.clients[other.clientCell(0)] = 2;
      equal([await attempt(), await attempt(), await attempt()], ['open', 'open', 'reset'], 'two are left');
      check(counter(VS.REFUSED + REFUSED_BY.CONNECTION_LIMIT) >= 1, 'counted');
      held.pop()?.end();
      await until(() => rig.mapping.clientsOf(0) === 3, 'one is gone');
      equal([await attempt(), await attempt()], ['open', 'reset'], 'its place is free');
      rig.mapping.clients[other.clientCell(0)] = 0;
      equal(
        [await attempt(), await attempt(), await attempt()],
        ['open', 'open', 'reset'],
        'and those of a dead worker',
      );
      await letGo();
      await serve({ limits: { max_connections: 4, rates: [] }, placement: { sharers: 4 } });
      equal([await attempt(), await attempt()], ['open', 'reset'], 'shared by four');
      await letGo();
      equal(rig.mapping.clientsOf(0), 0, 'nothing is left behind');
    },
  },
  {
    name: 'a limit that is set while connections are open counts them',
    async run() {
      await serve({});
      equal([await attempt(), await attempt()], ['open', 'open'], 'without limit');
      await serve({ limits: { max_connections: 3, rates: [] } });
      equal([await attempt(), await attempt()], ['open', 'reset'], 'one more');
      await letGo();
    },
  },
];

await runCases(cases);
