import {
  eventually,
  identify,
  isAlive,
  Load,
  now,
  processTree,
  type Reports,
  type Scope,
  signalProcess,
  summaries,
  World,
} from '@spillway/testing';
import { atMost, ms, none, type Row, told } from '../report/row.js';

/** So long is looked for late failures, in milliseconds. */
const OBSERVED = 2_500;
const TIMES = 2;

interface Hit {
  what: string;
  limit: number;
  /** Which processes of the SE get which signal. */
  signal: 'SIGKILL' | 'SIGSTOP';
  who: 'tree' | 'worker';
}

const HITS: Hit[] = [
  { what: 'SE killed (SIGKILL of all its processes)', limit: 1_000, signal: 'SIGKILL', who: 'tree' },
  { what: 'SE hung (SIGSTOP of all its processes)', limit: 1_500, signal: 'SIGSTOP', who: 'tree' },
  { what: 'SE hung (SIGSTOP of one worker of two)', limit: 1_500, signal: 'SIGSTOP', who: 'worker' },
];

export async function measureLoss(scope: Scope): Promise<Row[]> {
  const world = await World.create(scope, { serviceEngines: 3, workers: 2 });
  return world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
    const rows: Row[] = [];
    for (const hit of HITS) {
      const results: Result[] = [];
      for (let i = 0; i < TIMES; i++) results.push(await strike(world, hit));
      rows.push(...rowsOf(hit, results));
    }
    return rows;
  });
}

interface Result {
  /** Begin of the last new connection that failed, after the hit; undefined when none begun after it did. */
  last: number | undefined;
  /** The longest that a new connection had to wait for its answer. */
  waited: number;
  failed: number;
  /** Failures on SEs that were not hit. */
  elsewhere: number;
  sent: number;
}

async function strike(world: World, hit: Hit): Promise<Result> {
  const load = await Load.start(world, { fresh: { rate: 100, connections: 1_000 } });
  const on = await world.placements();
  const { name } = on.find((p) => !p.primary) ?? on[0]!;
  const { pid, workers } = await world.instance.supervisor(name);
  const victims =
    hit.who === 'worker' ? [identify(workers[0]!)!] : processTree(pid).map((p) => identify(p.pid)!);
  const hitAt = now();
  for (const p of victims) signalProcess(p, hit.signal);
  await eventually(() => !victims.some(isAlive), { within: 10_000, what: `${name} to be gone` });
  await load.attribute();
  await load.runUntil(hitAt + OBSERVED);
  await load.flowing();
  const reports = await load.stop();
  await recovered(world);
  return judge(reports, name, hitAt);
}

function judge(reports: Reports, victim: string, hitAt: number): Result {
  const all = Object.values(reports);
  const late = all.flatMap((r) => r.lastFailedNewConnectionAt ?? []).filter((at) => at > hitAt);
  const fresh = all.filter((r) => r.sort === 'new-connection');
  const elsewhere = all
    .flatMap((r) => r.failures)
    .filter((f) => f.se !== undefined && f.se !== victim).length;
  if (elsewhere > 0) console.error(summaries(reports));
  return {
    last: late.length === 0 ? undefined : Math.max(...late) - hitAt,
    waited: Math.max(...fresh.map((r) => r.latency.max)),
    failed: all.reduce((sum, r) => sum + r.failed, 0),
    elsewhere,
    sent: all.reduce((sum, r) => sum + r.sent, 0),
  };
}

/** Starts again what was killed, and waits until the service is on two living SEs. */
async function recovered(world: World): Promise<void> {
  await world.instance.up();
  await eventually(
    async () => {
      const roots = await world.instance.serviceEngineRoots();
      const on = await world.placements();
      const good =
        Object.keys(roots).length === 3 &&
        on.length === 2 &&
        on.every((p) => p.active && roots[p.name] !== undefined);
      return good || Promise.reject(new Error(`placed on ${JSON.stringify(on)}`));
    },
    { within: 30_000, every: 50, what: 'the virtual service to be active on two living SEs' },
  );
}

function rowsOf({ what, limit }: Hit, results: Result[]): Row[] {
  const sum = (of: (r: Result) => number) => results.reduce((n, r) => n + of(r), 0);
  const last = results.flatMap((r) => r.last ?? []);
  const worst = Math.max(0, ...last);
  const row = atMost(
    `${what}: begin of the last new connection that failed, worst of ${TIMES}`,
    limit,
    worst,
    { failed: sum((r) => r.failed), sent: sum((r) => r.sent) },
  );
  const waited = Math.max(...results.map((r) => r.waited));
  return [
    { ...row, measured: last.length === 0 ? 'none failed' : row.measured },
    told('- longest wait of a new connection for its answer', ms(waited), { milliseconds: waited }),
    none(
      '- failures on the other SEs',
      sum((r) => r.elsewhere),
      `${sum((r) => r.sent)} requests and streams`,
    ),
  ];
}
