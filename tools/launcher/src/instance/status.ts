import { type ControllerFile, findController } from './controller.js';
import type { InstanceDirectory } from './directory.js';
import { readJson } from './json-file.js';
import { type ServiceEngineEntry, serviceEngineInventory } from './ready.js';
import { enrolledUuid } from './service-engine.js';
import { adminSession, initialPassword, username } from './session.js';
import { runningParts } from './stop.js';

/** What `status --json` prints. Addresses are empty while no controller has ever been ready here. */
export interface Status {
  api: string;
  /** Where SEs connect. */
  grpc: string;
  /** `grpc.health.v1` for outsiders, with `grpc_ca`, `grpc_cert` and `grpc_key`. */
  health: string;
  grpc_ca: string;
  grpc_cert: string;
  grpc_key: string;
  username: string;
  /** Empty once the generated password was changed. */
  password: string;
  dir: string;
  pids: { controller?: number; postgres?: number };
  service_engines: {
    name: string;
    uuid: string;
    /** Of its supervisor; 0 while it does not run. */
    pid: number;
    /** As the controller calls it (`OPER_UP` ...); `OPER_UNKNOWN` while the controller cannot be asked. */
    state: string;
  }[];
}

/** The state of an instance, from its processes and, where it answers, from its controller. */
export async function instanceStatus(directory: InstanceDirectory): Promise<Status> {
  const parts = runningParts(directory);
  const file = readJson<ControllerFile>(directory.file('controller/controller.json'));
  const controller = findController(directory);
  const entries = controller ? await askController(directory, controller.api) : [];
  // A directory without identity or process is what a deleted SE leaves: its log.
  const here = directory
    .serviceEngineNames()
    .filter((name) => parts.has(`se/${name}`) || enrolledUuid(directory, name) !== undefined);
  const names = new Set([...here, ...entries.map(({ config }) => config.name)]);
  return {
    api: file?.api ?? '',
    grpc: file?.grpc ?? '',
    health: file?.status ?? '',
    grpc_ca: directory.file('controller/ca.pem'),
    grpc_cert: directory.file('controller/status-client.pem'),
    grpc_key: directory.file('controller/status-client.key'),
    username,
    password: initialPassword(directory) ?? '',
    dir: directory.path,
    // A key whose value is undefined is left out of the JSON: what does not run has no pid.
    pids: { controller: parts.get('controller')?.pid, postgres: parts.get('postgres')?.pid },
    service_engines: [...names].map((name) => {
      const entry = entries.find(({ config }) => config.name === name);
      return {
        name,
        uuid: entry?.uuid ?? enrolledUuid(directory, name) ?? '',
        pid: parts.get(`se/${name}`)?.pid ?? 0,
        state: entry?.runtime?.oper_status?.state ?? 'OPER_UNKNOWN',
      };
    }),
  };
}

/** The SEs that the controller knows; none while it cannot be asked. */
async function askController(directory: InstanceDirectory, url: string): Promise<ServiceEngineEntry[]> {
  const api = await adminSession(directory, url).catch(() => undefined);
  try {
    return api ? await serviceEngineInventory(api) : [];
  } catch {
    return [];
  } finally {
    api?.close();
  }
}
