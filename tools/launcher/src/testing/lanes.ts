import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { namespaceCommand } from './namespace.js';

/** These measure times, load the machine, or kill what they find: one at a time, with nothing beside them. */
const ALONE = /^test\/dist\/(bench|chaos|commands|delivery|engine|operations|scaling|conformance\/soak)/;

/** End-to-end tests by how they may be run. */
export interface Lanes {
  /** Lists that may be run at the same time, each in a network of its own. */
  readonly beside: string[][];
  /** To be run after those. */
  readonly alone: string[];
}

/** @param cores on fewer than four everything is run alone */
export function lanesOf(files: readonly string[], cores = os.availableParallelism()): Lanes {
  const beside = files.filter((file) => !ALONE.test(file));
  if (cores < 4 || beside.length < 2) return { beside: [], alone: [...files] };
  return {
    beside: [0, 1].map((lane) => beside.filter((_, i) => i % 2 === lane)),
    alone: files.filter((file) => ALONE.test(file)),
  };
}

/** What a command is to be put behind to be run in a network of its own, as the tests need it. */
export const laneCommand = (): string[] => [
  ...namespaceCommand(process.getuid?.() === 0),
  process.execPath,
  fileURLToPath(new URL('./lane.program.js', import.meta.url)),
];
