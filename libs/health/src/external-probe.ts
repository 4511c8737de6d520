import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check } from '@spillway/snapshot';
import { runChild } from './child.js';
import type { ProbeSpec } from './probe.js';
import type { CheckResult } from './result.js';
import { fileName, readTasks, tasksFile } from './tasks-file.js';

const PATH = '/usr/local/bin:/usr/bin:/bin';
/** The user that scripts run as when this process may choose: nobody. */
const NOBODY = 65_534;

/** Limits of a script: seconds of CPU, kB of a file, kB of memory, descriptors, processes of its user. */
const LIMITS = 'ulimit -t 30 -f 1024 -v 1048576 -n 64 2>/dev/null; ulimit -u 256 2>/dev/null; exec "$0" "$@"';

/**
 * Runs the monitor's script for a server. It is told the server by `IP` and `PORT` in its environment and as its first
 * two arguments, the monitor by `HM_NAME`, the pool by `POOL`, and has the parameters behind. Whatever it writes to its
 * standard output means that the server is good; silence, or running out of time, that it is not. What it leaves in
 * `<monitor>.<pool>.<address>.<port>.tasks` beside itself, also called `TASKS_FILE`, is how many tasks the server has.
 *
 * It has a directory of its own with nothing but itself, no other variables, bounded resources, and runs as nobody when
 * this process is root; nothing it starts outlives it.
 */
export async function externalProbe(
  check: Check<'external'>,
  { monitor, target, poolName }: Pick<ProbeSpec, 'monitor' | 'target' | 'poolName'>,
): Promise<CheckResult> {
  const directory = mkdtempSync(join(tmpdir(), 'spillway-check-'));
  try {
    chmodSync(directory, 0o755);
    // Sticky: as nobody the script may write beside itself, but not replace itself.
    const work = mkdtempSync(join(directory, 'work-'));
    chmodSync(work, 0o1777);
    const file = join(work, fileName(monitor.name));
    writeFileSync(file, check.script.replaceAll('\r\n', '\n'), { mode: 0o555 });
    const tasks = join(work, tasksFile(monitor.name, poolName, target.address, target.port));
    const asRoot = process.getuid?.() === 0;
    const result = await runChild(
      '/bin/sh',
      ['-c', LIMITS, file, target.address, String(target.port), ...check.parameters],
      {
        timeout: monitor.receive_timeout,
        cwd: work,
        env: {
          ...check.variables,
          PATH,
          HOME: work,
          IP: target.address,
          PORT: String(target.port),
          HM_NAME: monitor.name,
          POOL: fileName(poolName),
          TASKS_FILE: tasks,
        },
        ...(asRoot ? { uid: NOBODY, gid: NOBODY } : {}),
      },
    );
    return resultOf(result, monitor.receive_timeout, () => readTasks(tasks));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function resultOf(
  { error, output, timedOut, code }: Awaited<ReturnType<typeof runChild>>,
  timeout: number,
  tasks: () => number | undefined,
): CheckResult {
  if (error !== undefined)
    return { ok: false, code: 'INCONCLUSIVE', text: `the script cannot be run: ${error.message}` };
  const exchange = { sent: '', received: Buffer.from(output, 'utf8').toString('latin1') };
  if (timedOut)
    return {
      ok: false,
      code: 'SCRIPT_ERROR',
      text: `the script has not ended within ${timeout} ms`,
      exchange,
    };
  if (output.trim() === '')
    return {
      ok: false,
      code: 'SCRIPT_ERROR',
      text: `the script wrote nothing to its standard output (exit code ${code ?? 'none'})`,
    };
  const told = tasks();
  return told === undefined ? { ok: true, exchange } : { ok: true, exchange, tasks: told };
}
