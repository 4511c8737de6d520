import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { withLock } from '../process/lock.js';
import type { InstanceDirectory } from './directory.js';
import { runningParts } from './stop.js';

/** Held by a guard from its start to its end: whoever works on the directory next waits for its clean-up. */
export const guardLock = (directory: InstanceDirectory): string => `guard ${directory.path}`;

/** What the guard is told on its standard input when the start has succeeded. */
export const allWell = 'started';

/**
 * Runs a start under a guard: a small process that stops what the start has started, if the start fails or the
 * process that makes it is killed in the middle. What ran before is left alone.
 */
export async function guarded<T>(directory: InstanceDirectory, start: () => Promise<T>): Promise<T> {
  await withLock(guardLock(directory), async () => undefined);
  const before = [...runningParts(directory).keys()];
  const guard = spawn(
    process.execPath,
    [path.resolve(import.meta.dirname, 'guard.program.js'), directory.path, ...before],
    { detached: true, cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const exit = once(guard, 'exit');
  await Promise.race([once(guard.stdout, 'data'), exit]);
  try {
    const result = await start();
    guard.stdin.write(allWell);
    return result;
  } finally {
    guard.stdin.end();
    await exit;
  }
}
