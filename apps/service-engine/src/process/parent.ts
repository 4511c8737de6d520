import type { Logger } from '../log/logger.js';

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const LIBRARIES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'];

/** Asks the kernel to kill this process when its parent dies. False where that cannot be asked. */
async function setParentDeathSignal(): Promise<boolean> {
  const { dlopen, FFIType } = await import('bun:ffi');
  const { i32, u64 } = FFIType;
  for (const library of LIBRARIES)
    try {
      const libc = dlopen(library, { prctl: { args: [i32, u64, u64, u64, u64], returns: i32 } });
      return libc.symbols.prctl(PR_SET_PDEATHSIG, BigInt(SIGKILL), 0n, 0n, 0n) === 0;
    } catch {
      // Another C library is tried.
    }
  return false;
}

/**
 * Ties the life of this process to its supervisor: an SE whose supervisor is gone must not go on taking its share of
 * new connections.
 *
 * @returns to be called on every beat, for kernels and libraries where the signal is not to be had
 */
export async function dieWithParent(supervisor: number, log: Logger): Promise<() => void> {
  const set = await setParentDeathSignal().catch(() => false);
  if (!set) log.warn('no parent-death signal here: the supervisor is looked for on every beat');
  const check = (): void => {
    if (process.ppid !== supervisor) process.kill(process.pid, 'SIGKILL');
  };
  check();
  return check;
}
