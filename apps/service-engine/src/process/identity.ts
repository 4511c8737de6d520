import { readFileSync, readlinkSync } from 'node:fs';

/** A process named so that a recycled pid is never taken for it. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of `/proc/PID/stat`, clock ticks since boot. */
  startTime: number;
}

/** What `/proc/PID/stat` says, as far as it is needed. */
export interface ProcessStat extends ProcessIdentity {
  state: string;
  parent: number;
  /** CPU time used so far, in clock ticks (100 a second). */
  cpuTicks: number;
  /** Resident memory in bytes. */
  residentBytes: number;
}

const PAGE = 4096;

/** Parses one line of `/proc/PID/stat`; the command in it may hold blanks and parentheses. */
export function parseStat(text: string): ProcessStat {
  const rest = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid: Number.parseInt(text, 10),
    state: rest[0] ?? '',
    parent: Number(rest[1]),
    cpuTicks: Number(rest[11]) + Number(rest[12]),
    startTime: Number(rest[19]),
    residentBytes: Number(rest[21]) * PAGE,
  };
}

/** Undefined when there is no such process. */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** True when exactly this process lives; a zombie does not. */
export function isAlive(who: ProcessIdentity): boolean {
  const stat = statOf(who.pid);
  return stat !== undefined && stat.startTime === who.startTime && stat.state !== 'Z';
}

/** This process. */
export function self(): ProcessIdentity {
  return { pid: process.pid, startTime: statOf(process.pid)?.startTime ?? 0 };
}

/** Two processes see the same pids when the scope of both is equal. */
export function pidScope(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot}:${readlinkSync('/proc/self/ns/pid')}`;
}
