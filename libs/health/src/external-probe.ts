import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check, HealthMonitor } from '@spillway/snapshot';
import { runChild } from './child.js';
import type { CheckResult } from './result.js';
import type { Target } from './target.js';

const PATH = '/usr/local/bin:/usr/bin:/bin';
/** The user that scripts run as when this process may choose: nobody. */
const NOBODY = 65_534;

/** Limits of a script: seconds of CPU, kB of a file, kB of memory, descriptors, processes of its user. */
const LIMITS = 'ulimit -t 30 -f 1024 -v 1048576 -n 64 2>/dev/null; ulimit -u 256 2>/dev/null; exec "$0" "$@"';

/**
 * Runs the monitor's script for a server. It is told the server by `IP` and `PORT` in its environment and as its first
 * two arguments, the monitor by `HM_NAME`, and has the parameters behind. Whatever it writes to its standard output
 * means that the server is good; silence, or running out of time, that it is not.
 *
 * It has an empty directory of its own, no other variables, bounded resources, and runs as nobody when this process
 * is root; nothing it starts outlives it.
 */
export async function externalProbe(
  monitor: HealthMonitor,
  check: Check<'external'>,
  target: Target,
): Promise<CheckResult> {
  const directory = mkdtempSync(join(tmpdir(), 'spillway-check-'));
  try {
    const file = join(directory, 'check');
    writeFileSync(file, check.script.replaceAll('\r\n', '\n'), { mode: 0o555 });
    chmodSync(directory, 0o755);
    const work = mkdtempSync(join(directory, 'work-'));
    chmodSync(work, 0o1777);
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
        },
        ...(asRoot ? { uid: NOBODY, gid: NOBODY } : {}),
      },
    );
    if (result.error !== undefined)
      return { ok: false, code: 'INCONCLUSIVE', text: `the script cannot be run: ${result.error.message}` };
    const exchange = { sent: '', received: Buffer.from(result.output, 'utf8').toString('latin1') };
    if (result.timedOut)
      return {
        ok: false,
        code: 'SCRIPT_ERROR',
        text: `the script has not ended within ${monitor.receive_timeout} ms`,
        exchange,
      };
    if (result.output.trim() !== '') return { ok: true, exchange };
    return {
      ok: false,
      code: 'SCRIPT_ERROR',
      text: `the script wrote nothing to its standard output (exit code ${result.code ?? 'none'})`,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
