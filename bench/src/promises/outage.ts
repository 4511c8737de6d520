import { eventually, killNow, Load, now, type Scope, sleep, summaries, World } from '@spillway/testing';
import { controllerMetrics, lived } from './metrics.js';
import { atMost, none, type Row, told } from '../report/row.js';

const CONVERGED = 5_000;
/** How long the controller stays away, in milliseconds. */
const AWAY = 3_000;

export async function measureOutage(scope: Scope): Promise<Row[]> {
  const world = await World.create(scope, { serviceEngines: 3 });
  return world.instance.watched(async () => {
    await world.act('scaleout');
    const before = (await world.placedOn(2)).map((p) => p.name).sort();
    const load = await Load.start(world);
    await killNow(await world.instance.controller());
    const killed = now();
    await load.runUntil(killed + AWAY);
    const began = now();
    await world.instance.up();
    const returned = now();
    await converged(world, before);
    const done = now();
    await load.runUntil(done + 1_000);
    const reports = await load.stop();
    const all = Object.values(reports);
    const failed = all.reduce((sum, r) => sum + r.failed + r.notSent, 0);
    const broken = all.reduce(
      (sum, r) => sum + (r.sort === 'stream' ? r.connections.opened - r.inFlight : 0),
      0,
    );
    if (failed + broken > 0) console.error(summaries(reports));
    return [
      none(
        'controller killed: failed requests and broken streams',
        failed + broken,
        `${all.reduce((sum, r) => sum + r.sent, 0)} requests and streams`,
        { away: began - killed },
      ),
      atMost(
        '- return of the API to converged (all SEs attached, nothing moved, an edit live everywhere)',
        CONVERGED,
        done - returned,
      ),
      told('- start of the controller to its API', `${((returned - began) / 1_000).toFixed(2)} s`, {
        milliseconds: returned - began,
      }),
    ];
  });
}

async function converged(world: World, before: string[]): Promise<void> {
  await eventually(
    async () => {
      const attached = (await controllerMetrics(world.instance)).get('spillway_se_streams');
      const on = await world.placements();
      const same =
        on.every((p) => p.active) &&
        on
          .map((p) => p.name)
          .sort()
          .join() === before.join();
      return (attached === 3 && same) || Promise.reject(new Error(`${attached} SEs, ${JSON.stringify(on)}`));
    },
    { within: 2 * CONVERGED, every: 10, what: 'all SEs to be attached and nothing to have moved' },
  );
  const { count } = await lived(world.instance);
  await world.api.patch(`/api/pool/${world.pool.uuid}`, {
    replace: { servers: world.servers().slice(0, 2) },
  });
  while ((await lived(world.instance)).count === count) await sleep(5);
}
