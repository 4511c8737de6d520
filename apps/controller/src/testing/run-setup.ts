import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stopPostgres } from '@spillway/launcher';

const PREFIX = 'spillway-test-run-';

/** Names the directory of this run's database, and ends what a run left behind that was killed. */
export default async function setup(): Promise<void> {
  process.env['SPILLWAY_TEST_RUN'] = path.join(tmpdir(), `${PREFIX}${process.pid}`);
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(name.startsWith(PREFIX) ? name.slice(PREFIX.length) : NaN);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    await discard(path.join(tmpdir(), name));
  }
}

/** Ends a run's database, if there is one. */
export async function discard(directory: string): Promise<void> {
  await stopPostgres(directory);
  rmSync(directory, { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM';
  }
}
