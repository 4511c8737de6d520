import { bun, serviceEngineProgram } from '../instance/service-engine.js';

/**
 * `./spillway engine --snapshot FILE [--workers N]`: one SE from a snapshot file, with no controller. This
 * process becomes the SE's supervisor, so that its signals and its end are the SE's own.
 */
export async function engine(args: string[]): Promise<never> {
  if (!process.execve) throw new Error('this Node cannot replace its process; it needs the pinned one');
  return process.execve(bun, [bun, serviceEngineProgram, 'engine', ...args], process.env);
}
