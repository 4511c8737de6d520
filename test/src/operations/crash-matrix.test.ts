import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, isAlive, type Operation, Scope } from '@spillway/testing';
import { expectClean, Load, summaries } from '../support/load.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

/**
 * At every step of every operation on a virtual service the controller is ended with SIGKILL, before the step and
 * after its commit, while clients count every request. Started again, it brings the operation to its right end; the
 * traffic never notices.
 */
type Action = 'scaleout' | 'scalein' | 'migrate' | 'switchover';
type When = 'before' | 'after';

const STEPS: Readonly<Record<Action | 'place' | 'unplace', readonly string[]>> = {
  scaleout: ['choose', 'program', 'ready', 'admit'],
  scalein: ['choose', 'switch_primary', 'withdraw', 'drain', 'release'],
  migrate: ['choose', 'program', 'ready', 'admit', 'switch_primary', 'withdraw', 'drain', 'release'],
  switchover: ['target_ready', 'make_primary'],
  place: ['choose', 'program', 'ready', 'admit'],
  unplace: ['withdraw_all', 'drain_all', 'release_all'],
};
const points = (type: keyof typeof STEPS): [string, When][] =>
  STEPS[type].flatMap((step): [string, When][] => [
    [step, 'before'],
    [step, 'after'],
  ]);

let scope: Scope;
let world: World;
let place: string;

beforeAll(async () => {
  scope = new Scope('crash-matrix');
  place = join(await scope.tempDir('crash'), 'at');
  world = await World.create(scope, {
    serviceEngines: 3,
    drainSeconds: 1,
    env: { ...process.env, SPILLWAY_TEST: '1', SPILLWAY_CRASH_AT: `@${place}` },
  });
}, 120_000);
afterAll(async () => scope?.close());

const running = async () =>
  (await world.api.get<{ results: Operation[] }>('/api/operation?page_size=200')).results;
/** Nothing is under way any more, and it is on this many SEs, one of them the primary. */
async function rests(count: number): Promise<void> {
  await eventually(
    async () => (await running()).every((op) => op.state !== 'running' && op.state !== 'waiting'),
    {
      within: 20_000,
      every: 50,
      what: 'every operation to end',
    },
  );
  const on = await world.placedOn(count);
  if (count > 0) expect(on.filter((p) => p.primary)).toHaveLength(1);
}

/** Has the controller end at a place while `act` runs, starts it again, and answers what the operation came to. */
async function crashAt(
  type: string,
  step: string,
  when: When,
  act: () => Promise<unknown>,
): Promise<Operation> {
  const before = await world.instance.controller();
  const known = new Set((await running()).map((op) => op.uuid));
  writeFileSync(place, `${type}.${step}.${when}`);
  try {
    // The answer may be lost with the controller: that is part of it.
    await act().catch(() => undefined);
    await eventually(() => !isAlive(before), {
      within: 15_000,
      every: 20,
      what: `the end at ${type}.${step}.${when}`,
    });
  } finally {
    rmSync(place, { force: true });
  }
  expect(existsSync(place)).toBe(false);
  await world.instance.up();
  const mine = (await running()).filter((op) => op.type === type && !known.has(op.uuid));
  expect(mine).toHaveLength(1);
  return eventually(
    async () => {
      const op = await world.api.get<Operation>(`/api/operation/${mine[0]?.uuid}`);
      if (op.state === 'running' || op.state === 'waiting') throw new Error(`${op.state} ${op.text}`);
      return op;
    },
    { within: 20_000, every: 50, what: `${type} to end` },
  );
}

const act = (action: Action) => () => world.begin(action);

describe('the controller is killed in the middle, with traffic', () => {
  let load: Load;
  beforeAll(async () => {
    load = await Load.start(world, { streams: false });
  });

  it.each(points('scaleout'))('scaleout %s %s: ends on one SE more', (step, when) =>
    world.instance.watched(async () => {
      await rests(1);
      expect(await crashAt('scaleout', step, when, act('scaleout'))).toMatchObject({ state: 'succeeded' });
      await rests(2);
      await load.flowing();
      await world.act('scalein');
    }),
  );

  it.each(points('scalein'))('scalein of the primary %s %s: ends on one SE less', (step, when) =>
    world.instance.watched(async () => {
      await rests(1);
      await world.act('scaleout');
      const op = await crashAt('scalein', step, when, () =>
        world.begin('scalein', { scalein_primary: true }),
      );
      expect(op).toMatchObject({ state: 'succeeded' });
      await rests(1);
      await load.flowing();
    }),
  );

  it.each(points('migrate'))('migrate %s %s: ends on another SE', (step, when) =>
    world.instance.watched(async () => {
      await rests(1);
      const [from] = await world.placements();
      expect(await crashAt('migrate', step, when, act('migrate'))).toMatchObject({ state: 'succeeded' });
      await rests(1);
      expect((await world.placements())[0]?.uuid).not.toBe(from?.uuid);
      await load.flowing();
    }),
  );

  it.each(points('switchover'))('switchover %s %s: ends with another primary', (step, when) =>
    world.instance.watched(async () => {
      await rests(1);
      await world.act('scaleout');
      const primary = (await world.placements()).find((p) => p.primary)?.uuid;
      expect(await crashAt('switchover', step, when, act('switchover'))).toMatchObject({
        state: 'succeeded',
      });
      await rests(2);
      expect((await world.placements()).find((p) => p.primary)?.uuid).not.toBe(primary);
      await load.flowing();
      await world.act('scalein');
    }),
  );

  it('and no request failed in all of that', () =>
    world.instance.watched(async () => {
      const reports = await load.stop();
      console.log(summaries(reports));
      expectClean(reports, world);
    }));
});

const enable = (enabled: boolean) => () =>
  world.api.patch(`/api/virtualservice/${world.vs.uuid}`, { replace: { enabled } });

describe('the controller is killed while a virtual service comes or goes', () => {
  it.each(points('unplace'))('unplace %s %s', (step, when) =>
    world.instance.watched(async () => {
      await rests(1);
      expect(await crashAt('unplace', step, when, enable(false))).toMatchObject({ state: 'succeeded' });
      await rests(0);
      await enable(true)();
    }),
  );

  it.each(points('place'))('place %s %s', (step, when) =>
    world.instance.watched(async () => {
      await rests(1);
      await enable(false)();
      await rests(0);
      expect(await crashAt('place', step, when, enable(true))).toMatchObject({ state: 'succeeded' });
      await rests(1);
    }),
  );
});
