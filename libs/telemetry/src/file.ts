import { closeSync, ftruncateSync, openSync, renameSync, unlinkSync } from 'node:fs';
import { layoutOf, type MappingSize } from './layout.js';
import { Mapping, MappingError } from './mapping.js';

interface Mmap {
  mmap(path: string, options: { shared: boolean }): Uint8Array;
}

function mmap(path: string): Uint8Array {
  const bun = (globalThis as { Bun?: Mmap }).Bun;
  if (bun === undefined)
    throw new MappingError(
      `${path} can be shared only on Bun; elsewhere give the bytes to Mapping.format or Mapping.attach`,
    );
  return bun.mmap(path, { shared: true });
}

/**
 * Makes the file of an SE's mapping (mode 0600) and formats it. A file of that name is replaced, never reused:
 * a process that still holds the old one keeps counting there and disturbs nobody.
 */
export function createMapping(path: string, size: MappingSize): Mapping {
  const fresh = `${path}.${process.pid}`;
  const fd = openSync(fresh, 'w+', 0o600);
  try {
    ftruncateSync(fd, layoutOf(size).totalBytes);
  } finally {
    closeSync(fd);
  }
  try {
    const mapping = Mapping.format(mmap(fresh), size);
    renameSync(fresh, path);
    return mapping;
  } catch (error) {
    unlinkSync(fresh);
    throw error;
  }
}

/** Maps the file that `createMapping` made; stores are seen by every process that has it open. */
export function openMapping(path: string): Mapping {
  return Mapping.attach(mmap(path));
}
