import { existsSync } from 'node:fs';
import { defaultDirectory, InstanceDirectory } from '../instance/directory.js';
import { guardLock } from '../instance/guard.js';
import { instanceLock } from '../instance/kept.js';
import { parse } from '../instance/options.js';
import { stopInstance } from '../instance/stop.js';
import { withLock } from '../process/lock.js';
import { stop } from '../process/stop.js';
import { foregroundLauncher } from './up.js';

const usage = './spillway down [--dir DIR]';

/** `./spillway down`: stops everything of a directory; its data stays. */
export async function down(args: string[]): Promise<number> {
  const { values } = parse(
    { args, options: { dir: { type: 'string', default: defaultDirectory }, help: { type: 'boolean' } } },
    usage,
  );
  if (values.help) {
    console.log(
      `Usage: ${usage}\nStops controller, service engines, sample and database of DIR. Its data stays.`,
    );
    return 0;
  }
  const directory = new InstanceDirectory(values.dir);
  if (!existsSync(directory.path)) {
    console.log(`Nothing runs in ${directory.path}.`);
    return 0;
  }
  // The one in the foreground stops everything itself when it is told to end; what it leaves is ended here.
  const launcher = foregroundLauncher(directory);
  if (launcher)
    await stop(launcher, 'the foreground launcher', [
      ['SIGTERM', 30_000],
      ['SIGKILL', 5_000],
    ]);
  const stopped = await withLock(
    instanceLock(directory),
    async () => {
      await withLock(guardLock(directory), async () => undefined);
      return await stopInstance(directory);
    },
    () => console.error(`spillway: another command works on ${directory.path}; waiting for it`),
  );
  const all = launcher ? ['launcher', ...stopped] : stopped;
  console.log(all.length > 0 ? `Stopped: ${all.join(', ')}.` : `Nothing runs in ${directory.path}.`);
  return 0;
}
