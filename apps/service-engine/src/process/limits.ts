import { readFileSync } from 'node:fs';
import os from 'node:os';

/** What this SE may use: the limit of its control group, or the memory of the machine. */
export function memoryLimit(): number {
  try {
    const limit = Number(readFileSync('/sys/fs/cgroup/memory.max', 'utf8').trim());
    if (Number.isFinite(limit) && limit > 0) return Math.min(limit, os.totalmem());
  } catch {
    // No limit here.
  }
  return os.totalmem();
}

/** Part of the memory that the workers together may be resident with before one of them is replaced. */
const SHARE = 0.8;
/** A worker with nothing to do needs about 100 MiB. */
const LEAST_WORKER_MEMORY = 256 * 2 ** 20;

/** Resident bytes from which a worker is replaced, where nothing else is said. */
export const workerMemory = (workers: number): number =>
  Math.max(LEAST_WORKER_MEMORY, Math.floor((memoryLimit() * SHARE) / workers));

/** How many descriptors a process may have open. */
export interface DescriptorLimit {
  soft: number;
  hard: number;
}

const countOf = (text: string | undefined): number =>
  text === 'unlimited' ? Infinity : Number(text ?? 1024);

/** @param text `/proc/PID/limits`; another text in tests */
export function descriptorLimit(text = readFileSync('/proc/self/limits', 'utf8')): DescriptorLimit {
  const found = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text);
  return { soft: countOf(found?.[1]), hard: countOf(found?.[2]) };
}

const RLIMIT_NOFILE = 7;

/** Raises the soft limit to the hard one, for this process and what it starts. True when that is so now. */
export async function raiseDescriptorLimit(): Promise<boolean> {
  const { soft, hard } = descriptorLimit();
  if (soft >= hard) return true;
  try {
    const { dlopen } = await import('bun:ffi');
    const libc = dlopen('libc.so.6', {
      prlimit: { args: ['i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
    });
    const wanted = new BigUint64Array([BigInt(hard), BigInt(hard)]);
    return libc.symbols.prlimit(0, RLIMIT_NOFILE, wanted, null) === 0;
  } catch {
    return false; // another C library: what there is has to do
  }
}

/** Of a worker's descriptors, what its runtime, its mapping, logs and the agent need at least. */
const RESERVE = 64;
const RESERVE_SHARE = 0.03;

/** Sockets that a worker may have: no less than one, however tight the limit is. */
export const mostSockets = ({ soft }: Pick<DescriptorLimit, 'soft'>): number =>
  Math.max(1, Math.min(1_000_000, Math.floor(soft - Math.max(RESERVE, soft * RESERVE_SHARE))));

/** A proxied connection has two ends. */
export const connectionsAllowed = (sockets: number): number => Math.floor(sockets / 2);

/** Fewer descriptors than this are too few for what a worker can carry. */
const ENOUGH = 65_536;
/** Below this the workers together cannot even start in comfort. */
const ENOUGH_MEMORY = 256 * 2 ** 20;

export interface LimitAdvice {
  code: string;
  text: string;
  command: string;
}

/** What of the limits of this process keeps the SE from carrying what it could; each with the line to type. */
export function limitAdvice(
  workers: number,
  limit: DescriptorLimit = descriptorLimit(),
  memory = memoryLimit(),
): LimitAdvice[] {
  const advice: LimitAdvice[] = [];
  if (limit.soft < ENOUGH)
    advice.push({
      code: 'RLIMIT_NOFILE',
      text: `each worker may open ${limit.soft} files, which is enough for about ${connectionsAllowed(mostSockets(limit))} proxied connections`,
      command:
        'ulimit -n 1048576, or LimitNOFILE=1048576 in the unit, or --ulimit nofile=1048576 for a container',
    });
  if (memory / workers < ENOUGH_MEMORY)
    advice.push({
      code: 'MEMORY',
      text: `${Math.floor(memory / 2 ** 20)} MiB for ${workers} workers is little: each needs about 100 MiB and what slow clients hold`,
      command: `SPILLWAY_WORKERS=${Math.max(1, Math.floor(memory / ENOUGH_MEMORY))}, or more memory`,
    });
  return advice;
}

/** Part of a worker's memory that may wait for slow peers. */
const QUEUED_SHARE = 0.25;
const LEAST_QUEUED = 16 * 2 ** 20;
const MOST_QUEUED = 2 ** 30;

/** Bytes that may wait in one worker, where nobody says: a quarter of what it may use, 16 MiB to 1 GiB. */
export const queuedBudget = (workerBytes: number): number =>
  Math.min(MOST_QUEUED, Math.max(LEAST_QUEUED, Math.floor(workerBytes * QUEUED_SHARE)));
