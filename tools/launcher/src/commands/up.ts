import { ApiError } from '../api/client.js';
import { announcement } from '../instance/announce.js';
import { InstanceDirectory } from '../instance/directory.js';
import { StartError } from '../instance/failure.js';
import { guarded } from '../instance/guard.js';
import { instanceLock, keptParts } from '../instance/kept.js';
import { parseUp, type UpOptions, upUsage } from '../instance/options.js';
import { type Running, startInstance } from '../instance/start.js';
import { StateFile } from '../instance/state.js';
import { stopInstance } from '../instance/stop.js';
import { supervise } from '../instance/supervise.js';
import { handOverSysctl } from '../instance/sysctl.js';
import { identify, type ProcessIdentity } from '../process/identity.js';
import { PostgresError } from '../postgres/error.js';
import { withLock } from '../process/lock.js';
import { WaitError } from '../process/wait.js';

/** `./spillway up`: starts what is missing, then stays and keeps it running, or returns with `--detach`. */
export async function up(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(`Usage: ${upUsage}`);
    return 0;
  }
  const options = parseUp(args);
  const directory = new InstanceDirectory(options.dir);
  directory.prepare();
  let running: Running;
  try {
    running = await withLock(
      instanceLock(directory),
      async () => await guarded(directory, async () => await startInstance(directory, options)),
      () => console.error(`spillway: another command works on ${directory.path}; waiting for it`),
    );
  } catch (error) {
    if (
      !(
        error instanceof StartError ||
        error instanceof ApiError ||
        error instanceof WaitError ||
        error instanceof PostgresError
      )
    )
      throw error;
    console.error(`spillway: ${error.message}\nspillway: what this start had started was stopped again`);
    return 1;
  }
  const sysctl = handOverSysctl(options.tune);
  if (sysctl) running.notes.push(sysctl);
  console.log(announcement(directory, running));
  return options.detach ? 0 : await stay(directory, running, options);
}

/** In the foreground: keeps the parts running until a signal, then stops the instance. */
async function stay(directory: InstanceDirectory, { plan }: Running, options: UpOptions): Promise<number> {
  const state = new StateFile(directory);
  const other = state.running('launcher');
  if (other) {
    console.log(`\nIt is looked after by the process ${other.pid} already.`);
    return 0;
  }
  const own = identify(process.pid);
  if (own) state.started('launcher', own);
  const end = new AbortController();
  const ended = new Promise<void>((resolve) => end.signal.addEventListener('abort', () => resolve()));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end.abort());
  console.log('\nCtrl-C stops everything.');
  // Something must keep this process alive while nothing is supervised.
  const alive = setInterval(() => undefined, 60_000);
  if (options.restart) await supervise(() => keptParts(directory, plan), say, end.signal);
  else await ended;
  clearInterval(alive);
  console.log('Stopping.');
  await withLock(instanceLock(directory), async () => {
    await stopInstance(directory);
    new StateFile(directory).forget('launcher');
  });
  return 0;
}

function say(line: string): void {
  console.log(`${new Date().toISOString()} ${line}`);
}

/** The foreground launcher of this directory, if one runs and is not this process. */
export function foregroundLauncher(directory: InstanceDirectory): ProcessIdentity | undefined {
  const launcher = new StateFile(directory).running('launcher');
  return launcher?.pid === process.pid ? undefined : launcher;
}
