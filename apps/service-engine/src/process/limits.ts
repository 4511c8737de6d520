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
