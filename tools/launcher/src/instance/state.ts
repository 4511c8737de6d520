import { type ProcessIdentity, running, stored, type StoredIdentity } from '../process/identity.js';
import type { InstanceDirectory } from './directory.js';
import { readJson, writeJson } from './json-file.js';

/** The ports of an instance; kept, so that everything finds a restarted controller where it was. */
export interface Ports {
  api: number;
  grpc: number;
  status: number;
}

/** The sample application: where it is reached, and where its three origin servers are. */
export interface Sample {
  address: string;
  port: number;
  origins: number[];
  /** Its objects were made once: from then on they are the user's, who may change or delete them. */
  created: boolean;
}

/** What the launcher remembers of an instance (`DIR/state.json`, mode 600). */
export interface State {
  version: 1;
  database: 'embedded' | 'external';
  ports?: Ports;
  /** Worker processes per SE. */
  workers?: number;
  /** Names of the SEs that the launcher starts; those that operations create are the controller's. */
  service_engines: string[];
  /** Those of them that have connected once, with their uuid. */
  enrolled: Record<string, string>;
  /** Absent in an instance without the sample application. */
  sample?: Sample;
  /** Processes that the launcher started, by name: `launcher`, `controller`, `origins`, `se/<name>`. */
  processes: Record<string, StoredIdentity>;
}

const fresh: State = { version: 1, database: 'embedded', service_engines: [], enrolled: {}, processes: {} };

/** The remembered state; a fresh one for a new directory. */
export function readState(directory: InstanceDirectory): State {
  return { ...fresh, ...readJson<State>(directory.state) };
}

/** Keeps the state together with its file: every change is on disk before the next step is taken. */
export class StateFile {
  #state: State;

  constructor(private readonly directory: InstanceDirectory) {
    this.#state = readState(directory);
  }

  get state(): Readonly<State> {
    return this.#state;
  }

  update(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    writeJson(this.directory.state, this.#state);
  }

  /** Records a started process. */
  started(name: string, identity: ProcessIdentity): void {
    this.update({ processes: { ...this.#state.processes, [name]: stored(identity) } });
  }

  /** Forgets processes that were stopped. */
  forget(...names: string[]): void {
    const kept = Object.entries(this.#state.processes).filter(([name]) => !names.includes(name));
    this.update({ processes: Object.fromEntries(kept) });
  }

  /** The process recorded under this name, if it runs. */
  running(name: string): ProcessIdentity | undefined {
    return running(this.#state.processes[name]);
  }
}
