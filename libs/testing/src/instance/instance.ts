import { existsSync, globSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../process/eventually.js';
import { identify, isAlive, type ProcessIdentity } from '../process/identity.js';
import { Netns } from '../process/netns.js';
import { exposeFrom } from '../process/relay.js';
import { type Completed, run } from '../process/run.js';
import type { Scope } from '../process/scope.js';
import { ApiClient } from './api-client.js';

/** What `./spillway status --json` prints. */
export interface InstanceStatus {
  /** URLs or addresses of REST, SE channel and status for outsiders. */
  api: string;
  grpc: string;
  health: string;
  grpc_ca: string;
  grpc_cert: string;
  grpc_key: string;
  username: string;
  password: string;
  dir: string;
  pids: { controller?: number; postgres?: number };
  service_engines: { name: string; uuid: string; pid: number; state: string }[];
}

/** `DIR/se/<name>/supervisor.json` */
export interface SupervisorFile {
  pid: number;
  start_time: number;
  agent_pid: number;
  workers: number[];
  metrics?: string;
}

export interface InstanceOptions {
  /** Directory of all state; default: a temporary one that the scope removes. */
  dir?: string;
  /** Namespace to run in; default: the network of this process. */
  netns?: Netns;
  /** With the sample application? Default false. */
  sample?: boolean;
  /** Default 1. */
  serviceEngines?: number;
  /** Workers per SE. Default 1. */
  workers?: number;
  env?: Record<string, string | undefined>;
  /** More arguments of `up`. */
  args?: string[];
  /** Milliseconds until everything must be ready. Default 60,000. */
  within?: number;
}

/** The root of this checkout. */
export const repository = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))));

/** Where a test runs, and what may be expected there. */
export interface TestNetwork {
  /** To start programs in; undefined: the network of this process. */
  netns: Netns | undefined;
  /** Addresses may be added to its loopback. */
  isolated: boolean;
  /** `tcp_migrate_req` is on: a closing listener loses no connection. */
  migrates: boolean;
}

/**
 * The network of a test that needs VIPs and `tcp_migrate_req`: the one it is in when `./spillway test` made
 * it, else a namespace of its own, else the host as it is.
 */
export async function testNetwork(scope: Scope): Promise<TestNetwork> {
  const sysctl = '/proc/sys/net/ipv4/tcp_migrate_req';
  const here = existsSync(sysctl) && readFileSync(sysctl, 'latin1').trim() === '1';
  if (process.env['SPILLWAY_TEST_NETWORK'] === 'namespace') {
    return { netns: undefined, isolated: true, migrates: here };
  }
  if (Netns.available) return { netns: await Netns.create(scope), isolated: true, migrates: true };
  return { netns: undefined, isolated: false, migrates: here };
}

/**
 * A directory that the account of an embedded PostgreSQL can enter also when this process is root: else the
 * data would go to a place outside, and stay there.
 */
async function instanceDir(scope: Scope): Promise<string> {
  const parent = await scope.tempDir('instance');
  await chmod(parent, 0o711);
  const dir = join(parent, 'state');
  await mkdir(dir, { mode: 0o711 });
  return dir;
}

/** A whole Spillway of a test's own: database, controller, SEs. */
export class Instance {
  status!: InstanceStatus;
  api!: ApiClient;

  private constructor(
    readonly scope: Scope,
    readonly dir: string,
    private readonly options: InstanceOptions,
  ) {}

  /** `./spillway up --detach`, then waits until the API takes a login. The scope takes it down again. */
  static async start(scope: Scope, options: InstanceOptions = {}): Promise<Instance> {
    const dir = options.dir ?? (await instanceDir(scope));
    const instance = new Instance(scope, dir, options);
    scope.defer(`instance in ${dir}`, () => instance.down());
    try {
      await instance.up();
    } catch (error) {
      throw await instance.withLogs(error);
    }
    return instance;
  }

  /** Starts what is missing, and reads the state anew. */
  async up(): Promise<void> {
    const { sample, serviceEngines = 1, workers = 1, args = [], within = 60_000 } = this.options;
    await this.spillway(
      [
        'up',
        '--detach',
        ...(sample ? [] : ['--empty']),
        '--service-engines',
        String(serviceEngines),
        '--workers',
        String(workers),
        // Only at the first start: an instance keeps its ports, so that its SEs find a restarted controller.
        ...(existsSync(join(this.dir, 'state.json')) ? [] : ['--api-port', '0']),
        ...args,
      ],
      { timeout: within },
    );
    await this.refresh();
    const url = new URL(this.status.api);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const endpoint = this.options.netns
      ? await exposeFrom(this.scope, this.options.netns, { host, port: Number(url.port) })
      : { host, port: Number(url.port) };
    this.api?.close();
    const api = new ApiClient({
      url: `https://${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`,
      username: this.status.username,
      password: this.status.password,
      ca: await readFile(join(this.dir, 'controller', 'ca.pem'), 'utf8'),
    });
    this.api = api;
    this.scope.defer('API client', () => api.close());
    await eventually(() => api.login(), { within, every: 100, what: 'a login' });
    await eventually(
      async () => {
        await this.refresh();
        return this.status.service_engines.length >= serviceEngines;
      },
      { within, every: 100, what: `${serviceEngines} SEs in the status` },
    );
  }

