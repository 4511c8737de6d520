import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, killNow, Scope, type Visit, type Visited } from '@spillway/testing';
import { verdictsAre } from '../support/counts.js';
import { agreed, known, live, persist, visits } from '../support/visits.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
const CLIENTS = 1000;
const clients: Visit[] = Array.from({ length: CLIENTS }, (_, i) => ({ from: `127.4.${i >> 8}.${i & 255}` }));
let home: string[];

beforeAll(async () => {
  scope = new Scope('persistence-sync');
  world = await World.create(scope, { serviceEngines: 2, workers: 2 });
  await world.instance.watched(async () => {
    await verdictsAre(world, ['OPER_UP', 'OPER_UP', 'OPER_UP']);
    await persist(world, { persistence_type: 'PERSISTENCE_TYPE_CLIENT_IP_ADDRESS' });
    home = (await visits(world, clients, 100)).map((v) => v.origin);
  });
});
afterAll(async () => scope?.close());

/** Every client comes once, and to where it belongs. */
async function round(): Promise<Visited[]> {
  const found = await visits(world, clients, 100);
  const moved = found.flatMap((v, i) =>
    v.origin === home[i] ? [] : [`${clients[i]!.from} came to ${v.origin}`],
  );
  expect(moved).toEqual([]);
  return found;
}

/** Clients come without pause while something happens, and twice afterwards. */
async function during(act: () => Promise<unknown>): Promise<Visited[]> {
  const state = { done: false };
  const acting = act().finally(() => (state.done = true));
  while (!state.done) await round();
  await acting;
  return [...(await round()), ...(await round())];
}

const servedBy = (found: readonly Visited[]): number => new Set(found.map((v) => v.se)).size;

describe('a thousand clients by their address', () => {
  it('keep their servers while the virtual service is scaled out', () =>
    world.instance.watched(async () => {
      expect(new Set(home).size).toBe(3);
      const found = await during(async () => {
        await world.act('scaleout');
        await world.placedOn(2);
      });
      expect(servedBy(found)).toBe(2);
      await known(world, 2, CLIENTS);
    }));

  it('keep them over a scale-in and a migration', () =>
    world.instance.watched(async () => {
      await during(async () => {
        await world.act('scalein');
        await world.placedOn(1);
        await world.act('migrate');
        await world.placedOn(1);
        await world.act('scaleout');
        await world.placedOn(2);
      });
      expect(servedBy(await round())).toBe(2);
    }));

  it('keep them when workers and agents are killed', () =>
    world.instance.watched(async () => {
      const names = Object.keys(await world.instance.serviceEngineRoots());
      for (const name of names) {
        const before = await world.instance.supervisor(name);
        process.kill(before.agent_pid, 'SIGKILL');
        process.kill(before.workers[0]!, 'SIGKILL');
        await eventually(
          async () => {
            const now = await world.instance.supervisor(name);
            return now.agent_pid !== before.agent_pid && now.workers[0] !== before.workers[0];
          },
          { within: 20_000, every: 50, what: `${name} to have a new agent and a new worker` },
        );
      }
      await world.placedOn(2);
      await round();
      await known(world, 2, CLIENTS);
    }));

  it('move when their server is removed, and no others do', () =>
    world.instance.watched(async () => {
      const { uuid } = world.pool;
      await world.api.patch(`/api/pool/${uuid}`, { replace: { servers: world.servers().slice(0, 2) } });
      await live(world);
      const stay = clients.filter((_, i) => home[i] !== 'o3');
      const leave = clients.filter((_, i) => home[i] === 'o3');
      const at = home.filter((o) => o !== 'o3');
      expect((await visits(world, stay, 100)).map((v) => v.origin)).toEqual(at);
      const moved = await visits(world, leave, 100);
      expect(moved.every((v) => v.origin !== 'o3')).toBe(true);
      await world.api.patch(`/api/pool/${uuid}`, { replace: { servers: world.servers() } });
      await live(world);
      await agreed(world, leave, moved);
      expect((await visits(world, stay, 100)).map((v) => v.origin)).toEqual(at);
      home = (await visits(world, clients, 100)).map((v) => v.origin);
    }));

  it('are exchanged once the controller is back that was away', () =>
    world.instance.watched(async () => {
      await killNow(await world.instance.controller());
      const fresh = Array.from({ length: 40 }, (_, i) => ({ from: `127.5.0.${i + 1}` }));
      await round();
      const first = await visits(world, fresh);
      await world.instance.up();
      await world.placedOn(2);
      await agreed(world, fresh, first);
      await round();
    }));
});
