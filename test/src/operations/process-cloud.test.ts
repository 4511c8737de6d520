import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, identify, isAlive, type ProcessIdentity, Scope } from '@spillway/testing';
import { expectClean, Load } from '../support/load.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

interface Inventory {
  runtime: { oper_status: { state: string; reason?: string[] } };
}

/** Write access: the `process` cloud makes an SE for a scale-out, keeps it, and deletes it. */
let scope: Scope;
let world: World;
let made: string;

beforeAll(async () => {
  scope = new Scope('process-cloud');
  world = await World.create(scope, { serviceEngines: 1, drainSeconds: 1 });
}, 120_000);
afterAll(async () => scope?.close());

const roots = () => world.instance.serviceEngineRoots();
const supervisor = async (name: string): Promise<ProcessIdentity> => {
  const { pid, start_time } = await world.instance.supervisor(name);
  return { pid, startTime: start_time };
};

describe('the process cloud', () => {
  it('makes an SE where none has room, under traffic', () =>
    world.instance.watched(async () => {
      const load = await Load.start(world);
      const operation = await world.act('scaleout');
      expect(operation).toMatchObject({ state: 'succeeded' });
      const on = await world.placedOn(2);
      made = on.find((p) => p.name !== 'se-1')?.name ?? '';
      expect(Object.keys(await roots()).sort()).toEqual([made, 'se-1'].sort());
      await load.flowing();
      expectClean(await load.stop(), world);
    }));

  it('leaves it running when the controller is killed, and finds it again', () =>
    world.instance.watched(async () => {
      const before = await supervisor(made);
      const controller = await world.instance.controller();
      process.kill(controller.pid, 'SIGKILL');
      await eventually(() => !isAlive(controller), {
        within: 5_000,
        every: 20,
        what: 'the end of the controller',
      });
      await world.instance.up();
      await world.placedOn(2);
      expect(await supervisor(made)).toEqual(before);
      expect(isAlive(before)).toBe(true);
    }));

  it('starts it again when it dies', () =>
    world.instance.watched(async () => {
      const before = await supervisor(made);
      process.kill(before.pid, 'SIGKILL');
      const after = await eventually(
        async () => {
          const { pid } = await supervisor(made);
          const found = pid === before.pid ? undefined : identify(pid);
          return found ?? Promise.reject(new Error(`still pid ${pid}`));
        },
        { within: 20_000, every: 50, what: 'another process of the SE' },
      );
      expect(after.pid).not.toBe(before.pid);
      await world.placedOn(2);
    }));

  it('deletes it by force: its process, its directory and its object are gone, the rest serves on', () =>
    world.instance.watched(async () => {
      const process = await supervisor(made);
      const { uuid } = await world.api.find('serviceengine', made);
      // What it carries is not moved by itself again: one SE is enough from here on.
      await world.act('scalein', { from_se_ref: await world.seRef(made) });
      const reply = await world.api.post(`/api/serviceengine/${uuid}/forcedelete`, {});
      expect(await world.api.waitOperation(String(reply['operation_uuid']))).toMatchObject({
        state: 'succeeded',
      });
      expect(isAlive(process)).toBe(false);
      expect(existsSync(join(world.instance.dir, 'se', made))).toBe(false);
      const left = await world.api.get<{ count: number }>(`/api/serviceengine?name=${made}`);
      expect(left.count).toBe(0);
      expect((await world.placedOn(1))[0]?.name).toBe('se-1');
    }));
});

describe('a VIP that somebody else has', () => {
  it('is OPER_DOWN with the holder named, and comes up when the holder goes', () =>
    world.instance.watched(async () => {
      if (world.netns) return; // The holder has to be in the namespace of the SEs.
      const holder = createServer().listen(world.port + 1, world.vip4);
      scope.defer('the holder', () => void holder.close());
      await once(holder, 'listening');
      const vs = await world.api.post('/api/virtualservice', {
        name: 'taken',
        services: [{ port: world.port + 1 }],
        vsvip_ref: world.vsvip.url,
      });
      const oper = async (): Promise<{ state: string; reason?: string[] }> => {
        const item = await world.api.get<Inventory>(`/api/virtualservice-inventory/${vs.uuid}`);
        return item.runtime.oper_status;
      };
      const shows = (
        what: string,
        good: (s: { state: string; reason?: string[] }) => boolean,
        within: number,
      ) =>
        eventually(
          async () => {
            const now = await oper();
            return good(now) || Promise.reject(new Error(JSON.stringify(now)));
          },
          { within, every: 50, what },
        );
      const named = `pid ${process.pid}`;
      await shows(
        'OPER_DOWN by the holder',
        ({ state, reason = [] }) => state === 'OPER_DOWN' && reason.join(' ').includes(named),
        15_000,
      );
      holder.close();
      await shows('OPER_UP', ({ state }) => state === 'OPER_UP', 30_000);
    }));
});
