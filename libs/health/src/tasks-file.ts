import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes of a name that stand in the name of the file: with all its parts it must stay below 255. */
const MOST_NAME = 90;
/** A number needs no more. */
const MOST_BYTES = 64;

/** A name as part of the name of a file. */
export function fileName(name: string): string {
  let safe = name.replaceAll(/[/\0]/g, '_').replace(/^\.+/, '_');
  while (Buffer.byteLength(safe) > MOST_NAME) safe = safe.slice(0, -1);
  return safe;
}

/** Where the script of a monitor tells how many tasks a server has: `<monitor>.<pool>.<address>.<port>.tasks`. */
export const tasksFile = (monitor: string, pool: string, address: string, port: number): string =>
  `${fileName(monitor)}.${fileName(pool)}.${address}.${port}.tasks`;

/**
 * The number that a script has left in a file, undefined when there is none. The script may have made anything under
 * that name: only a small regular file with a number from 0 to 999,999,999 counts, no link is followed, and nothing is
 * waited for.
 */
export function readTasks(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    if (length > MOST_BYTES) return undefined;
    const text = bytes.toString('latin1', 0, length).trim();
    return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
