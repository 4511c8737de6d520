import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { bun, serviceEngineProgram } from '../instance/service-engine.js';

/**
 * `./spillway engine --snapshot FILE [--workers N]`: one SE from a snapshot file, in the foreground, with no
 * controller. Arguments are the SE's own; signals are passed on to it.
 */
export async function engine(args: string[]): Promise<number> {
  const child = spawn(bun, [serviceEngineProgram, 'engine', ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 1)));
  });
}
