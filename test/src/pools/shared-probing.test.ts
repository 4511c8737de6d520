import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  type ConfigObject,
  eventually,
  identify,
  type Json,
  killNow,
  now,
  processTree,
  Scope,
  sleep,
} from '@spillway/testing';
import { World } from '../support/world.js';

jest.setTimeout(180_000);

let scope: Scope;
let world: World;
let monitor: ConfigObject;
const ENGINES = 3;
/** Seconds; a check begins every 1.8 to 2 s where it is shared. */
const INTERVAL = 2;
const TIMEOUT = 1;

beforeAll(async () => {
  scope = new Scope('shared-probing');
  world = await World.create(scope, { serviceEngines: ENGINES });
  monitor = await world.api.find('healthmonitor', 'hm');
  await edit({ send_interval: INTERVAL, receive_timeout: TIMEOUT, shared_probing: true });
  await world.instance.watched(async () => {
    for (let n = 2; n <= ENGINES; n++) {
      await world.act('scaleout');
      await world.placedOn(n);
    }
    await heard();
  });
});
afterAll(async () => scope?.close());

const edit = (replace: Json): Promise<ConfigObject> =>
  world.api.patch(`/api/healthmonitor/${monitor.uuid}`, { replace });

const checks = async (): Promise<number[]> =>
  Promise.all(world.origins.map(async (o) => (await o.counters()).healthChecks));

async function checksWithin(milliseconds: number): Promise<number[]> {
  const before = await checks();
  await sleep(milliseconds);
  return (await checks()).map((n, i) => n - before[i]!);
}

interface Engine {
  se_uuid: string;
  se_name: string;
  state: string;
  last_check?: { made_by_se_uuid?: string };
}

/** What each SE says of each server. */
const engines = async (): Promise<Engine[][]> => {
  const found = await world.api.get<{ results: { health_monitor: { service_engine: Engine[] }[] }[] }>(
    `/api/pool/${world.pool.uuid}/runtime/server/hmonstat`,
  );
  return found.results.map((s) => s.health_monitor[0]?.service_engine ?? []);
};

/** Who checks each server itself; null while it is not one SE, or the others have not heard of it. */
const probers = async (count = ENGINES): Promise<(Engine | null)[]> =>
  (await engines()).map((found) => {
    const own = found.filter((e) => e.last_check !== undefined && e.last_check.made_by_se_uuid === undefined);
    const trusting = found.filter((e) => e.last_check?.made_by_se_uuid === own[0]?.se_uuid);
    return own.length === 1 && trusting.length === count - 1 ? own[0]! : null;
  });

/** Waits until one SE checks each server, and all others trust it. */
const heard = (count = ENGINES): Promise<Engine[]> =>
  eventually(
    async () => {
      const found = await probers(count);
      return found.every((p) => p !== null)
        ? found
        : Promise.reject(new Error(JSON.stringify(await engines())));
    },
    { within: 30_000, every: 100, what: 'one SE to check each server' },
  );

/** The state of each server on each SE. */
const states = (wanted: string): Promise<unknown> =>
  eventually(
    async () => {
      const [first] = await engines();
      const all = first!.every((e) => e.state === wanted) && first!.length > 0;
      return all || Promise.reject(new Error(JSON.stringify(first)));
    },
    { within: 20_000, every: 50, what: `the first server to be ${wanted} everywhere` },
  );

describe('shared probing', () => {
  it('makes one check per server and interval, not one per SE', () =>
    world.instance.watched(async () => {
      // One SE every 1.8 to 2 s: 5 or 6 in 10 s, where three SEs for themselves make 15.
      for (const n of await checksWithin(10_000)) {
        expect(n).toBeGreaterThanOrEqual(4);
        expect(n).toBeLessThanOrEqual(8);
      }
    }));

  it('takes a server out on every SE, and back', () =>
    world.instance.watched(async () => {
      await world.origins[0]!.set({ health: 'fail' });
      await states('OPER_DOWN');
      await world.origins[0]!.set({ health: 'ok' });
      await states('OPER_UP');
    }));

  it('goes on within an interval and a time-out when the SE that checks is killed', () =>
    world.instance.watched(async () => {
      const makers = await heard();
      const gone = makers[0]!;
      const mine = makers.flatMap((m, i) => (m.se_uuid === gone.se_uuid ? [i] : []));
      const { pid } = await world.instance.supervisor(gone.se_name);
      const tree = processTree(pid).map((p) => identify(p.pid)!);
      await Promise.all(tree.map((p) => killNow(p)));
      const killed = now();
      const before = await checks();
      await eventually(
        async () => {
          const after = await checks();
          const waiting = mine.filter((i) => after[i]! <= before[i]!);
          return waiting.length === 0 || Promise.reject(new Error(`servers ${waiting.join()}`));
        },
        { within: 10_000, every: 20, what: 'a check of each of its servers' },
      );
      // What news take, a loaded machine and the question itself come on top.
      expect(now() - killed).toBeLessThan((INTERVAL + TIMEOUT) * 1000 + 1_500);
      await world.instance.up();
      await eventually(
        async () => {
          const found = await world.placements();
          return (
            found.filter((p) => p.active).length === ENGINES ||
            Promise.reject(new Error(JSON.stringify(found)))
          );
        },
        { within: 60_000, every: 100, what: 'the SE to be back' },
      );
      await heard();
    }));

  it('ends while no news can come: every SE checks for itself, and one does afterwards', () =>
    world.instance.watched(async () => {
      await killNow(await world.instance.controller());
      await eventually(
        async () => {
          const found = await checksWithin(6_000);
          return found.every((n) => n >= 8) || Promise.reject(new Error(found.join()));
        },
        { within: 40_000, every: 10, what: 'three SEs to check each server' },
      );
      await world.instance.up();
      await heard();
    }));
});
