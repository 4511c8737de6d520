import os from 'node:os';
import path from 'node:path';

/** How an SE was started: with a controller, or on a snapshot file alone. */
export interface Options {
  /** Where identity and snapshot are kept; undefined: nothing is kept. */
  dir: string | undefined;
  /** Run this file, without a controller. */
  snapshotFile: string | undefined;
  /** Worker processes, 1 to 64. */
  workers: number;
  controllers: string[];
  enrolmentToken: string | undefined;
  /** Where a token is or will be, for an SE that was given none. */
  enrolmentTokenFile: string | undefined;
  seName: string | undefined;
  /** May set the sysctls that it needs. */
  tune: boolean;
  metricsListen: { host: string; port: number } | undefined;
  fenceDir: string | undefined;
  /** Resident bytes from which a worker is replaced; undefined: by the memory of the machine. */
  workerMemory: number | undefined;
  /** Bytes that may wait for slow peers in one worker; undefined: a quarter of its memory. */
  workerBuffers: number | undefined;
}

/** The command line or the environment is not what this program takes; the message says what it does take. */
export class UsageError extends Error {
  readonly code = 'USAGE';
}

export const USAGE = `usage: service-engine run --dir DIR
       service-engine engine --snapshot FILE [--workers N] [--dir DIR]`;

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {UsageError} which names the argument or variable, its value and what would be right */
export function parseOptions(args: readonly string[], env: Environment): Options {
  const [verb, ...rest] = args;
  if (verb !== 'run' && verb !== 'engine') throw new UsageError(USAGE);
  const given = parseFlags(rest);
  const dir = given.get('dir');
  const snapshot = given.get('snapshot');
  if (verb === 'run' && dir === undefined) throw new UsageError(`run needs --dir\n${USAGE}`);
  if (verb === 'run' && snapshot !== undefined)
    throw new UsageError(`--snapshot belongs to engine\n${USAGE}`);
  if (verb === 'engine' && snapshot === undefined) throw new UsageError(`engine needs --snapshot\n${USAGE}`);
  const controllers = (env['SPILLWAY_CONTROLLER'] ?? '').split(',').flatMap((c) => c.trim() || []);
  for (const c of controllers) checkController(c);
  return {
    dir: dir === undefined ? undefined : path.resolve(dir),
    snapshotFile: snapshot === undefined ? undefined : path.resolve(snapshot),
    workers: parseWorkers(given.get('workers') ?? env['SPILLWAY_WORKERS']),
    controllers: verb === 'engine' ? [] : controllers,
    enrolmentToken: env['SPILLWAY_ENROLMENT_TOKEN'] || undefined,
    enrolmentTokenFile: env['SPILLWAY_ENROLMENT_TOKEN_FILE'] || undefined,
    seName: env['SPILLWAY_SE_NAME'] || undefined,
    tune: env['SPILLWAY_TUNE'] === '1',
    metricsListen: parseListen(env['SPILLWAY_METRICS_LISTEN']),
    fenceDir: env['SPILLWAY_FENCE_DIR'] || undefined,
    workerMemory: parseMebibytes('SPILLWAY_WORKER_MEMORY', env['SPILLWAY_WORKER_MEMORY'], 64),
    workerBuffers: parseMebibytes('SPILLWAY_WORKER_BUFFERS', env['SPILLWAY_WORKER_BUFFERS'], 1),
  };
}

function parseFlags(args: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (let i = 0; i < args.length; i += 2) {
    const flag = args[i] ?? '';
    const value = args[i + 1];
    if (!['--dir', '--snapshot', '--workers'].includes(flag))
      throw new UsageError(`unknown ${flag}\n${USAGE}`);
    if (value === undefined) throw new UsageError(`${flag} needs a value\n${USAGE}`);
    given.set(flag.slice(2), value);
  }
  return given;
}

function parseWorkers(text: string | undefined): number {
  if (text === undefined || text === '') return Math.min(64, os.availableParallelism());
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 64)
    throw new UsageError(`workers (--workers, SPILLWAY_WORKERS) must be 1 to 64, not ${text}`);
  return n;
}

/** Whole mebibytes, in bytes. */
function parseMebibytes(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined || text === '') return undefined;
  const n = Number(text);
  if (!Number.isInteger(n) || n < least || n > 1_048_576)
    throw new UsageError(`${name} must be ${least} to 1048576 (MiB), not ${text}`);
  return n * 2 ** 20;
}

function checkController(text: string): void {
  if (URL.parse(text)?.protocol !== 'https:')
    throw new UsageError(`SPILLWAY_CONTROLLER must hold https://host:port, comma-separated, not ${text}`);
}

function parseListen(text: string | undefined): { host: string; port: number } | undefined {
  if (text === 'off') return undefined;
  if (text === undefined || text === '') return { host: '127.0.0.1', port: 0 };
  const m = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(m?.[3]);
  if (m === null || port > 65_535)
    throw new UsageError(`SPILLWAY_METRICS_LISTEN must be host:port or off, not ${text}`);
  return { host: m[1] ?? m[2] ?? '', port };
}
