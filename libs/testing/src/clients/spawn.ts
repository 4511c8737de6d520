import type { Netns } from '../process/netns.js';
import { eventually } from '../process/eventually.js';
import { Program } from '../process/program.js';
import type { Scope } from '../process/scope.js';
import type { ClientsConfig, DrainNotice } from './config.js';
import type { ClientsProgress, ClientsReport } from './report.js';

/** A group of clients in a process of its own, so that the test's event loop does not disturb it. */
export class SpawnedClients {
  constructor(
    readonly config: ClientsConfig,
    private readonly program: Program,
  ) {}

  /** Begins to send. */
  start(): Promise<void> {
    return this.program.call('start', this.config);
  }

  progress(): Promise<ClientsProgress> {
    return this.program.call('progress');
  }

  /** A report of the run so far; the clients go on. */
  report(): Promise<ClientsReport> {
    return this.program.call('report');
  }

  /**
   * Names the SEs (name to pid of the supervisor): each open connection is then attributed to the SE that
   * holds its other end, by a look at the kernel's tables. Call it again when SEs come or restart.
   */
  setServiceEngines(roots: Record<string, number>): Promise<void> {
    return this.program.call('setServiceEngines', roots);
  }

  /** See `DrainNotice`. */
  drain(notice: DrainNotice): Promise<void> {
    return this.program.call('drain', notice);
  }

  /** Ends the clients and gives the report; requests under way get `grace` ms (default 2,000). */
  async stop(grace?: number): Promise<ClientsReport> {
    const report = await this.program.call<ClientsReport>('stop', { ...(grace !== undefined && { grace }) });
    await this.program.stop();
    return report;
  }

  /** Waits until `done` holds of the progress. */
  async until(
    what: string,
    done: (progress: ClientsProgress) => boolean,
    within = 10_000,
  ): Promise<ClientsProgress> {
    let last: ClientsProgress | undefined;
    await eventually(
      async () => {
        last = await this.progress();
        return done(last);
      },
      { within, what: `${this.config.name}: ${what}` },
    ).catch((error: Error) => {
      throw new Error(`${error.message}; progress: ${JSON.stringify(last)}`, { cause: error });
    });
    return last!;
  }
}

/** Starts clients in a process of their own (in `netns` if given); the scope ends them. They begin at `start()`. */
export async function spawnClients(
  scope: Scope,
  config: ClientsConfig,
  options: { netns?: Netns } = {},
): Promise<SpawnedClients> {
  const program = await Program.start(scope, new URL('./clients.program.js', import.meta.url), {
    name: `clients ${config.name}`,
    ...options,
  });
  return new SpawnedClients(config, program);
}
