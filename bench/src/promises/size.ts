import { readFile, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ApiClient,
  type ConfigObject,
  eventually,
  identify,
  Instance,
  isAlive,
  killNow,
  now,
  processTree,
  RunningProcess,
  type Scope,
  sleep,
} from '@spillway/testing';
import { controllerMetrics } from './metrics.js';
import { atMost, type Row, told } from '../report/row.js';

const SERVICES = 1_000;
const SERVERS_EACH = 10;
const SES = 8;
const JOIN = 1_000;
/** Cores that the controller may take when nothing happens. */
const STEADY = 0.5;
/** How long the steady state is looked at, in milliseconds. */
const OBSERVED = 6_000;
/** API calls under way at a time. */
const AT_A_TIME = 16;

export async function measureSize(scope: Scope): Promise<Row[]> {
  // All of it goes to the only SE there is, so that this one has the whole to load; the others come after.
  const instance = await Instance.start(scope);
  return instance.watched(async () => {
    const began = now();
    await configure(instance.api);
    const written = now();
    const placed = await allPlaced(instance, SERVICES);
    const ready = now();
    await instance.spillway([
      'up',
      '--detach',
      '--empty',
      '--service-engines',
      String(SES),
      '--workers',
      '1',
    ]);
    const cpu = await controllerCpu(instance);
    const joined = await join1000(scope, instance, placed);
    return [
      told(
        `${SERVICES} virtual services, ${SERVICES * SERVERS_EACH} servers: writing the configuration`,
        `${((written - began) / 1_000).toFixed(1)} s`,
        {
          objectsPerSecond: (3 * SERVICES) / ((written - began) / 1_000),
        },
      ),
      told('- last write to active on its SE, all of them', `${((ready - written) / 1_000).toFixed(1)} s`, {
        milliseconds: ready - written,
      }),
      ...joined,
      {
        promise: `steady CPU of the controller with ${SES} SEs attached`,
        budget: `<= ${STEADY} cores`,
        measured: `${cpu.toFixed(3)} cores`,
        met: cpu <= STEADY,
        figures: { cores: cpu },
      },
    ];
  });
}

async function configure(api: ApiClient): Promise<void> {
  const group = await api.find('serviceenginegroup', 'Default-Group');
  await api.patch(`/api/serviceenginegroup/${group.uuid}`, { replace: { max_vs_per_se: SERVICES } });
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let i = next++; i < SERVICES; i = next++) await oneService(api, i);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, writer));
}

/** The last two numbers of the n-th address. */
const address = (n: number) => `${(n >> 8) & 255}.${n & 255}`;

async function oneService(api: ApiClient, i: number): Promise<void> {
  const servers = Array.from({ length: SERVERS_EACH }, (_, n) => ({
    ip: { addr: `10.9.${address(i)}`, type: 'V4' },
    port: 8_000 + n,
  }));
  const [pool, vsvip]: ConfigObject[] = await Promise.all([
    api.post('/api/pool', { name: `pool-${i}`, servers }),
    api.post('/api/vsvip', {
      name: `vip-${i}`,
      vip: [{ vip_id: '0', ip_address: { addr: `127.9.${address(i)}`, type: 'V4' } }],
    }),
  ]);
  const services = [{ port: 8080 }];
  await api.post('/api/virtualservice', {
    name: `vs-${i}`,
    services,
    pool_ref: pool!.url,
    vsvip_ref: vsvip!.url,
  });
}

/** Waits until all virtual services are active; the name of the SE that has them. */
async function allPlaced(instance: Instance, count: number): Promise<string> {
  return eventually(
    async () => {
      const active = await activeOf(instance);
      const best = Object.entries(active).find(([, n]) => n >= count);
      return best?.[0] ?? Promise.reject(new Error(`active by SE: ${JSON.stringify(active)}`));
    },
    { within: 90_000, every: 200, what: `${count} active virtual services on one SE` },
  );
}

