import { spawn } from 'node:child_process';

export interface ChildResult {
  /** Exit code; null when it was killed. */
  readonly code: number | null;
  /** What it wrote to its standard output, at most `OUTPUT_LIMIT` characters. */
  readonly output: string;
  readonly timedOut: boolean;
  /** It could not be started. */
  readonly error?: Error;
}

const OUTPUT_LIMIT = 65_536;

export interface ChildOptions {
  readonly timeout: number;
  readonly env: Record<string, string>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** Runs a program in a process group of its own, all of which is killed when its time is up or it has ended. */
export function runChild(file: string, args: readonly string[], options: ChildOptions): Promise<ChildResult> {
  const { timeout, ...spawnOptions } = options;
  return new Promise((resolve) => {
    const child = spawn(file, args, { ...spawnOptions, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    let timedOut = false;
    const killGroup = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // none of it is left
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup();
    }, timeout);
    child.stdout.on('data', (chunk: Buffer) => {
      if (output.length < OUTPUT_LIMIT) output += chunk.toString('utf8');
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ code: null, output, timedOut, error });
    });
    // What it started in the background must not outlive it, nor hold its output open.
    child.once('exit', killGroup);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output, timedOut });
    });
  });
}
