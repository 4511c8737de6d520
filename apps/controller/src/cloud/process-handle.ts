import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process by pid and start time (field 22 of `/proc/PID/stat`): a recycled pid is never taken for it. */
export interface ProcessHandle {
  readonly pid: number;
  readonly startTime: number;
}

/** The handle of a process that runs now; undefined where none does (a zombie does not run). */
export function handleOf(pid: number): ProcessHandle | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // no such process
  }
  const [state, ...rest] = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const startTime = Number(rest[18]);
  if (state === 'Z' || state === 'X' || !Number.isInteger(startTime)) return undefined;
  return { pid, startTime };
}

export const isRunning = (handle: ProcessHandle): boolean =>
  handleOf(handle.pid)?.startTime === handle.startTime;

/** Asks a process to end, and ends it after `graceMs`. Returns when it is gone. */
export async function endProcess(handle: ProcessHandle, graceMs: number): Promise<void> {
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (isRunning(handle)) process.kill(handle.pid, name);
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ESRCH') throw err;
    }
  };
  signal('SIGTERM');
  const cut = Date.now() + graceMs;
  let killed = false;
  while (isRunning(handle)) {
    if (!killed && Date.now() >= cut) {
      killed = true;
      signal('SIGKILL');
    }
    await sleep(20);
  }
}
