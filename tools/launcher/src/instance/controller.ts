import { inRepository } from '../paths.js';
import { type ProcessIdentity, running, runs, type StoredIdentity } from '../process/identity.js';
import { until } from '../process/wait.js';
import type { InstanceDirectory } from './directory.js';
import { StartError } from './failure.js';
import { readJson } from './json-file.js';
import { startProgram, type Started } from './spawn.js';
import type { Ports } from './state.js';

/** `DIR/controller/controller.json`, written by the controller when it is ready. */
export interface ControllerFile extends StoredIdentity {
  api: string;
  grpc: string;
  status: string;
  metrics?: string;
}

/** A first start migrates an empty database and makes a CA; a slow machine may take its time. */
const readyTimeoutMs = 60_000;

/** The ready controller of this directory. */
export function findController(directory: InstanceDirectory): ControllerFile | undefined {
  const file = readJson<ControllerFile>(directory.file('controller/controller.json'));
  return running(file) ? file : undefined;
}

/** Starts the controller; it is ready only when `controllerReady` says so. */
export async function startController(
  directory: InstanceDirectory,
  ports: Ports,
  databaseUrl: string,
): Promise<Started> {
  return await startProgram({
    command: process.execPath,
    args: [inRepository('apps/controller/dist/main.js')],
    log: directory.file('controller/controller.log'),
    environment: {
      DATABASE_URL: databaseUrl,
      SPILLWAY_DIR: directory.controller,
      SPILLWAY_SE_DIR: directory.serviceEngines,
      SPILLWAY_API_LISTEN: `127.0.0.1:${ports.api}`,
      SPILLWAY_GRPC_LISTEN: `127.0.0.1:${ports.grpc}`,
      SPILLWAY_STATUS_LISTEN: `127.0.0.1:${ports.status}`,
      SPILLWAY_DEFAULT_CLOUD: 'process',
      // What was compiled once need not be compiled at the next start.
      NODE_COMPILE_CACHE: inRepository('node_modules/.cache/compile'),
    },
  });
}

/** Waits until this controller is ready. @throws StartError when it ends instead, with its last words */
export async function controllerReady(
  directory: InstanceDirectory,
  identity: ProcessIdentity,
): Promise<ControllerFile> {
  const log = directory.file('controller/controller.log');
  return await until(
    `the controller to be ready (see ${log})`,
    () => {
      if (!runs(identity)) throw new StartError('the controller ended before it was ready', log);
      const file = findController(directory);
      return file?.pid === identity.pid ? file : undefined;
    },
    { timeoutMs: readyTimeoutMs, everyMs: 5 },
  );
}
