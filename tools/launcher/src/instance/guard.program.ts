import { text } from 'node:stream/consumers';
import { withLock } from '../process/lock.js';
import { InstanceDirectory } from './directory.js';
import { allWell, guardLock } from './guard.js';
import { stopInstance } from './stop.js';

/*
 * The guard of a start: `guard.program.js DIR NAME...`, where the names are what ran before. It reads its
 * standard input to the end, which comes with the end of the process that starts, whatever ended it.
 */
const [path, ...before] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: guard.program.js DIR NAME...');
const directory = new InstanceDirectory(path);

await withLock(guardLock(directory), async () => {
  process.stdout.write('ready\n');
  if ((await text(process.stdin)) !== allWell) await stopInstance(directory, new Set(before));
});
