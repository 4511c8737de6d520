import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { getuid } from 'node:process';
import type { SharedMemory } from '@spillway/proxy';

/**
 * Memory that the workers of all SEs of one user in one network namespace have in common: files in /dev/shm. A name
 * stands for one file per network namespace, since that is where VIPs are shared.
 */
export class SharedFiles implements SharedMemory {
  readonly #dir: string;
  readonly #scope = readlinkSync('/proc/self/ns/net');

  constructor(base = '/dev/shm') {
    this.#dir = path.join(base, `spillway-flows-${getuid?.() ?? 0}`);
  }

  open(name: string, bytes: number, format: (memory: Uint8Array) => void): Uint8Array {
    const file = this.#file(name);
    for (;;) {
      try {
        return Bun.mmap(file, { shared: true });
      } catch (error) {
        if (!isMissing(error)) throw error;
        this.#make(file, bytes, format);
      }
    }
  }

  remove(name: string): void {
    rmSync(this.#file(name), { force: true });
    try {
      rmdirSync(this.#dir);
    } catch {
      // Others are there still.
    }
  }

  #file(name: string): string {
    const hash = createHash('sha256').update(`${this.#scope} ${name}`).digest('hex').slice(0, 32);
    return path.join(this.#dir, hash);
  }

  /** Whoever is first makes the file; it has its name only once it is whole. */
  #make(file: string, bytes: number, format: (memory: Uint8Array) => void): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const fresh = `${file}.${process.pid}`;
    try {
      const fd = openSync(fresh, 'w+', 0o600);
      try {
        ftruncateSync(fd, bytes);
      } finally {
        closeSync(fd);
      }
      format(Bun.mmap(fresh, { shared: true }));
      linkSync(fresh, file);
    } catch (error) {
      // Another one was quicker, or took the directory away: either way the next look tells.
      if (!isMissing(error) && codeOf(error) !== 'EEXIST') throw error;
    } finally {
      rmSync(fresh, { force: true });
    }
  }
}

/** Half of the files that this process may have open: connections need the rest. */
export function mostFlows(limits = readFileSync('/proc/self/limits', 'utf8')): number {
  const most = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return most === undefined ? 512 : Math.floor(Number(most) / 2);
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';
