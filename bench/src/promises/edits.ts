import {
  editHarmlessly,
  eventually,
  type Json,
  type LiveEdit,
  Load,
  now,
  quantile,
  type Scope,
  sleep,
  spawnClients,
  summaries,
  timesToLive,
  World,
} from '@spillway/testing';
import { type Lived, lived } from './metrics.js';
import { ms, none, type Row, told } from '../report/row.js';

/** Six edits each, four of the pool and two of the virtual service; five of them show in traffic. */
const ROUNDS = 40;
const HARMLESS = 1_000;

interface Edit {
  kind: string;
  path: string;
  body: Json;
  /** What shows it in traffic; absent: nothing does, and the SEs' ack has to do. */
  shows?: Omit<LiveEdit, 'answeredAt'>;
}

/** A round: the pool's only server `from` gives way to `to`, then the service uses another pool for a moment. */
function round(world: World, otherPool: string, from: number, to: number): Edit[] {
  const [old] = world.servers([world.origins[from]!]);
  const [fresh] = world.servers([world.origins[to]!]);
  const [was, is] = [world.origins[from]!.name, world.origins[to]!.name];
  const pool = (kind: string, servers: Json[], shows?: Edit['shows']): Edit => ({
    kind,
    path: `/api/pool/${world.pool.uuid}`,
    body: { servers },
    ...(shows && { shows }),
  });
  const service = (ref: string, origin: string): Edit => ({
    kind: 'virtual service: pool_ref',
    path: `/api/virtualservice/${world.vs.uuid}`,
    body: { pool_ref: ref },
    shows: { origin },
  });
  return [
    pool('server added', [old!, { ...fresh, ratio: 20 }], { origin: is }),
    // Two in a row: before it one request of 21 goes there.
    pool('ratio', [{ ...old, ratio: 20 }, fresh!], { origin: was, inARow: 2 }),
    pool('server disabled', [{ ...old, ratio: 20, enabled: false }, fresh!], { origin: is, inARow: 2 }),
    pool('server removed', [fresh!]),
    service(otherPool, 'o3'),
    service(world.pool.url, is),
  ];
}

export async function measureEdits(scope: Scope): Promise<Row[]> {
  const world = await World.create(scope, {
    serviceEngines: 2,
    monitored: false,
    origins: ['o1', 'o2', 'o3', 'o4'],
    pool: { graceful_disable_timeout: 1 },
  });
  return world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
    return [...(await configToLive(scope, world)), ...(await harmlessEdits(world))];
  });
}

async function configToLive(scope: Scope, world: World): Promise<Row[]> {
  const other = await world.api.post('/api/pool', {
    name: 'other',
    servers: world.servers([world.origins[2]!]),
  });
  await world.api.patch(`/api/pool/${world.pool.uuid}`, {
    replace: { servers: world.servers([world.origins[0]!]) },
  });
  const observer = await spawnClients(scope, {
    name: 'observer',
    sort: 'keep-alive',
    host: world.vip4,
    port: world.port,
    connections: 16,
    rate: 1_500,
    keepRequests: true,
  });
  await observer.start();
  await observer.setServiceEngines(await world.instance.serviceEngineRoots());
  await observer.until(
    'connections to both SEs',
    (p) => Object.keys(p.openPerSe).length === 2 && Object.values(p.openPerSe).every((n) => n >= 3),
  );
  const [shown, kinds, acks, calls]: [LiveEdit[], string[], number[], number[]] = [[], [], [], []];
  let before = await settled(world);
  for (let i = 0; i < ROUNDS; i++) {
    for (const { kind, path, body, shows } of round(world, other.url, i % 2, 1 - (i % 2))) {
      const called = now();
      await world.api.patch(path, { replace: body });
      const answeredAt = now();
      calls.push(answeredAt - called);
      if (shows) {
        shown.push({ answeredAt, ...shows });
        kinds.push(kind);
      }
      // The pace of the edits; what each one did is found in the records afterwards.
      await sleep(40 + ((i * 7 + calls.length) % 7) * 10);
      const after = await eventually(
        async () => {
          const at = await lived(world.instance);
          return at.count > before.count && at;
        },
        { within: 10_000, every: 10, what: `the acks of an edit (${kind})` },
      );
      acks.push(...ackTimes(before, after));
      before = after;
    }
  }
  const report = await observer.stop();
  const effects = timesToLive(report, shown);
  if (Object.keys(report.serviceEngines).length !== 2) throw new Error('both SEs must have been observed');
  const kindRows = [...new Set(kinds)].map((kind) => {
    const of = effects.filter((_, i) => kinds[i] === kind);
    return told(`- of these: ${kind}`, spreadText(of), spreadFigures(of));
  });
  return [
    budgeted(`config to live: API 200 to effect in traffic on both SEs, ${effects.length} edits`, effects),
    ...kindRows,
    budgeted(`config to live: API 200 to ack by both SEs, ${acks.length} edits`, acks),
    told('- the API call of these edits itself', spreadText(calls), spreadFigures(calls)),
    none('- requests that failed meanwhile', report.failed, String(report.sent)),
  ];
}

/** Waits until nothing is on its way to an SE. */
async function settled(world: World): Promise<Lived> {
  let last = await lived(world.instance);
  for (;;) {
    await sleep(200);
    const at = await lived(world.instance);
    if (at.count === last.count) return at;
    last = at;
  }
}

/** One edit is under way at a time, so the sum of the histogram tells each of them. */
function ackTimes(before: Lived, after: Lived): number[] {
  const count = after.count - before.count;
  if (count !== 1) throw new Error(`${count} changes became live where one edit was made`);
  return [after.milliseconds - before.milliseconds];
}

async function harmlessEdits(world: World): Promise<Row[]> {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, {
    replace: { servers: world.servers().slice(0, 2) },
  });
  const load = await Load.start(world, {
    keepAlive: { rate: 300, connections: 24 },
    fresh: { rate: 60 },
    streams: false,
  });
  const began = now();
  await editHarmlessly(world, HARMLESS);
  const seconds = (now() - began) / 1_000;
  await load.flowing();
  const reports = await load.stop();
  const failed = Object.values(reports).reduce((sum, r) => sum + r.failed + r.notSent, 0);
  const sent = Object.values(reports).reduce((sum, r) => sum + r.sent, 0);
  if (failed > 0) console.error(summaries(reports));
  return [
    none(`failed requests in ${HARMLESS} edits under load`, failed, String(sent)),
    told('- edits per second, one after the other', `${(HARMLESS / seconds).toFixed(0)}/s`, {
      perSecond: HARMLESS / seconds,
    }),
  ];
}

function spreadFigures(values: number[]): Record<string, number> {
  return {
    count: values.length,
    p50: quantile(values, 0.5),
    p99: quantile(values, 0.99),
    max: Math.max(...values),
  };
}

function spreadText(values: number[]): string {
  const { p50, p99, max } = spreadFigures(values) as { p50: number; p99: number; max: number };
  return `p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`;
}

function budgeted(promise: string, values: number[]): Row {
  const figures = spreadFigures(values);
  return {
    promise,
    budget: 'p50 <= 30 ms, p99 <= 100 ms',
    measured: spreadText(values),
    met: figures['p50']! <= 30 && figures['p99']! <= 100,
    figures,
  };
}
