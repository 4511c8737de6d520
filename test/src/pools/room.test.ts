import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Datagrams, eventually, type Json, run, Scope } from '@spillway/testing';
import { live } from '../support/live.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

/** The pool's limit; the first SE gets 3 of it and the second 2. */
const LIMIT = 5;
const UDP_PORT = 5300;

let scope: Scope;
let world: World;

beforeAll(async () => {
  scope = new Scope('room');
  world = await World.create(scope, {
    serviceEngines: 2,
    workers: 2,
    origins: ['o1'],
    // A monitor has connections of its own, which do not count: here the origin counts everybody's.
    monitored: false,
    pool: { inline_health_monitor: false, lb_algorithm: 'LB_ALGORITHM_LEAST_CONNECTIONS' },
  });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
  });
});
afterAll(async () => scope?.close());

const poolPath = (): string => `/api/pool/${world.pool.uuid}`;
const edit = (replace: Json): Promise<void> => live(world, () => world.api.patch(poolPath(), { replace }));
const delay = (milliseconds: number): Promise<void> => world.origins[0]!.set({ delay: milliseconds });

/** Most connections that the origin has had at a time since this was asked last. */
const peak = async (): Promise<number> => (await world.origins[0]!.counters()).peakConnections;

/** Waits until the SEs together open as many connections as are allowed. */
async function allCanBeHad(): Promise<void> {
  await delay(300);
  await eventually(
    async () => {
      await peak();
      await burst(60);
      const most = await peak();
      return most === LIMIT || Promise.reject(new Error(`${most} connections`));
    },
    { within: 20_000, every: 100, what: 'all places to be had' },
  );
}

interface Answer {
  status: number;
  seconds: number;
  /** Number of the request, from 1. */
  nth: number;
}

/** Sends requests at the same time, each on a connection of its own unless `args` say otherwise; in the order of their ends. */
async function burst(count: number, ...args: string[]): Promise<Answer[]> {
  const common = ['-sS', '-Z', '--parallel-immediate', '--parallel-max', '300', '--max-time', '30'];
  const { stdout } = await run(
    'curl',
    [
      ...common,
      '-o',
      '/dev/null',
      '-w',
      '%{http_code} %{time_total} %{urlnum}\n',
      '-H',
      'Connection: close',
      ...args,
      ...Array.from({ length: count }, (_, i) => `http://${world.vip4}:${world.port}/?n=${i + 1}`).flatMap(
        (url) => ['-o', '/dev/null', url],
      ),
    ],
    { ...(world.netns ? { netns: world.netns } : {}), check: false },
  );
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [status, seconds, nth] = line.split(' ').map(Number);
      return { status: status!, seconds: seconds!, nth: nth! + 1 };
    });
}

/** Asks for so many streams of HTTP/2 at once, which one worker gets over one connection; in the order of their ends. */
async function streams(count: number): Promise<string[]> {
  const script = `
    const client = require('node:http2').connect('http://${world.vip4}:${world.port}');
    const ends = [];
    for (let n = 1; n <= ${count}; n++) {
      const stream = client.request({ ':path': '/?n=' + n });
      let status = 0;
      stream.on('response', (fields) => (status = fields[':status']));
      stream.on('error', () => {});
      stream.resume();
      stream.on('close', () => {
        if (ends.push(status + ' ' + n) < ${count}) return;
        console.log(ends.join());
        client.close();
      });
    }`;
  const inNetwork = world.netns ? { netns: world.netns } : {};
  const { stdout } = await run(process.execPath, ['-e', script], inNetwork);
  return stdout.trim().split(',');
}

const having = (answers: readonly Answer[], status: number): number =>
  answers.filter((a) => a.status === status).length;

interface QueueRuntime {
  num_queued: number;
  num_queued_total: number;
  num_served: number;
  num_timed_out: number;
  num_refused: number;
  num_refused_queue_full: number;
  avg_wait_ms: number;
  service_engine: { num_served: number }[];
}

const queue = (): Promise<QueueRuntime> => world.api.get(`${poolPath()}/runtime/request_queue`);
const queueShows = (what: string, test: (q: QueueRuntime) => boolean): Promise<unknown> =>
  eventually(
    async () => {
      const q = await queue();
      return test(q) || Promise.reject(new Error(JSON.stringify(q)));
    },
    { within: 15_000, every: 100, what },
  );

