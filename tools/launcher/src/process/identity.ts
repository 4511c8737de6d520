import { readFileSync } from 'node:fs';

/**
 * Which process is meant: a pid together with the time it started (field 22 of `/proc/PID/stat`, clock ticks
 * since boot). A pid alone may have been given to another process since.
 */
export interface ProcessIdentity {
  pid: number;
  startTime: number;
}

/** What is read of a line of `/proc/PID/stat`. */
export interface ProcessStat {
  state: string;
  startTime: number;
}

/** Reads a line of `/proc/PID/stat`. The command in it may contain spaces and parentheses. */
export function parseStat(line: string): ProcessStat | undefined {
  const rest = line.slice(line.lastIndexOf(')') + 2).split(' ');
  // `rest` begins with field 3.
  const [state] = rest;
  const startTime = Number(rest[19] ?? 'none');
  return state && Number.isInteger(startTime) ? { state, startTime } : undefined;
}

function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined; // no such process
  }
}

/** The identity of a process that runs now; undefined when none has this pid (a zombie does not run). */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = Number.isInteger(pid) && pid > 0 ? readStat(pid) : undefined;
  return stat && !isGone(stat) ? { pid, startTime: stat.startTime } : undefined;
}

/** Whether exactly this process still runs. */
export function runs(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

function isGone({ state }: ProcessStat): boolean {
  return state === 'Z' || state === 'X';
}

/** An identity as files of an instance hold it. */
export interface StoredIdentity {
  pid: number;
  start_time: number | string;
}

/** The process that a file names, if exactly that one runs. */
export function running(named: StoredIdentity | undefined): ProcessIdentity | undefined {
  const identity = named && { pid: named.pid, startTime: Number(named.start_time) };
  return identity && runs(identity) ? identity : undefined;
}

/** How an identity is written to a file. */
export function stored({ pid, startTime }: ProcessIdentity): StoredIdentity {
  return { pid, start_time: startTime };
}
