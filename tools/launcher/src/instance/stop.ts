import { runningPostgres, stopPostgres } from '../postgres/server.js';
import { type ProcessIdentity, running } from '../process/identity.js';
import { type Escalation, stop } from '../process/stop.js';
import { findOrigins } from '../sample/origins.js';
import { findController } from './controller.js';
import type { InstanceDirectory } from './directory.js';
import { findServiceEngine } from './service-engine.js';
import { StateFile } from './state.js';

/** SEs drain on SIGTERM; when the whole instance goes, what is still open then is cut. */
const escalation: Escalation = [
  ['SIGTERM', 5_000],
  ['SIGKILL', 5_000],
];

/** Everything of an instance that runs, by the names of its state; the database is `postgres`. */
export function runningParts(directory: InstanceDirectory): Map<string, ProcessIdentity> {
  const state = new StateFile(directory);
  const parts = new Map<string, ProcessIdentity>();
  const add = (name: string, ...found: (ProcessIdentity | undefined)[]): void => {
    const identity = [...found, state.running(name)].find(Boolean);
    if (identity) parts.set(name, identity);
  };
  add('controller', running(findController(directory)));
  for (const name of directory.serviceEngineNames()) add(`se/${name}`, findServiceEngine(directory, name));
  add('origins', findOrigins(directory)?.identity);
  add('postgres', runningPostgres(directory.postgres)?.identity);
  return parts;
}

/**
 * Stops what runs in this directory, except what is to be kept, in the order in which nothing brings anything
 * back: controller, SEs, origin servers, database. Answers the names of what it stopped.
 */
export async function stopInstance(
  directory: InstanceDirectory,
  keep: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const stopped: string[] = [];
  const end = async (name: string, identity: ProcessIdentity | undefined): Promise<void> => {
    if (identity && !keep.has(name) && (await stop(identity, name, escalation))) stopped.push(name);
  };
  await end('controller', runningParts(directory).get('controller'));
  const rest = runningParts(directory);
  const engines = [...rest].filter(([name]) => name.startsWith('se/'));
  await Promise.all(
    [...engines, ['origins', rest.get('origins')] as const].map(async ([name, identity]) =>
      end(name, identity),
    ),
  );
  if (rest.has('postgres') && !keep.has('postgres') && (await stopPostgres(directory.postgres)))
    stopped.push('postgres');
  if (stopped.length > 0) new StateFile(directory).forget(...stopped);
  return stopped;
}
