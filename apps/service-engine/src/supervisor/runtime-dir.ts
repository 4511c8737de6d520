import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isAlive, self } from '../process/identity.js';

const NAME = /^spillway-se-(\d+)-(\d+)$/;

/** What lies in the runtime directory of an SE; it lives as long as the supervisor. */
export const runtimeFiles = (dir: string) => ({
  mapping: path.join(dir, 'mapping'),
  /** The path of a socket has room for 107 bytes, so it cannot be in a directory that users choose. */
  socket: path.join(dir, 'agent.sock'),
  slots: path.join(dir, 'slots.json'),
});

/** Makes the directory, in shared memory where there is some, and removes those of supervisors that died. */
export function makeRuntimeDir(): string {
  const { pid, startTime } = self();
  const base = existsSync('/dev/shm') ? '/dev/shm' : undefined;
  if (base === undefined) return mkdtempSync(path.join(os.tmpdir(), 'spillway-se-'));
  for (const name of readdirSync(base)) {
    const m = NAME.exec(name);
    if (m !== null && !isAlive({ pid: Number(m[1]), startTime: Number(m[2]) }))
      removeOld(path.join(base, name));
  }
  const dir = path.join(base, `spillway-se-${pid}-${startTime}`);
  mkdirSync(dir, { mode: 0o700 });
  return dir;
}

function removeOld(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch {
    // Another user's.
  }
}
