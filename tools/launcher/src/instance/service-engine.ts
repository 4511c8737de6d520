import { mkdirSync } from 'node:fs';
import { inRepository } from '../paths.js';
import { type ProcessIdentity, running, type StoredIdentity } from '../process/identity.js';
import type { InstanceDirectory } from './directory.js';
import { readJson } from './json-file.js';
import { startProgram, type Started } from './spawn.js';
import type { State } from './state.js';

/** Bun itself: the `bun` of node_modules/.bin is a shell script around it. */
export const bun = inRepository('node_modules/bun/bin/bun.exe');

/** The program of the SE. */
export const serviceEngineProgram = inRepository('apps/service-engine/dist/main.js');

/** The running supervisor of an SE of this directory, whoever started it. */
export function findServiceEngine(directory: InstanceDirectory, name: string): ProcessIdentity | undefined {
  return running(readJson<StoredIdentity>(directory.file('se', name, 'supervisor.json')));
}

/** The uuid that the SE has since it enrolled; it needs no token to start then. */
export function enrolledUuid(directory: InstanceDirectory, name: string): string | undefined {
  return readJson<{ se_uuid: string }>(directory.file('se', name, 'identity/identity.json'))?.se_uuid;
}

/**
 * The SEs that the launcher looks after. One that gave up its identity was deleted by an operator: it is not
 * brought back.
 */
export function ownServiceEngines(
  directory: InstanceDirectory,
  { service_engines, enrolled }: State,
): string[] {
  return service_engines.filter(
    (name) => enrolled[name] === undefined || enrolledUuid(directory, name) !== undefined,
  );
}

/** How the launcher starts its SEs. */
export interface ServiceEngineSettings {
  api: string;
  workers: number;
  tune: boolean;
  /** Needed once, by an SE that is not enrolled. */
  token?: string;
}

/** Starts an SE: the supervisor, which starts the rest. */
export async function startServiceEngine(
  directory: InstanceDirectory,
  name: string,
  { api, workers, tune, token }: ServiceEngineSettings,
): Promise<Started> {
  const home = directory.serviceEngine(name);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  return await startProgram({
    command: bun,
    args: [serviceEngineProgram, 'run', '--dir', home],
    log: directory.file('se', name, 'se.log'),
    environment: {
      // Whatever reaches an SE reaches what carries traffic: no secret of the controller's goes there.
      DATABASE_URL: undefined,
      REDIS_URL: undefined,
      SPILLWAY_CONTROLLER: api,
      SPILLWAY_SE_NAME: name,
      SPILLWAY_WORKERS: String(workers),
      ...(tune ? { SPILLWAY_TUNE: '1' } : {}),
      ...(token === undefined ? {} : { SPILLWAY_ENROLMENT_TOKEN: token }),
    },
  });
}
