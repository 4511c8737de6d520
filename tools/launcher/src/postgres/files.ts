import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type Account, canReach } from './account.js';

/** Where root keeps data whose directory the server's account cannot reach (a checkout under /root). */
const outside = '/var/lib/spillway';

/** Paths of one embedded database. */
export interface DatabaseFiles {
  /** PostgreSQL's own directory; a symlink where the data had to go outside. */
  data: string;
  log: string;
  /** The superuser's password (mode 600). */
  password: string;
  /** The port of the last start, so that clients find a restarted server where it was. */
  port: string;
  /** Written when the database itself exists. */
  created: string;
}

export function databaseFiles(directory: string): DatabaseFiles {
  const file = (name: string): string => path.join(path.resolve(directory), name);
  return {
    data: file('data'),
    log: file('postgres.log'),
    password: file('password'),
    port: file('port'),
    created: file('created'),
  };
}

/**
 * Makes the directory so that the account can work in it. What cannot be reached by the account, because a
 * directory above is closed to it, goes to /var/lib/spillway, with a symlink here.
 */
export function prepareDirectory(directory: string, account: Account): DatabaseFiles {
  const files = databaseFiles(directory);
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  if (process.getuid?.() !== 0) return files;
  chmodSync(directory, statSync(directory).mode | 0o011);
  if (!isLink(files.data) && !existsSync(files.data) && !canReach(directory, account)) {
    mkdirSync(outside, { recursive: true, mode: 0o711 });
    const home = mkdtempSync(path.join(outside, 'postgres-'));
    giveTo(account, home);
    symlinkSync(path.join(home, 'data'), files.data);
  }
  return files;
}

function isLink(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** Where `data` really is or will be. */
export function realData(files: DatabaseFiles): string {
  if (isLink(files.data)) return readlinkSync(files.data);
  return path.join(realpathSync(path.dirname(files.data)), path.basename(files.data));
}

/** The password of this database, generated on first use. */
export function passwordOf(files: DatabaseFiles): string {
  if (!existsSync(files.password)) {
    writeFileSync(files.password, randomBytes(24).toString('base64url'), { mode: 0o600, flag: 'wx' });
  }
  return readFileSync(files.password, 'utf8').trim();
}

/** The port of the last start. */
export function lastPort(files: DatabaseFiles): number | undefined {
  try {
    const port = Number(readFileSync(files.port, 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch {
    return undefined; // never started
  }
}

/** As root, gives a file or directory to the account. */
export function giveTo(account: Account, file: string): void {
  if (process.getuid?.() === 0) chownSync(file, account.uid, account.gid);
}
