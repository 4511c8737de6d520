import path from 'node:path';
import type { InstanceDirectory } from '../instance/directory.js';
import { StartError } from '../instance/failure.js';
import { readJson } from '../instance/json-file.js';
import { startProgram, type Started } from '../instance/spawn.js';
import { type ProcessIdentity, running, runs, type StoredIdentity } from '../process/identity.js';
import { until } from '../process/wait.js';

interface OriginsFile extends StoredIdentity {
  ports: number[];
}

/** The three origin servers, when they run. */
export interface Origins {
  identity: ProcessIdentity;
  ports: number[];
}

const log = (directory: InstanceDirectory): string => directory.file('sample/origins.log');
const file = (directory: InstanceDirectory): string => directory.file('sample/origins.json');

/** The origin servers of this directory, if they listen. */
export function findOrigins(directory: InstanceDirectory): Origins | undefined {
  const content = readJson<OriginsFile>(file(directory));
  const identity = running(content);
  return content && identity && { identity, ports: content.ports };
}

/** Starts the origin servers, on their last ports where these are free. */
export async function startOrigins(
  directory: InstanceDirectory,
  last: number[] = [0, 0, 0],
): Promise<Started> {
  return await startProgram({
    command: process.execPath,
    args: [path.resolve(import.meta.dirname, 'origins.program.js'), file(directory), ...last.map(String)],
    log: log(directory),
    environment: { DATABASE_URL: undefined, REDIS_URL: undefined },
  });
}

/** Waits until they listen, and answers their ports. */
export async function originsReady(
  directory: InstanceDirectory,
  identity: ProcessIdentity,
): Promise<number[]> {
  return await until('the sample servers to listen', () => {
    if (!runs(identity)) throw new StartError('the sample servers ended', log(directory));
    const found = findOrigins(directory);
    return found?.identity.pid === identity.pid ? found.ports : undefined;
  });
}