  /** Runs a command of the launcher or the CLI on this instance. */
  async spillway(args: string[], { timeout = 60_000, check = true } = {}): Promise<Completed> {
    const [verb = '', ...rest] = args;
    const launcher = ['up', 'down', 'status', 'logs'].includes(verb);
    const main = join(repository, launcher ? 'tools/launcher' : 'apps/cli', 'dist/main.js');
    return run(process.execPath, [main, verb, ...rest, '--dir', this.dir], {
      timeout,
      check,
      cwd: repository,
      ...(this.options.netns && { netns: this.options.netns }),
      ...(this.options.env && { env: this.options.env }),
    });
  }

  /** Reads `status --json` again. Its exit code says whether all of it runs, which a test may just have changed. */
  async refresh(): Promise<InstanceStatus> {
    const { stdout, stderr } = await this.spillway(['status', '--json'], { check: false });
    if (!stdout.startsWith('{')) throw new Error(`status --json: ${stdout}${stderr}`);
    this.status = JSON.parse(stdout) as InstanceStatus;
    return this.status;
  }

  /** The processes of one SE, from the file that its supervisor keeps. */
  async supervisor(name: string): Promise<SupervisorFile> {
    return JSON.parse(
      await readFile(join(this.dir, 'se', name, 'supervisor.json'), 'utf8'),
    ) as SupervisorFile;
  }

  /** Name of each SE that has a living supervisor, to the supervisor's pid: what clients attribute by. */
  async serviceEngineRoots(): Promise<Record<string, number>> {
    const roots: Record<string, number> = {};
    for (const file of globSync(join(this.dir, 'se', '*', 'supervisor.json'))) {
      const name = basename(dirname(file));
      const { pid, start_time } = await this.supervisor(name);
      if (isAlive({ pid, startTime: start_time })) roots[name] = pid;
    }
    return roots;
  }

  /** The controller's process. */
  async controller(): Promise<ProcessIdentity> {
    const file = join(this.dir, 'controller', 'controller.json');
    const { pid, start_time } = JSON.parse(await readFile(file, 'utf8')) as {
      pid: number;
      start_time: number;
    };
    return { pid, startTime: start_time };
  }

  /** Runs `body`; when it fails, the failure also shows the ends of all logs. */
  async watched<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw await this.withLogs(error);
    }
  }

  /** The last lines of every log of this instance. */
  async logs(lines = 40): Promise<string> {
    const parts: string[] = [];
    for (const file of globSync(join(this.dir, '**/*.log')).sort()) {
      const text = (await readFile(file, 'utf8')).trimEnd().split('\n').slice(-lines).join('\n');
      parts.push(`--- ${file}\n${text}`);
    }
    return parts.join('\n');
  }

  /**
   * `./spillway down`. @throws when a process of this instance is left: an instance leaves nothing behind.
   */
  async down(): Promise<void> {
    this.api?.close();
    if (!existsSync(this.dir)) return;
    const before = await this.#processes();
    await this.spillway(['down'], { timeout: 60_000 });
    const left = before.filter(isAlive);
    if (left.length > 0) throw new Error(`left running: ${left.map((p) => p.pid).join(', ')}`);
  }

  async #processes(): Promise<ProcessIdentity[]> {
    const pids: (number | undefined)[] = [];
    for (const file of globSync(join(this.dir, 'se', '*', 'supervisor.json'))) {
      const { pid, agent_pid, workers } = JSON.parse(await readFile(file, 'utf8')) as SupervisorFile;
      pids.push(pid, agent_pid, ...workers);
    }
    if (this.status) pids.push(this.status.pids.controller, this.status.pids.postgres);
    return pids
      .filter((pid) => pid !== undefined && pid !== null)
      .map((pid) => identify(pid))
      .filter((p) => p !== undefined);
  }

  async withLogs(error: unknown): Promise<Error> {
    const failure = error instanceof Error ? error : new Error(String(error));
    failure.message += `\n${await this.logs()}`;
    return failure;
  }
}
