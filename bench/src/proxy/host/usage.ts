import { readdirSync, readFileSync } from 'node:fs';
import { processTree } from '@spillway/testing';

/** Seconds of CPU that a process and all below it have used, to the nanosecond. */
export const cpuSeconds = (pid: number): number =>
  processTree(pid).reduce((sum, p) => sum + ownSeconds(p.pid), 0);

export function ownSeconds(pid: number): number {
  let nanoseconds = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`))
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  } catch {
    // It, or one of its threads, ended meanwhile.
  }
  return nanoseconds / 1e9;
}

/** Pids of a process and of all below it. */
export const treePids = (pid: number): number[] => processTree(pid).map((p) => p.pid);

/** Files that a process here may have open at most. */
export function fileLimit(): number {
  const line = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return line === 'unlimited' ? 65_536 : Number(line);
}

/** KiB of memory of a process's own: what it shares is counted by share (PSS), and text is not counted at all. */
export function ownKib(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss_Anon:\s+(\d+)/m.exec(text)?.[1]) + Number(/^Pss_Shmem:\s+(\d+)/m.exec(text)?.[1]);
}