const refusals = async (): Promise<number> => {
  const { count } = await world.api.get<{ count: number }>(
    `/api/analytics/logs?type=2&filter=eq(event_id,CONN_DROP_POOL_LB_FAILURE)&filter=eq(obj_uuid,${world.pool.uuid})`,
  );
  return count;
};

describe('connections to a server', () => {
  it('are as many as clients want without a limit', () =>
    world.instance.watched(async () => {
      await delay(1000);
      await peak();
      expect(having(await burst(40), 200)).toBe(40);
      expect(await peak()).toBeGreaterThan(3 * LIMIT);
    }));

  it('are never more than the limit over two SEs of two workers, which share it', () =>
    world.instance.watched(async () => {
      await edit({ max_concurrent_connections_per_server: LIMIT });
      await eventually(async () => (await world.origins[0]!.counters()).openConnections <= LIMIT, {
        within: 10_000,
        what: 'idle connections above the limit to be closed',
      });
      await delay(2000);
      await peak();
      const answers = await burst(80);
      expect(await peak()).toBe(LIMIT);
      expect(having(answers, 200)).toBeGreaterThanOrEqual(LIMIT);
      // Without a fail action their connections are closed (pools document, Pool Down Action).
      expect(having(answers, 0)).toBe(80 - having(answers, 200));
      await eventually(async () => (await refusals()) === 1, {
        within: 20_000,
        every: 200,
        what: 'one event',
      });
    }));

  it('are free again when a worker is killed with all of its own', () =>
    world.instance.watched(async () => {
      const pending = burst(60);
      await eventually(async () => (await world.origins[0]!.counters()).openConnections === LIMIT, {
        within: 10_000,
        every: 5,
        what: 'all places to be taken',
      });
      for (const name of Object.keys(await world.instance.serviceEngineRoots())) {
        const { workers } = await world.instance.supervisor(name);
        for (const pid of workers) process.kill(pid, 'SIGKILL');
      }
      await pending;
      await delay(0);
      await eventually(async () => (await world.origins[0]!.counters()).openConnections === 0, {
        within: 10_000,
        every: 20,
        what: 'connections of the dead to end',
      });
      // Both SEs have workers again when all that is allowed can be had.
      await allCanBeHad();
      await delay(0);
    }));

  it('are shared anew when an SE leaves, and when one joins', () =>
    world.instance.watched(async () => {
      for (const [action, count] of [
        ['scalein', 1],
        ['scaleout', 2],
      ] as const) {
        await world.act(action);
        await world.placedOn(count);
        await allCanBeHad();
        await peak();
        await burst(60);
        expect(await peak()).toBe(LIMIT);
      }
      await delay(0);
    }));
});

