import { ensurePostgres, runningPostgres } from '../postgres/server.js';
import { findOrigins } from '../sample/origins.js';
import { withLock } from '../process/lock.js';
import { findController } from './controller.js';
import type { InstanceDirectory } from './directory.js';
import type { Plan } from './plan.js';
import { findServiceEngine, ownServiceEngines } from './service-engine.js';
import { bringUpController, bringUpOrigins, bringUpServiceEngine } from './start.js';
import { StateFile } from './state.js';
import type { Kept } from './supervise.js';

/** Held by whoever starts or stops something in a directory. */
export const instanceLock = (directory: InstanceDirectory): string => `instance ${directory.path}`;

/**
 * What the launcher keeps running in the foreground. SEs that an operation created are not among it: the
 * controller's connector looks after them.
 */
export function keptParts(directory: InstanceDirectory, plan: Plan): Kept[] {
  // Read again for each: another command may have changed the instance meanwhile.
  const begin = async (work: (state: StateFile) => Promise<unknown>): Promise<void> => {
    await withLock(instanceLock(directory), async () => {
      await work(new StateFile(directory));
    });
  };
  const state = new StateFile(directory);
  const parts: Kept[] = [
    {
      name: 'the controller',
      runs: () => Boolean(state.running('controller') ?? findController(directory)),
      start: async () => await begin(async (now) => await bringUpController(directory, now, plan)),
    },
    ...ownServiceEngines(directory, state.state).map((name) => ({
      name,
      runs: () => Boolean(findServiceEngine(directory, name) ?? state.running(`se/${name}`)),
      start: async () => await begin(async (now) => await bringUpServiceEngine(directory, now, plan, name)),
    })),
  ];
  if (state.state.sample)
    parts.push({
      name: 'the sample servers',
      runs: () => Boolean(findOrigins(directory)),
      start: async () => await begin(async (now) => await bringUpOrigins(directory, now, now.state.sample)),
    });
  if (plan.database === 'embedded')
    parts.push({
      name: 'PostgreSQL',
      runs: () => runningPostgres(directory.postgres) !== undefined,
      start: async () => await begin(async () => await ensurePostgres(directory.postgres)),
    });
  return parts;
}