/** Placements by SE that the log of the SE says to be active now. */
async function activeOf(instance: Instance): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name } of instance.status.service_engines) {
    const last = new Map<string, string>();
    for (const r of await recordsOf(join(instance.dir, 'se', name, 'se.log'))) {
      if (r.msg === 'placement') last.set(r.virtualServiceUuid!, r.state!);
    }
    counts[name] = [...last.values()].filter((state) => state === 'active').length;
  }
  return counts;
}

interface LogRecord {
  time: string;
  msg: string;
  in_ms?: number;
  virtualServiceUuid?: string;
  state?: string;
}

async function recordsOf(logFile: string): Promise<LogRecord[]> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as LogRecord);
}

/** Waits until no operation is under way and nothing has been written for two seconds: the steady state. */
async function quiet(instance: Instance): Promise<void> {
  let [generation, since] = [-1, now()];
  await eventually(
    async () => {
      const metrics = await controllerMetrics(instance);
      const operations = [...metrics].filter(([name, n]) => name.startsWith('spillway_operations{') && n > 0);
      const current = metrics.get('spillway_config_generation') ?? NaN;
      if (current !== generation || operations.length > 0) [generation, since] = [current, now()];
      return now() - since > 2_000 || Promise.reject(new Error(`under way: ${JSON.stringify(operations)}`));
    },
    { within: 30_000, every: 250, what: 'the controller to have nothing to do' },
  );
}

/** Cores that the controller's process takes over a while in which nothing is written. */
async function controllerCpu(instance: Instance): Promise<number> {
  await quiet(instance);
  const seconds = async () =>
    (await controllerMetrics(instance)).get('spillway_controller_process_cpu_seconds_total') ?? NaN;
  const [before, began] = [await seconds(), now()];
  await sleep(OBSERVED);
  return ((await seconds()) - before) / ((now() - began) / 1_000);
}

/**
 * The SE that has all of it starts anew with an empty disk. The controller is away meanwhile and comes back after
 * it, so that it is not declared down and its services stay its own.
 */
async function join1000(scope: Scope, instance: Instance, se: string): Promise<Row[]> {
  const { pid } = await instance.supervisor(se);
  const environment = Object.fromEntries(
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter(Boolean)
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
  const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  const tree = processTree(pid).map((p) => identify(p.pid)!);
  await killNow(await instance.controller());
  for (const p of tree) if (isAlive(p)) await killNow(p);
  for (const file of ['snapshot.json', 'snapshot.previous.json'])
    await rm(join(instance.dir, 'se', se, file), { force: true });
  const logFile = join(await scope.tempDir('joining'), 'se.log');
  const again = await RunningProcess.start(scope, command, args, {
    name: `SE ${se}`,
    env: environment,
    logFile,
  });
  await eventually(async () => (await instance.supervisor(se)).pid === again.pid, {
    within: 10_000,
    what: 'the supervisor file of the new SE',
  });
  await again.waitForOutput(/"no controller"/, 10_000);
  await instance.up();
  await eventually(
    async () => {
      const active = (await recordsOf(logFile)).filter((r) => r.msg === 'placement' && r.state === 'active');
      return active.length >= SERVICES || Promise.reject(new Error(`${active.length} are active`));
    },
    { within: 30_000, every: 200, what: `${SERVICES} virtual services on the SE that joined` },
  );
  const all = await recordsOf(logFile);
  const attached = all.find((r) => r.msg === 'attached to a controller')!;
  // From before its Hello, with the making of the connection.
  const from = Date.parse(attached.time) - (attached.in_ms ?? 0);
  const last = all.findLast((r) => r.state === 'active')!;
  return [
    atMost(
      `full snapshot of ${SERVICES} virtual services to a joining SE: its attempt to connect to all of them served`,
      JOIN,
      Date.parse(last.time) - from,
    ),
  ];
}
