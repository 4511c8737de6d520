import type { ErrorPage, FailAction, PoolGroup } from '@spillway/snapshot';
import { CLOSED_BY, HEALTH, OWN_BY, VS } from '@spillway/telemetry';
import { equal, runCases, until, type Case } from '../suite/cases.js';
import { DatagramClient, DatagramOrigin } from '../suite/datagrams.js';
import { GET, Http2Raw } from '../suite/http2-client.js';
import { OK, Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';

const rig = await Rig.make();
const port = await freePort();
const counters = (): Float64Array => rig.mapping.serviceTotals(0).counters;

type Pools = Record<string, Origin[]>;

/** Serves `pool` of these pools; each with its fail action, where it is given one. */
async function serve(
  pools: Pools,
  actions: Record<string, FailAction>,
  service: Partial<ServiceSpec> = {},
  group?: Partial<PoolGroup>,
): Promise<void> {
  const specs = Object.entries(pools).map(([uuid, origins]): [string, PoolSpec] => [
    uuid,
    {
      servers: origins.map((o) => ({ port: o.port })),
      ...(actions[uuid] === undefined ? {} : { fail_action: actions[uuid] }),
    },
  ]);
  const members = Object.keys(pools).map((pool_uuid) => ({ pool_uuid, priority: 1, ratio: 1 }));
  const groups: PoolGroup[] =
    group === undefined ? [] : [{ uuid: 'group', name: 'group', members, min_servers: 0, ...group }];
  const grouped: Partial<ServiceSpec> =
    group === undefined ? {} : { pool: null, policies: { pool_group_uuid: 'group' } };
  await rig.apply([{ ports: [port], http2: true, ...grouped, ...service }], Object.fromEntries(specs), {
    pool_groups: groups,
  });
}

const down = (pool: string, origin: Origin): void => rig.health(pool, origin.port, HEALTH.DOWN);
const up = (pool: string, origin: Origin): void => rig.health(pool, origin.port, HEALTH.UP);

const REDIRECT: FailAction = { type: 'redirect', status: 307, location: 'https://b.example/x?y=1' };
const page = (status: number, body?: string): FailAction => ({
  type: 'respond',
  response: { status, ...(body === undefined ? {} : { content_type: 'text/x', body }) },
});

/** What a client gets that asks on a connection of its own; `reset` for a connection that is reset. */
async function asked(): Promise<string> {
  const c = await RawClient.open(port);
  try {
    const { status, body } = await c.get('/');
    return `${status} ${body.toString()}`;
  } catch (error) {
    if (c.error === 'ECONNRESET') return 'reset';
    throw error;
  } finally {
    c.end();
  }
}

const saying = (text: string): Promise<Origin> =>
  Origin.start(
    (r) => void r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`),
  );

const backedBy = (pool_uuid: string): FailAction => ({ type: 'backup_pool', pool_uuid });

const echo = async (text: string): Promise<Origin> => {
  const o = new Origin();
  o.raw = (s) => s.on('data', () => void s.write(text));
  await o.listen(0);
  return o;
};

const says = async (c: RawClient): Promise<string> => {
  c.send('x');
  await until(() => c.text !== '' || c.closed, 'an answer');
  return c.error ?? c.take().toString();
};

const datagramPool = (o: DatagramOrigin, fail_action: FailAction): PoolSpec => ({
  servers: [{ port: o.port }],
  fail_action,
});

const refusal = (): Promise<string> =>
  RawClient.open(port).then(
    () => 'connected',
    (error: unknown) => (error as Error).message,
  );

const told = (): unknown => rig.plane.status().map((s) => [s.state, s.listeners.length, s.down ?? false]);
const closes = (min_pools_up: number, redirects = false): Partial<ServiceSpec> => ({
  closeWhenDown: { min_pools_up, redirects },
});

const cases: Case[] = [
  {
    name: 'close: a reset, on HTTP/2 of the stream alone, counted as such',
    async run() {
      const origin = await Origin.start();
      await serve({ pool: [origin] }, { pool: { type: 'close' } });
      const two = await Http2Raw.open(port);
      equal((await two.get('/')).status, 200, 'up');
      down('pool', origin);
      const before = counters()[VS.CLOSED + CLOSED_BY.NO_SERVER]!;
      equal(await asked(), 'reset', 'HTTP/1');
      equal(counters()[VS.CLOSED + CLOSED_BY.NO_SERVER]! - before, 1, 'counted');
      const id = two.request(GET('/'));
      await until(() => two.seen(id).reset >= 0, 'the reset of the stream');
      up('pool', origin);
      equal((await two.get('/')).status, 200, 'the connection lives on');
      equal((await asked()).slice(0, 3), '200', 'up again');
      two.end();
      origin.stop();
    },
  },
  {
    name: 'close: requests under way are left alone though their server is marked down',
    async run() {
      let answer: (() => void) | null = null;
      const origin = await Origin.start((r) => (answer = () => void r.socket.write(OK)));
      await serve({ pool: [origin] }, { pool: { type: 'close' } });
      const c = await RawClient.open(port);
      c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => origin.requests.length === 1, 'the request at the server');
      down('pool', origin);
      equal(await asked(), 'reset', 'a new client');
      answer!();
      equal((await c.response()).status, 200, 'the one under way');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'a local response: a page that was uploaded, in bytes too, or a basic one; HEAD has no body',
    async run() {
      const origin = await Origin.start();
      const bytes = Buffer.from([0, 255, 1]).toString('base64');
      await serve({ pool: [origin] }, { pool: page(200, 'sorry') });
      down('pool', origin);
      equal(await asked(), '200 sorry', 'uploaded');
      const own = counters()[VS.OWN + OWN_BY.NO_SERVER]!;
      const c = await RawClient.open(port);
      const { head } = await c.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n').response(true);
      equal([/content-length: 5/i.test(head), /content-type: text\/x/i.test(head)], [true, true], 'HEAD');
      equal(counters()[VS.OWN + OWN_BY.NO_SERVER]! - own, 1, 'counted');
      await serve(
        { pool: [origin] },
        {
          pool: {
            type: 'respond',
            response: { status: 503, content_type: 'image/x', body: bytes, base64: true },
          },
        },
      );
      equal([...(await c.get('/')).body], [0, 255, 1], 'bytes, on the connection that was kept');
      await serve({ pool: [origin] }, { pool: page(503) });
      equal(
        await asked(),
        '503 <!doctype html>\n<title>503 Service Unavailable</title>\n<h1>503 Service Unavailable</h1>\n',
        'basic',
      );
      const error_pages: ErrorPage[] = [
        {
          statuses: [{ from: 503, to: 503 }],
          negate: false,
          answer: { type: 'page', content_type: 'text/html', body: 'mine: {{reason}}' },
        },
      ];
      await serve({ pool: [origin] }, { pool: page(503) }, { http: { error_pages } });
      equal(await asked(), '503 mine: no server of pool pool is up', 'an error page for the basic one');
      await serve({ pool: [origin] }, { pool: page(503, 'sorry') }, { http: { error_pages } });
      equal(await asked(), '503 sorry', 'an uploaded one is kept');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'a redirect goes where it says, whatever was asked for',
    async run() {
      const origin = await Origin.start();
      await serve({ pool: [origin] }, { pool: REDIRECT });
      down('pool', origin);
      const c = await RawClient.open(port);
      const r = await c.get('/other?q');
      equal([r.status, /location: (.*)\r/i.exec(r.head)?.[1]], [307, 'https://b.example/x?y=1'], 'redirect');
      c.end();
      origin.stop();
    },
  },
  {
    name: 'a backup pool serves meanwhile, with its own fail action, and follows its changes',
    async run() {
      const [first, second, third] = [await saying('1'), await saying('2'), await saying('3')];
      const backup: FailAction = { type: 'backup_pool', pool_uuid: 'second' };
      const actions = { pool: backup, second: page(503, 'nobody') };
      await serve({ pool: [first], second: [second] }, actions);
      equal(await asked(), '200 1', 'itself');
      down('pool', first);
      equal(await asked(), '200 2', 'its backup');
      const two = await Http2Raw.open(port);
      equal((await two.get('/')).body.toString(), '2', 'its backup on HTTP/2');
      // The pool is as it was, its backup is not.
      await serve({ pool: [first], second: [third] }, actions);
      equal(await asked(), '200 3', 'its backup after a change');
      down('second', third);
      equal(await asked(), '503 nobody', 'the action of the backup');
      up('pool', first);
      equal(await asked(), '200 1', 'itself again');
      two.end();
      for (const o of [first, second, third]) o.stop();
    },
  },
  {
    name: 'pools that stand in for one another are not asked for ever',
    async run() {
      const origin = await Origin.start();
      await serve({ pool: [origin], other: [] }, { pool: backedBy('other'), other: backedBy('pool') });
      equal((await asked()).slice(0, 3), '200', 'up');
      down('pool', origin);
      equal(await asked(), 'reset', 'a ring');
      origin.stop();
    },
  },
  {
    name: 'the action of a group goes before those of its pools',
    async run() {
      const [first, second] = [await saying('1'), await saying('2')];
      const pools = { pool: [first], second: [second] };
      const actions = { pool: page(503, 'pool'), second: page(503, 'second') };
      await serve(pools, actions, {}, { fail_action: page(200, 'group') });
      down('pool', first);
      equal([await asked(), await asked()], ['200 2', '200 2'], 'the other pool');
      down('second', second);
      equal(await asked(), '200 group', 'the group');
      await serve(pools, actions, {}, {});
      equal(await asked(), '503 pool', 'its first pool');
      for (const o of [first, second]) o.stop();
    },
  },
  {
    name: 'TCP: a reset, whatever requests would be answered; a backup pool; what is open lives on',
    async run() {
      const [first, second] = [await echo('1'), await echo('2')];
      await serve({ pool: [first] }, { pool: page(200) }, { tcpIdle: 0 });
      const open = await RawClient.open(port);
      equal(await says(open), '1', 'up');
      down('pool', first);
      const refused = await RawClient.open(port).then(says, () => 'ECONNRESET');
      equal(refused, 'ECONNRESET', 'a new connection');
      equal(await says(open), '1', 'an open one');
      const backup: FailAction = { type: 'backup_pool', pool_uuid: 'second' };
      await serve({ pool: [first], second: [second] }, { pool: backup }, { tcpIdle: 0 });
      const other = await RawClient.open(port);
      equal([await says(other), await says(open)], ['2', '1'], 'with a backup');
      for (const c of [open, other]) c.end();
      for (const o of [first, second]) o.stop();
    },
  },
  {
    name: 'UDP: silence; a backup pool; flows that are there live on',
    async run() {
      const [first, second] = [await DatagramOrigin.start('1'), await DatagramOrigin.start('2')];
      const udp = {
        application: { type: 'udp', udp: { idle_timeout: 60_000, per_datagram: false } },
      } as const;
      await rig.apply([{ ports: [port], ...udp }], { pool: datagramPool(first, page(200)) });
      const open = await DatagramClient.open();
      equal(await open.ask(port, 'x'), '1', 'up');
      rig.health('pool', first.port, HEALTH.DOWN);
      const dropped = counters()[VS.DATAGRAMS_DROPPED]!;
      const late = await DatagramClient.open();
      late.send(port, 'x');
      await until(() => counters()[VS.DATAGRAMS_DROPPED] === dropped + 1, 'the datagram to be dropped');
      equal(await open.ask(port, 'x'), '1', 'the flow that is there');
      await rig.apply([{ ports: [port], ...udp }], {
        pool: datagramPool(first, { type: 'backup_pool', pool_uuid: 'second' }),
        second: datagramPool(second, { type: 'close' }),
      });
      equal(await late.ask(port, 'x'), '2', 'with a backup');
      for (const c of [open, late]) c.close();
      for (const o of [first, second]) o.stop();
    },
  },
  {
    name: 'nobody can connect while the virtual service is down, where it is told so; what is open lives on',
    async run() {
      const [first, second] = [await saying('1'), await saying('2')];
      const pools = { pool: [first], second: [second] };
      const actions = { pool: page(200, 'fail action') };
      await serve({ pool: [first] }, actions, closes(1));
      const open = await RawClient.open(port);
      equal((await open.get('/')).body.toString(), '1', 'up');
      equal(told(), [['active', 1, false]], 'status while up');
      down('pool', first);
      await until(() => rig.plane.status()[0]!.listeners.length === 0, 'no listener');
      equal(told(), [['active', 0, true]], 'status while down');
      equal(await refusal(), 'connect: ECONNREFUSED', 'a new connection');
      equal((await open.get('/')).body.toString(), 'fail action', 'an open one');
      await serve({ pool: [first] }, { pool: page(200, 'other') }, closes(1));
      equal(told(), [['active', 0, true]], 'after a change');
      up('pool', first);
      await until(() => rig.plane.status()[0]!.listeners.length === 1, 'a listener');
      equal(await asked(), '200 1', 'up again');
      // A group with two pools of which two are wanted, then one.
      await serve(pools, {}, closes(2), {});
      equal(told(), [['active', 1, false]], 'two of two');
      down('second', second);
      await until(() => rig.plane.status()[0]!.down === true, 'one of two');
      await serve(pools, {}, closes(1), {});
      equal(told(), [['active', 1, false]], 'one is enough');
      down('pool', first);
      await until(() => rig.plane.status()[0]!.down === true, 'none');
      await serve(pools, {}, closes(1, true), {});
      equal(told(), [['active', 1, false]], 'a policy redirects');
      await serve(pools, {}, { ...closes(1), placement: { state: 'prepare' } }, {});
      equal(told(), [['draining', 0, false]], 'not to be served');
      open.end();
      for (const o of [first, second]) o.stop();
    },
  },
];

await runCases(cases);
rig.plane.close();
