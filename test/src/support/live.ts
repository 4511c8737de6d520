import { eventually } from '@spillway/testing';
import type { World } from './world.js';

let edits = 0;

/**
 * Makes an edit that service engines notice, and waits until it is live in every worker of every one that serves the
 * virtual service: they report a generation that is later than that of an edit of no consequence just before.
 */
export async function live(world: World, edit: () => Promise<unknown>): Promise<void> {
  const path = `/api/virtualservice/${world.vs.uuid}`;
  await world.api.patch(path, { replace: { description: `before edit ${++edits}` } });
  const { version } = await world.api.get<{ version: string }>(path);
  await edit();
  await eventually(
    async () => {
      for (const { uuid, name } of await world.placements()) {
        const { generation } = await world.api.get(`/api/serviceengine/${uuid}/runtime`);
        if (Number(generation) <= Number(version))
          throw new Error(`${name} is at generation ${String(generation)}`);
      }
      return true;
    },
    { within: 10_000, every: 20, what: `a generation after ${version} on every service engine` },
  );
}