describe('requests that find all servers full', () => {
  it('wait in the queue where the pool has one, and none is lost', () =>
    world.instance.watched(async () => {
      await edit({
        request_queue_enabled: true,
        request_queue_depth: 200,
        fail_action: {
          type: 'FAIL_ACTION_HTTP_LOCAL_RSP',
          local_rsp: { status_code: 'FAIL_HTTP_STATUS_CODE_503' },
        },
      });
      await delay(20);
      await peak();
      const answers = await burst(150);
      expect(having(answers, 200)).toBe(150);
      expect(await peak()).toBe(LIMIT);
      await queueShows(
        'both queues to tell',
        (q) => q.num_queued === 0 && q.service_engine.every((se) => se.num_served > 10),
      );
      const q = await queue();
      expect(q.num_queued_total).toBe(q.num_served + q.num_timed_out);
      expect(q.avg_wait_ms).toBeGreaterThan(10);
      expect(q.service_engine).toHaveLength(2);
      await world.api.post(`${poolPath()}/runtime/request_queue/clear`, {});
      await queueShows('cleared counters', (now) => now.num_served === 0 && now.num_queued_total === 0);
    }));

  it('are served from its end', () =>
    world.instance.watched(async () => {
      await edit({ max_concurrent_connections_per_server: 1 });
      await live(world, () =>
        world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
          replace: { services: [{ port: world.port, enable_http2: true }] },
        }),
      );
      await delay(400);
      expect(await streams(6)).toEqual(['200 1', '200 6', '200 5', '200 4', '200 3', '200 2']);
      await delay(0);
    }));

  it('are refused when they are no GET, have waited for too long, or the queue is full', () =>
    world.instance.watched(async () => {
      await edit({ request_queue_depth: 4, request_queue_timeout: 500 });
      await world.api.post(`${poolPath()}/runtime/request_queue/clear`, {});
      await delay(3000);
      const began = burst(20);
      await queueShows('a full queue', (q) => q.num_refused_queue_full > 0);
      const posted = await burst(8, '-d', 'x=1');
      expect(having(posted, 503)).toBeGreaterThan(0);
      expect(posted.filter((a) => a.status === 503 && a.seconds > 1)).toEqual([]);
      const answers = await began;
      const late = answers.filter((a) => a.status === 503 && a.seconds > 0.45);
      expect(late.length).toBeGreaterThan(0);
      expect(having(answers, 200) + having(answers, 503)).toBe(20);
      await queueShows('those that timed out', (q) => q.num_timed_out > 0 && q.num_queued === 0);
      // Told of once a minute at most; that requests waited was no news.
      expect(await refusals()).toBe(1);
    }));

  it('get the fail action of the pool', () =>
    world.instance.watched(async () => {
      await edit({
        request_queue_enabled: false,
        fail_action: {
          type: 'FAIL_ACTION_HTTP_REDIRECT',
          redirect: { host: 'sorry.example', status_code: 'HTTP_REDIRECT_STATUS_CODE_302' },
        },
      });
      const answers = await burst(20);
      expect(having(answers, 200)).toBeGreaterThan(0);
      expect(having(answers, 302)).toBe(20 - having(answers, 200));
    }));

  it('are reset at L4', () =>
    world.instance.watched(async () => {
      const { api } = world;
      const pool = await api.post('/api/pool', {
        name: 'l4',
        max_concurrent_connections_per_server: LIMIT,
        inline_health_monitor: false,
        servers: world.servers(),
      });
      await live(world, () =>
        api.patch(`/api/virtualservice/${world.vs.uuid}`, {
          replace: {
            application_profile_ref: '/api/applicationprofile?name=System-L4-Application',
            services: [{ port: world.port }],
            pool_ref: pool.url,
          },
        }),
      );
      await eventually(async () => having(await burst(1), 200) === 1, {
        within: 10_000,
        what: 'L4 to serve',
      });
      await eventually(async () => (await world.origins[0]!.counters()).openConnections === 0, {
        within: 10_000,
        what: 'nothing open',
      });
      await peak();
      const answers = await burst(60);
      expect(await peak()).toBe(LIMIT);
      expect(having(answers, 200)).toBeGreaterThanOrEqual(LIMIT);
      expect(having(answers, 0)).toBe(60 - having(answers, 200));
    }));

  it('are dropped in silence as new flows of UDP, while those that are there go on', () =>
    world.instance.watched(async () => {
      const { api } = world;
      const datagrams = await Datagrams.spawn(scope, world.netns ? { netns: world.netns } : {});
      const pool = await api.post('/api/pool', {
        name: 'udp',
        max_concurrent_connections_per_server: LIMIT,
        servers: [{ ip: { addr: '127.0.0.1', type: 'V4' }, port: await datagrams.origin('a') }],
      });
      world.vs = await api.post('/api/virtualservice', {
        name: 'udp',
        services: [{ port: UDP_PORT }],
        application_profile_ref: 'System-L4-Application',
        network_profile_ref: 'System-UDP-Fast-Path',
        pool_ref: pool.url,
        vsvip_ref: world.vsvip.url,
      });
      await world.placedOn(1);
      await datagrams.start({ host: world.vip4, port: UDP_PORT, flows: 4 * LIMIT, every: 100 });
      await eventually(
        async () => {
          const { answering, lost } = await datagrams.report();
          const told = `${answering} flows answered, ${lost} datagrams lost`;
          return (answering === LIMIT && lost > 3 * LIMIT) || Promise.reject(new Error(told));
        },
        { within: 15_000, every: 100, what: 'as many flows as are allowed' },
      );
      const before = await datagrams.report();
      await eventually(async () => (await datagrams.report()).answered > before.answered + 2 * LIMIT, {
        within: 10_000,
        what: 'these to go on',
      });
      expect((await datagrams.report()).answering).toBe(LIMIT);
    }));
});
