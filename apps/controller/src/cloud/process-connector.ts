import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { CloudError, type CloudConnector, type CloudSe, type SeWish } from './connector.js';
import { endProcess, handleOf, isRunning, type ProcessHandle } from './process-handle.js';

/** How the connector starts its SEs. */
export interface ProcessConnectorOptions {
  /** Each SE keeps its files in `<directory>/<name>`. */
  readonly directory: string;
  readonly command: string;
  /** Before `--dir <directory>`. */
  readonly args: readonly string[];
  /** Added to a bare environment. */
  readonly environment: () => Readonly<Record<string, string>>;
  /** How long an SE may take to end after SIGTERM, in milliseconds. */
  readonly stopTimeoutMs: number;
}

const Marker = z.object({
  se_uuid: z.string(),
  name: z.string(),
  pid: z.int().optional(),
  start_time: z.int().optional(),
});
type Marker = z.infer<typeof Marker>;

/** Marks an SE's directory as ours, and names its process. */
const MARKER = 'cloud.json';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** What an SE inherits of our environment: nothing that lets into database or queue. */
const INHERITED = [
  'PATH',
  'HOME',
  'LANG',
  'TZ',
  'SPILLWAY_FENCE_DIR',
  'SPILLWAY_WORKERS',
  'SPILLWAY_LOG_LEVEL',
];

/**
 * SEs as processes of this machine. Each is marked by a file in its directory, so that a controller that starts anew
 * finds it again by pid and start time; the process itself lives on without us.
 */
export class ProcessConnector implements CloudConnector {
  readonly name = 'process';

  constructor(private readonly options: ProcessConnectorOptions) {}

  async create(wish: SeWish, token: () => Promise<string>): Promise<void> {
    if (!NAME.test(wish.name))
      throw new CloudError(
        'CANNOT_CREATE',
        `"${wish.name}" cannot be the name of a process's directory: use letters, digits, dot, dash and underscore`,
      );
    const dir = this.dirOf(wish.name);
    const known = this.read(wish.name);
    if (known !== undefined && known.se_uuid !== wish.seUuid)
      throw new CloudError('CANNOT_CREATE', `${dir} belongs to another service engine (${known.se_uuid})`);
    if (known === undefined && existsSync(dir))
      throw new CloudError(
        'CANNOT_CREATE',
        `${dir} exists and was not made by this connector: remove or rename it`,
      );
    if (this.processOf(wish.name) !== undefined) return;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // The mark comes first: whatever happens from here on, the directory is known to be ours.
    this.write({ se_uuid: wish.seUuid, name: wish.name });
    const enrolled = existsSync(path.join(dir, 'identity', 'identity.json'));
    const handle = this.start(dir, wish.name, enrolled ? undefined : await token());
    this.write({ se_uuid: wish.seUuid, name: wish.name, pid: handle.pid, start_time: handle.startTime });
  }

  async delete({ seUuid, name }: Pick<SeWish, 'seUuid' | 'name'>): Promise<void> {
    const known = this.read(name);
    // What carries no mark of ours was not made here, and is not ours to delete.
    if (known === undefined || known.se_uuid !== seUuid) return;
    const handle = this.processOf(name);
    if (handle !== undefined) await endProcess(handle, this.options.stopTimeoutMs);
    rmSync(this.dirOf(name), { recursive: true, force: true });
  }

  async list(): Promise<CloudSe[]> {
    let names: string[];
    try {
      names = readdirSync(this.options.directory);
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw err;
    }
    return names.flatMap((name): CloudSe[] => {
      const marker = this.read(name);
      if (marker === undefined) return [];
      const handle = this.processOf(name);
      return [
        {
          name: marker.name,
          seUuid: marker.se_uuid,
          running: handle !== undefined,
          handle: handle === undefined ? '' : `pid ${handle.pid}`,
        },
      ];
    });
  }

  private start(dir: string, name: string, token: string | undefined): ProcessHandle {
    const log = openSync(path.join(dir, 'se.log'), 'a', 0o600);
    try {
      const inherited = INHERITED.flatMap((key) => {
        const value = process.env[key];
        return value === undefined ? [] : [[key, value]];
      });
      const child = spawn(this.options.command, [...this.options.args, '--dir', dir], {
        cwd: '/',
        detached: true,
        stdio: ['ignore', log, log],
        env: {
          ...(Object.fromEntries(inherited) as Record<string, string>),
          ...this.options.environment(),
          SPILLWAY_SE_NAME: name,
          ...(token === undefined ? {} : { SPILLWAY_ENROLMENT_TOKEN: token }),
        },
      });
      child.on('error', () => undefined);
      child.unref();
      const handle = child.pid === undefined ? undefined : handleOf(child.pid);
      if (handle === undefined)
        throw new CloudError(
          'CANNOT_CREATE',
          `${this.options.command} could not be started; see ${dir}/se.log`,
        );
      return handle;
    } finally {
      closeSync(log);
    }
  }

  /** The running process of an SE: the one we started, or the supervisor that says it runs this directory. */
  private processOf(name: string): ProcessHandle | undefined {
    const marker = this.read(name);
    const own =
      marker?.pid === undefined ? undefined : { pid: marker.pid, startTime: marker.start_time ?? 0 };
    if (own !== undefined && isRunning(own)) return own;
    const record = this.json(path.join(this.dirOf(name), 'supervisor.json')) as
      | { pid?: number; start_time?: number | string }
      | undefined;
    if (typeof record?.pid !== 'number') return undefined;
    const supervisor = { pid: record.pid, startTime: Number(record.start_time) };
    return isRunning(supervisor) ? supervisor : undefined;
  }

  private read(name: string): Marker | undefined {
    const parsed = Marker.safeParse(this.json(path.join(this.dirOf(name), MARKER)));
    return parsed.success ? parsed.data : undefined;
  }

  private write(marker: Marker): void {
    const file = path.join(this.dirOf(marker.name), MARKER);
    writeFileSync(`${file}.new`, `${JSON.stringify(marker)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  private json(file: string): unknown {
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      return undefined; // not there, or not written whole yet
    }
  }

  private dirOf(name: string): string {
    return path.join(this.options.directory, name);
  }
}
