import { eventually, type Visit, type Visited } from '@spillway/testing';
import type { World } from './world.js';

/** Visits of the virtual service over IPv4; each has to be answered. */
export async function visits(world: World, all: Visit[], batch = 50, port = world.port): Promise<Visited[]> {
  const found = await tries(world, all, batch, port);
  const failed = found.filter((v) => v.failure !== '' || v.origin === '');
  if (failed.length > 0)
    throw new Error(`${failed.length} visits failed, the first: ${JSON.stringify(failed[0])}`);
  return found;
}

/** The same, whether they are answered or not. */
export async function tries(world: World, all: Visit[], batch = 50, port = world.port): Promise<Visited[]> {
  const roots = await world.instance.serviceEngineRoots();
  return world.probe.visit({ host: world.vip4, port, roots, visits: all, batch });
}

/** Gives the pool a new profile of persistence; its uuid. */
export async function persist(world: World, spec: object): Promise<string> {
  const name = `p-${Math.random().toString(36).slice(2, 10)}`;
  const profile = await world.api.post('/api/applicationpersistenceprofile', { name, ...spec });
  await world.api.patch(`/api/pool/${world.pool.uuid}`, {
    replace: { application_persistence_profile_ref: profile.url },
  });
  await live(world);
  return profile.uuid;
}

/** Waits until every SE of the virtual service runs what has been written. */
export async function live(world: World): Promise<void> {
  const { generation } = await world.api.get<{ generation: number }>('/api/cluster/runtime');
  for (const { uuid, name } of await world.placements())
    await eventually(
      async () => {
        const se = await world.api.get<{ generation: number }>(`/api/serviceengine/${uuid}/runtime`);
        return se.generation >= generation || Promise.reject(new Error(`it runs ${se.generation}`));
      },
      { within: 10_000, every: 20, what: `${name} to run generation ${generation}` },
    );
}

/**
 * Waits until visits go where clients were before, whichever SE they meet: what one SE has learned reaches the others
 * within some milliseconds.
 */
export async function agreed(world: World, all: Visit[], before: readonly Visited[]): Promise<void> {
  await eventually(
    async () => {
      const found = await visits(world, [...all, ...all]);
      const wrong = found.filter((v, i) => v.origin !== before[i % all.length]!.origin);
      return wrong.length === 0 || Promise.reject(new Error(`${wrong.length} went elsewhere`));
    },
    { within: 10_000, every: 20, what: 'the SEs to agree on their clients' },
  );
}

interface Uses {
  service_engine: { entries: number; limit: number; evictions: number }[];
}

/** Waits until each of so many SEs knows at least so many clients of the pool. */
export async function known(world: World, serviceEngines: number, clients: number): Promise<void> {
  await eventually(
    async () => {
      const { service_engine: uses } = await world.api.get<Uses>(
        `/api/pool/${world.pool.uuid}/runtime/persistence`,
      );
      const enough = uses.length === serviceEngines && uses.every((u) => u.entries >= clients);
      return enough || Promise.reject(new Error(JSON.stringify(uses)));
    },
    { within: 20_000, every: 100, what: `${clients} clients to be known on ${serviceEngines} SEs` },
  );
}
