import { readFileSync, readlinkSync } from 'node:fs';

/** Where this process lives, as `Hello.host` names it: equal exactly for processes that share it. */
export interface Scopes {
  pidScope: string;
  netScope: string;
}

const inode = (ns: string): string => /\[(\d+)\]/.exec(readlinkSync(`/proc/self/ns/${ns}`))?.[1] ?? '';

let own: Scopes | undefined;

/** `<boot id of the machine>:<inode of the namespace>` of this process. */
export function ownScopes(): Scopes {
  if (own !== undefined) return own;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  own = { pidScope: `${boot}:${inode('pid')}`, netScope: `${boot}:${inode('net')}` };
  return own;
}

/**
 * Whether a process of this pid scope still runs: the pid exists with that start time (field 22 of /proc/PID/stat,
 * clock ticks since boot) and is no zombie.
 */
export function processRuns(pid: number, startTime: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[19]) === startTime && fields[0] !== 'Z' && fields[0] !== 'X';
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      (error as NodeJS.ErrnoException).code === 'ESRCH'
    )
      return false;
    throw error;
  }
}
