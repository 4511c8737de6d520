import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { eventually, withTimeout } from './eventually.js';
import { identify, isAlive, killNow, type ProcessIdentity, signalProcess } from './identity.js';
import type { Netns } from './netns.js';
import type { Scope } from './scope.js';

/** How a process of a test is started. */
export interface RunOptions {
  /** Name in messages; default: the command. */
  name?: string;
  cwd?: string;
  /** Added to the environment of this process; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  /** Network namespace to run in. */
  netns?: Netns;
  /** File that also gets all output. */
  logFile?: string;
  /** Ask for an IPC channel (`process.send` in the child). */
  ipc?: boolean;
}

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const KEPT_OUTPUT = 512 * 1024;

/** A process that a test started: its output is kept, and it is stopped by its id when the scope ends. */
export class RunningProcess {
  readonly exited: Promise<Exit>;
  exit: Exit | undefined;
  #output = '';
  #file: WriteStream | undefined;

  private constructor(
    readonly name: string,
    readonly child: ChildProcess,
    readonly identity: ProcessIdentity,
    logFile: string | undefined,
  ) {
    if (logFile) this.#file = createWriteStream(logFile, { flags: 'a' });
    const collect = (chunk: string) => {
      this.#output = (this.#output + chunk).slice(-KEPT_OUTPUT);
      this.#file?.write(chunk);
    };
    child.stdout?.setEncoding('utf8').on('data', collect);
    child.stderr?.setEncoding('utf8').on('data', collect);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
    child.once('close', () => this.#file?.end());
  }

  /** Starts the command; the scope stops it at its end. */
  static async start(
    scope: Scope,
    command: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<RunningProcess> {
    const name = options.name ?? command;
    const [file, argv] = options.netns ? options.netns.wrap(command, args) : [command, [...args]];
    const child = spawn(file, argv, {
      cwd: options.cwd,
      env: mergeEnv(options.env),
      stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(new Error(`cannot start ${name} (${file}): ${cause.message}`, { cause })),
      );
    });
    // A process that has ended already is a zombie until its exit event; its pid cannot be another's yet.
    const identity = identify(child.pid!) ?? { pid: child.pid!, startTime: -1 };
    const running = new RunningProcess(name, child, identity, options.logFile);
    scope.defer(`process ${name} (${identity.pid})`, () => running.stop());
    return running;
  }

  get pid(): number {
    return this.identity.pid;
  }

  /** The last 512 KiB of stdout and stderr together. */
  output(): string {
    return this.#output;
  }

  signal(signal: NodeJS.Signals): boolean {
    return signalProcess(this.identity, signal);
  }

  /** Waits for output that matches; fails at once, with the output, when the process ends before. */
  async waitForOutput(pattern: RegExp, within = 10_000): Promise<RegExpExecArray> {
    let ended: Error | undefined;
    const match = await eventually(
      () => {
        const hit = pattern.exec(this.#output);
        if (!hit && this.exit) {
          ended = new Error(
            `${this.name} ended (${formatExit(this.exit)}) before ${pattern}:\n${this.#output}`,
          );
          return 'ended' as const;
        }
        return hit;
      },
      { within, what: `${this.name} to print ${pattern}` },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\noutput so far:\n${this.#output}`, { cause: error });
    });
    if (match === 'ended') throw ended!;
    return match;
  }

  /** SIGTERM (a stopped process is continued first), then SIGKILL after `grace` ms; waits for the end. */
  async stop(options: { signal?: NodeJS.Signals; grace?: number } = {}): Promise<Exit> {
    const { signal = 'SIGTERM', grace = 5_000 } = options;
    if (!this.exit && this.signal(signal)) {
      if (signal !== 'SIGKILL') this.signal('SIGCONT');
      await withTimeout(this.exited, grace, `stop of ${this.name}`).catch(() => undefined);
      if (!this.exit && isAlive(this.identity)) await killNow(this.identity);
    }
    return withTimeout(this.exited, 5_000, `end of ${this.name}`);
  }
}

/** What a command that ran to its end printed. */
export interface Completed extends Exit {
  stdout: string;
  stderr: string;
}

/**
 * Runs a command to its end.
 * @throws when it cannot start, exits with anything but 0 (unless `check: false`) or takes longer than `timeout` ms.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: Omit<RunOptions, 'logFile' | 'ipc'> & { timeout?: number; check?: boolean; input?: string } = {},
): Promise<Completed> {
  const { timeout = 30_000, check = true, netns } = options;
  const [file, argv] = netns ? netns.wrap(command, args) : [command, [...args]];
  const line = `${command} ${args.join(' ')}`;
  const child = spawn(file, argv, {
    cwd: options.cwd,
    env: mergeEnv(options.env),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  child.stdin?.on('error', () => undefined); // it may end before it has read everything
  child.stdin?.end(options.input);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeout);
  try {
    // "exit", not "close": a daemon that the command leaves behind may hold its output open.
    const exit = await new Promise<Exit>((resolve, reject) => {
      child.once('error', (cause) => reject(new Error(`cannot run ${line}: ${cause.message}`, { cause })));
      child.once('exit', (code, signal) => {
        const settle = () => resolve({ code, signal });
        child.once('close', settle);
        setTimeout(settle, 200).unref();
      });
    });
    if (late) throw new Error(`${line}: not done within ${timeout} ms\n${stdout}${stderr}`);
    if (check && exit.code !== 0) throw new Error(`${line}: ${formatExit(exit)}\n${stdout}${stderr}`);
    return { ...exit, stdout, stderr };
  } finally {
    clearTimeout(timer);
    child.stdout!.destroy();
    child.stderr!.destroy();
  }
}

function formatExit({ code, signal }: Exit): string {
  return signal ? `killed by ${signal}` : `exit code ${code}`;
}

function mergeEnv(extra: RunOptions['env']): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...extra };
  // Jest's flag for its own module loader must not reach the programs under test.
  if (extra?.['NODE_OPTIONS'] === undefined) delete env['NODE_OPTIONS'];
  for (const key of Object.keys(env)) if (env[key] === undefined) delete env[key];
  return env;
}
