import {
  Load,
  now,
  type Operation,
  type Reports,
  type Scope,
  stepTimes,
  summaries,
  World,
} from '@spillway/testing';
import { atMost, none, type Row } from '../report/row.js';

const SERVED = 1_000;

export async function measureScale(scope: Scope): Promise<Row[]> {
  const world = await World.create(scope, { serviceEngines: 4, drainSeconds: 2 });
  return world.instance.watched(async () => [
    ...(await scaleOut(world)),
    ...(await leave(world, 'scale in of a secondary and of the primary', [
      async () => world.act('scalein', { from_se_ref: await world.seRef(await placed(world, false)) }),
      async () => world.act('scalein', { from_se_ref: await world.seRef(await placed(world, true)) }),
    ])),
    ...(await leave(world, 'migration of the primary and of a secondary', [
      async () => world.act('migrate', { from_se_ref: await world.seRef(await placed(world, true)) }),
      async () => world.act('migrate', { from_se_ref: await world.seRef(await placed(world, false)) }),
    ])),
  ]);
}

/** The name of an SE that the service is placed on: the primary, or one that is not. */
async function placed(world: World, primary: boolean): Promise<string> {
  const found = (await world.placements()).find((p) => p.primary === primary);
  if (!found) throw new Error(`no ${primary ? 'primary' : 'secondary'} SE`);
  return found.name;
}

/** From one SE to two, three and four, each to an SE that runs and is named. */
async function scaleOut(world: World): Promise<Row[]> {
  const load = await Load.start(world);
  const roots = await world.instance.serviceEngineRoots();
  const times: number[] = [];
  for (let count = 2; count <= 4; count++) {
    const taken = (await world.placements()).map((p) => p.name);
    const se = Object.keys(roots).find((name) => !taken.includes(name))!;
    const body = { to_se_ref: await world.seRef(se) };
    const called = now();
    const operation = await world.begin('scaleout', body);
    const target = { host: world.vip4, port: world.port, roots, se, within: 10 * SERVED };
    times.push((await world.probe.firstServedBy(target)) - called);
    await world.api.waitOperation(operation.uuid);
    await world.placedOn(count);
    await load.flowing();
  }
  const reports = await load.stop();
  return [
    atMost(
      'scale out to a warm SE: call to first request served there, slowest of 3',
      SERVED,
      Math.max(...times),
      {
        fastest: Math.min(...times),
      },
    ),
    ...lossRows('scale out 1 to 4', reports, 'failed requests, new connections and resets'),
  ];
}

/** Each action takes an SE away, which drains; what it cuts from the deadline on is no loss. */
async function leave(world: World, what: string, actions: (() => Promise<Operation>)[]): Promise<Row[]> {
  const load = await Load.start(world);
  let streams = 0;
  for (const act of actions) {
    const [before, held] = [await world.placements(), await load.streamsPerSe()];
    const operation = await act();
    const after = new Set((await world.placements()).map((p) => p.name));
    const [left] = before.filter((p) => !after.has(p.name));
    if (!left) throw new Error(`${what}: no SE has left`);
    streams += held[left.name] ?? 0;
    await load.drain({ se: left.name, deadline: stepTimes(operation, 'withdraw').start + world.drainMs });
    await load.flowing();
  }
  const reports = await load.stop();
  const cuts = Object.values(reports).reduce((sum, r) => sum + r.cutAfterDeadline, 0);
  return lossRows(what, reports, 'resets inside the drain, failed requests and connections', {
    streams,
    cuts,
  });
}

function lossRows(
  what: string,
  reports: Reports,
  counted: string,
  figures: Record<string, number> = {},
): Row[] {
  const all = Object.values(reports);
  const sum = (of: (r: Reports[string]) => number) => all.reduce((n, r) => n + of(r), 0);
  const failed = sum((r) => r.failed + r.notSent + r.connections.unsolicitedData);
  if (failed > 0) console.error(`${what}\n${summaries(reports)}`);
  return [
    none(`${what}: ${counted}`, failed, `${sum((r) => r.sent)} requests and streams`, {
      failedNewConnections: sum((r) => r.newConnections.failed),
      newConnections: sum((r) => r.newConnections.ok),
      ...figures,
    }),
  ];
}
