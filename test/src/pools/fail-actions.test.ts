import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ConfigObject, Datagrams, eventually, type Json, run, Scope } from '@spillway/testing';
import { serversAre } from '../support/counts.js';
import { live } from '../support/live.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

const CLIENTS = 16;
const TCP_PORT = 5100;
const UDP_PORT = 5200;

let scope: Scope;
let world: World;
let spare: ConfigObject;

beforeAll(async () => {
  scope = new Scope('fail-actions');
  world = await World.create(scope, { serviceEngines: 2, workers: 2, origins: ['main', 'second', 'spare'] });
  await world.instance.watched(async () => {
    const { api } = world;
    const [first, , other] = world.servers();
    const monitor = await api.find('healthmonitor', 'hm');
    await api.patch(`/api/healthmonitor/${monitor.uuid}`, {
      replace: { send_interval: 2, receive_timeout: 1, failed_checks: 1, successful_checks: 1 },
    });
    await api.patch(`/api/pool/${world.pool.uuid}`, { replace: { servers: [first] } });
    spare = await api.post('/api/pool', {
      name: 'spare',
      servers: [other],
      health_monitor_refs: [monitor.url],
    });
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

const inNetwork = () => (world.netns ? { netns: world.netns } : {});

/** What curl says of one request on a connection of its own: `<body> <status> <location>`, or how it failed. */
async function ask(target = '/', port = world.port): Promise<string> {
  const url = `http://${world.vip4}:${port}${target}`;
  const told = '%{http_code} %{redirect_url}%{errormsg}';
  const { stdout } = await run(
    'sh',
    ['-c', `curl -s --max-time 15 -w ' ${told}' '${url}' || true`],
    inNetwork(),
  );
  if (/reset by peer/i.test(stdout)) return 'reset';
  if (/failed to connect|could ?n.t connect/i.test(stdout)) return 'refused';
  return stdout.trim();
}

/** What so many clients get, each different answer once. */
const all = async (target?: string, port?: number): Promise<string[]> => [
  ...new Set(await Promise.all(Array.from({ length: CLIENTS }, () => ask(target, port)))),
];

/** Waits until that is all that clients get, of every worker of both service engines. */
const answers = (expected: string, port?: number): Promise<unknown> =>
  eventually(
    async () => {
      const got = (await all('/', port)).join();
      return got === expected || Promise.reject(new Error(got));
    },
    { within: 10_000, every: 50, what: `clients to get ${expected}` },
  );

const requests = async (): Promise<number[]> =>
  Promise.all(world.origins.map(async (o) => (await o.counters()).requests));

interface Status {
  oper_status: { state: string; reason?: string[]; reason_code_string?: string };
}
const statusOf = async (path: string): Promise<[string, string, string]> => {
  const { oper_status: s } = await world.api.get<Status>(`${path}/runtime`);
  return [s.state, s.reason_code_string ?? '', (s.reason ?? []).join('; ')];
};
const vs = () => statusOf(`/api/virtualservice/${world.vs.uuid}`);
const pool = () => statusOf(`/api/pool/${world.pool.uuid}`);

const edit = (object: ConfigObject, replace: Json): Promise<void> =>
  live(world, () => world.api.patch(new URL(object.url).pathname, { replace }));

async function main(health: 'ok' | 'fail'): Promise<void> {
  await world.origins[0]!.set({ health });
  await serversAre(world, [health === 'ok' ? 'OPER_UP' : 'OPER_DOWN']);
}

const l4 = (name: string, port: number, poolUrl: string, network: string): Promise<ConfigObject> =>
  world.api.post('/api/virtualservice', {
    name,
    services: [{ port }],
    application_profile_ref: 'System-L4-Application',
    network_profile_ref: network,
    pool_ref: poolUrl,
    vsvip_ref: world.vsvip.url,
  });

describe('a pool that cannot serve', () => {
  it('resets new connections unless told otherwise, and lets requests under way end', () =>
    world.instance.watched(async () => {
      expect(await all()).toEqual(['main\n 200']);
      const before = (await requests())[0]!;
      const slow = ask('/delay/8000');
      await eventually(async () => (await requests())[0] === before + 1, {
        within: 5000,
        what: 'the slow request',
      });
      await main('fail');
      expect(await all()).toEqual(['reset']);
      expect(await pool()).toEqual([
        'OPER_DOWN',
        'NOT_ENOUGH_SERVERS_UP',
        '0 of 1 servers up, 1 needed; clients get a reset',
      ]);
      expect(await vs()).toEqual([
        'OPER_DOWN',
        'POOL_DOWN',
        'pool pool is down: 0 of 1 servers up, 1 needed, clients get a reset',
      ]);
      expect(await slow).toBe('main\n 200');
      expect((await requests())[0]).toBe(before + 1);
    }));

  it('answers with a page, or leads elsewhere, and is down all the same', () =>
    world.instance.watched(async () => {
      const file = { content_type: 'text/html', file_content: '<p>sorry' };
      await edit(world.pool, { fail_action: { type: 'FAIL_ACTION_HTTP_LOCAL_RSP', local_rsp: { file } } });
      expect(await all()).toEqual(['<p>sorry 503']);
      const binary = Buffer.from('packed').toString('base64');
      await edit(world.pool, {
        fail_action: {
          type: 'FAIL_ACTION_HTTP_LOCAL_RSP',
          local_rsp: {
            status_code: 'FAIL_HTTP_STATUS_CODE_200',
            file: { content_type: 'text/plain', file_content: binary, file_length: 6 },
          },
        },
      });
      expect(await all()).toEqual(['packed 200']);
      const redirect = { host: 'status.example', path: '/shop', query: 'a=b' };
      await edit(world.pool, { fail_action: { type: 'FAIL_ACTION_HTTP_REDIRECT', redirect } });
      expect(await all('/cart?x')).toEqual(['302 https://status.example/shop?a=b']);
      expect((await vs())[0]).toBe('OPER_DOWN');
    }));

  it('leaves its clients to a backup pool, which makes the virtual service up', () =>
    world.instance.watched(async () => {
      const backup_pool = { backup_pool_ref: spare.url };
      await edit(world.pool, { fail_action: { type: 'FAIL_ACTION_BACKUP_POOL', backup_pool } });
      const before = await requests();
      expect(await all()).toEqual(['spare\n 200']);
      expect((await requests()).map((n, i) => n - before[i]!)).toEqual([0, 0, CLIENTS]);
      await eventually(async () => (await vs())[0] === 'OPER_UP', {
        within: 5000,
        what: 'the virtual service up',
      });
      expect((await vs()).slice(1)).toEqual([
        'POOLS_DOWN',
        'pool pool is down: 0 of 1 servers up, 1 needed, clients get pool spare instead',
      ]);
      await main('ok');
      await answers('main\n 200');
      await edit(world.pool, { fail_action: { type: 'FAIL_ACTION_CLOSE_CONN' } });
    }));

  it('cannot be connected to at all where the virtual service asks for that', () =>
    world.instance.watched(async () => {
      const file = { content_type: 'text/html', file_content: 'not seen' };
      await edit(world.pool, { fail_action: { type: 'FAIL_ACTION_HTTP_LOCAL_RSP', local_rsp: { file } } });
      await edit(world.vs, { remove_listening_port_on_vs_down: true });
      expect(await all()).toEqual(['main\n 200']);
      const before = (await requests())[0]!;
      const slow = ask('/delay/6000');
      await eventually(async () => (await requests())[0]! > before, {
        within: 5000,
        what: 'the slow request',
      });
      await main('fail');
      await answers('refused');
      expect(await slow).toBe('main\n 200');
      await eventually(
        async () => {
          const [state, code, reason] = await vs();
          return (
            (state === 'OPER_DOWN' &&
              code === 'POOL_DOWN' &&
              (reason.match(/nobody can connect here/g) ?? []).length === 2) ||
            Promise.reject(new Error(reason))
          );
        },
        { within: 5000, what: 'both service engines to say that nobody can connect' },
      );
      expect((await world.placements()).map((p) => p.active)).toEqual([true, true]);
      await main('ok');
      await answers('main\n 200');
      await edit(world.vs, { remove_listening_port_on_vs_down: false });
    }));

  it('needs as many servers and monitors as it says', () =>
    world.instance.watched(async () => {
      const { api } = world;
      const tcp = await api.find('healthmonitor', 'System-TCP');
      const [first, second] = world.servers();
      await edit(world.pool, {
        servers: [first, second],
        min_servers_up: 2,
        fail_action: { type: 'FAIL_ACTION_HTTP_LOCAL_RSP', local_rsp: {} },
      });
      await serversAre(world, ['OPER_UP', 'OPER_UP']);
      await eventually(async () => (await all()).length === 2, {
        within: 5000,
        what: 'both servers to be used',
      });
      await world.origins[1]!.set({ health: 'fail' });
      await serversAre(world, ['OPER_UP', 'OPER_DOWN']);
      const page =
        '<!doctype html>\n<title>503 Service Unavailable</title>\n<h1>503 Service Unavailable</h1>\n 503';
      expect(await all()).toEqual([page]);
      expect((await pool()).slice(1)).toEqual([
        'NOT_ENOUGH_SERVERS_UP',
        '1 of 2 servers up, 2 needed; clients get a page with status 503',
      ]);
      const refs = (await api.get<{ health_monitor_refs: string[] }>(`/api/pool/${world.pool.uuid}`))
        .health_monitor_refs;
      await edit(world.pool, { health_monitor_refs: [...refs, tcp.url], min_health_monitors_up: 1 });
      await serversAre(world, ['OPER_UP', 'OPER_UP']);
      await eventually(async () => (await all()).every((answer) => answer.endsWith(' 200')), {
        within: 5000,
        what: 'one monitor of two to be enough',
      });
      await world.origins[1]!.set({ health: 'ok' });
    }));
});

describe('at layer 4', () => {
  it('TCP is reset, or served by the backup pool; what answers requests is refused', () =>
    world.instance.watched(async () => {
      const { api } = world;
      const tcpPool = await api.post('/api/pool', { name: 'tcp', servers: [world.servers()[1]] });
      world.vs = await l4('tcp', TCP_PORT, tcpPool.url, 'System-TCP-Proxy');
      await answers('second\n 200', TCP_PORT);
      await edit(tcpPool, { enabled: false });
      // curl tells a reset that comes before it has written as a connection that failed.
      await eventually(
        async () => (await all('/', TCP_PORT)).every((a) => a === 'reset' || a === 'refused'),
        {
          within: 10_000,
          every: 50,
          what: 'resets',
        },
      );
      const path = new URL(tcpPool.url).pathname;
      const refused = await api.send('PATCH', path, {
        replace: { fail_action: { type: 'FAIL_ACTION_HTTP_LOCAL_RSP', local_rsp: {} } },
      });
      expect([refused.status, refused.text]).toEqual([
        400,
        expect.stringMatching(
          /fail_action failed : fail action FAIL_ACTION_HTTP_LOCAL_RSP of tcp answers requests and virtual service tcp is layer 4/,
        ),
      ]);
      const backup = await api.post('/api/pool', { name: 'tcp-spare', servers: [world.servers()[2]] });
      await edit(tcpPool, {
        fail_action: { type: 'FAIL_ACTION_BACKUP_POOL', backup_pool: { backup_pool_ref: backup.url } },
      });
      await answers('spare\n 200', TCP_PORT);
      const ring = await api.send('PATCH', new URL(backup.url).pathname, {
        replace: {
          fail_action: { type: 'FAIL_ACTION_BACKUP_POOL', backup_pool: { backup_pool_ref: tcpPool.url } },
        },
      });
      expect([ring.status, ring.text]).toEqual([
        400,
        expect.stringMatching(/pool tcp-spare would be its own backup/),
      ]);
      const nowhere = await api.send('PATCH', path, {
        replace: { fail_action: { type: 'FAIL_ACTION_HTTP_REDIRECT' } },
      });
      expect([nowhere.status, nowhere.text]).toEqual([
        400,
        expect.stringMatching(/fail_action.redirect failed/),
      ]);
    }));

  it('UDP is met with silence, and flows that are there go on', () =>
    world.instance.watched(async () => {
      const { api } = world;
      const datagrams = await Datagrams.spawn(scope, inNetwork());
      const port = await datagrams.origin('a');
      const udpPool = await api.post('/api/pool', {
        name: 'udp',
        servers: [{ ip: { addr: '127.0.0.1', type: 'V4' }, port }],
      });
      world.vs = await l4('udp', UDP_PORT, udpPool.url, 'System-UDP-Fast-Path');
      const spec = { host: world.vip4, port: UDP_PORT, every: 100 };
      await datagrams.start({ ...spec, flows: 4 });
      await eventually(async () => (await datagrams.report()).answering === 4, {
        within: 10_000,
        what: 'four flows',
      });
      await edit(udpPool, { enabled: false });
      await datagrams.start({ ...spec, flows: 4 });
      const before = await datagrams.report();
      await eventually(async () => (await datagrams.report()).lost >= 4, {
        within: 10_000,
        what: 'datagrams without an answer',
      });
      const after = await datagrams.report();
      expect(after.answering).toBe(4);
      expect(after.answered).toBeGreaterThan(before.answered);
      await edit(udpPool, { enabled: true });
      await eventually(async () => (await datagrams.report()).answering === 8, {
        within: 10_000,
        what: 'all flows',
      });
    }));
});
