import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { ApiError, type Json, Scope } from '@spillway/testing';
import { expectClean, Load, summaries } from '../support/load.js';
import { stepTimes, World } from '../support/world.js';

jest.setTimeout(300_000);

const ACTIONS = Number(process.env['SPILLWAY_WALK_ACTIONS'] ?? 12);

let scope: Scope;
let world: World;

beforeAll(async () => {
  scope = new Scope('walk');
  world = await World.create(scope, { serviceEngines: 4, drainSeconds: 1 });
});
afterAll(async () => scope?.close());

/** A small generator, so that a failing walk can be walked again. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

it(`any sequence of ${ACTIONS} scale actions loses nothing`, () =>
  world.instance.watched(async () => {
    const seed = Number(process.env['SPILLWAY_WALK_SEED'] ?? Date.now() % 1_000_000);
    console.log(`seed ${seed}`);
    const next = random(seed);
    const load = await Load.start(world);
    const all = Object.keys(await world.instance.serviceEngineRoots());
    for (let i = 0; i < ACTIONS; i++) {
      const before = await world.placements();
      const on = before.map((p) => p.name);
      const off = all.filter((name) => !on.includes(name));
      const any = on[next(on.length)]!;
      const possible: [Parameters<World['act']>[0], Json][] = [];
      if (off.length > 0) {
        const target = { to_se_ref: await world.seRef(off[next(off.length)]!) };
        possible.push(['scaleout', {}], ['scaleout', target]);
        possible.push(['migrate', { from_se_ref: await world.seRef(any), ...target }], ['migrate', {}]);
      }
      if (on.length > 1) {
        possible.push(['scalein', {}], ['scalein', { from_se_ref: await world.seRef(any) }]);
        possible.push(['scalein', { scalein_primary: true }]);
        possible.push(['switchover', { se_uuid: before.find((p) => !p.primary)!.uuid }]);
      }
      const [action, body] = possible[next(possible.length)]!;
      console.log(`${i}: ${on.join(', ')}: ${action} ${JSON.stringify(body)}`);
      const operation = await world.act(action, body).catch((error: unknown) => {
        throw error instanceof ApiError ? new Error(`${action}: ${error.message}`, { cause: error }) : error;
      });
      const after = (await world.placedOn((await world.placements()).length)).map((p) => p.name);
      for (const se of on.filter((name) => !after.includes(name))) {
        await load.drain({ se, deadline: stepTimes(operation, 'withdraw').start + world.drainMs });
      }
      const wanted = on.length + { scaleout: 1, scalein: -1, migrate: 0, switchover: 0 }[action];
      expect(after).toHaveLength(wanted);
      expect((await world.placements()).filter((p) => p.primary)).toHaveLength(1);
    }
    await load.flowing();
    const reports = await load.stop();
    console.log(summaries(reports));
    expectClean(reports, world);
  }));
