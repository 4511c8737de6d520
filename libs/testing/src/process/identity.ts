import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from './eventually.js';

/** A process named so that a recycled pid is not taken for it: pid and start time (clock ticks since boot). */
export interface ProcessIdentity {
  pid: number;
  startTime: number;
}

/** One line of `/proc/<pid>/stat`, as far as tests need it. */
export interface ProcessStat {
  pid: number;
  command: string;
  /** Kernel state letter: R, S, D, T (stopped), Z (zombie) … */
  state: string;
  parent: number;
  /** CPU time used, in clock ticks (100 per second on Linux). */
  cpuTicks: number;
  startTime: number;
  /** Resident memory in bytes. */
  rss: number;
}

const PAGE = 4096;

/** The process's stat line, or undefined when there is no such process. */
export function processStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The command stands in parentheses and may itself hold spaces and parentheses.
  const close = text.lastIndexOf(')');
  const rest = text.slice(close + 2).split(' ');
  return {
    pid,
    command: text.slice(text.indexOf('(') + 1, close),
    state: rest[0]!,
    parent: Number(rest[1]),
    cpuTicks: Number(rest[11]) + Number(rest[12]),
    startTime: Number(rest[19]),
    rss: Number(rest[21]) * PAGE,
  };
}

/** Identity of a living process; undefined when it is gone or only a zombie is left. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = processStat(pid);
  return stat && stat.state !== 'Z' ? { pid, startTime: stat.startTime } : undefined;
}

/** Is exactly this process still running (not a zombie, not another one with its pid)? */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return identify(pid)?.startTime === startTime;
}

/**
 * Sends `signal` to exactly this process.
 * @returns false when it was gone already (or its pid now belongs to another process).
 */
export function signalProcess(who: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(who)) return false;
  try {
    process.kill(who.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** SIGKILL to exactly this process and wait until it is gone. */
export async function killNow(who: ProcessIdentity, within = 5_000): Promise<void> {
  signalProcess(who, 'SIGKILL');
  await eventually(() => !isAlive(who), { within, every: 5, what: `process ${who.pid} to be gone` });
}

/** All processes, from one walk through /proc. */
export function allProcesses(): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = processStat(Number(entry));
    if (stat) found.push(stat);
  }
  return found;
}

/** `root` and everything below it, parents before children; empty when `root` is gone. */
export function processTree(root: number, processes = allProcesses()): ProcessStat[] {
  const children = new Map<number, ProcessStat[]>();
  for (const p of processes) children.set(p.parent, [...(children.get(p.parent) ?? []), p]);
  const tree = processes.filter((p) => p.pid === root);
  for (const p of tree) tree.push(...(children.get(p.pid) ?? []));
  return tree;
}

/** The process's command line, arguments separated by spaces; empty when it is gone. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
