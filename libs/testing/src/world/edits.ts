import type { Json } from '../instance/api-client.js';
import type { Origin } from '../origin/behaviour.js';
import { eventually } from '../process/eventually.js';
import type { World } from './world.js';

/**
 * Edits of a world's pool that no request may notice: servers come, change their ratio, are disabled gracefully
 * and go; the algorithm and the description change. The first two servers stay in all along.
 * @param done is told the number of edits so far, e.g. to look at something every now and then
 */
export async function editHarmlessly(
  world: World,
  count: number,
  done: (edits: number) => unknown = () => undefined,
): Promise<void> {
  const path = `/api/pool/${world.pool.uuid}`;
  const [stable, changing] = [world.servers().slice(0, 2), world.servers().slice(2)];
  for (let i = 0; i < count; i++) {
    if (i % 5 === 4) await emptied(world.origins.slice(2));
    await world.api.patch(path, { replace: edit(i, stable, changing) });
    await done(i + 1);
  }
}

/** Waits until gracefully disabled servers have no connection any more: they may be removed without a loss. */
async function emptied(origins: Origin[]): Promise<void> {
  await eventually(
    async () => {
      const open = await Promise.all(origins.map(async (o) => (await o.counters()).openConnections));
      return open.every((n) => n === 0) || Promise.reject(new Error(`open connections: ${open.join(', ')}`));
    },
    { within: 10_000, every: 5, what: 'disabled servers to be left by all connections' },
  );
}

/** What the i-th edit sets: it never takes a stable server away, and always differs from the one before. */
function edit(i: number, stable: Json[], changing: Json[]): Json {
  switch (i % 5) {
    case 0:
      return { servers: [...stable, ...changing] };
    case 1:
      return { servers: [...stable, ...changing.map((s) => ({ ...s, ratio: 1 + (i % 20) }))] };
    case 2:
      return { lb_algorithm: i % 2 ? 'LB_ALGORITHM_ROUND_ROBIN' : 'LB_ALGORITHM_LEAST_CONNECTIONS' };
    case 3:
      return { servers: [...stable, ...changing.map((s) => ({ ...s, enabled: false }))] };
    default:
      return { servers: stable, description: `edit ${i}` };
  }
}
