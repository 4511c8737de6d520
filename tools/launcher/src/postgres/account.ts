import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** Whose process the database server is. PostgreSQL refuses to run as root. */
export interface Account {
  uid: number;
  gid: number;
}

/**
 * The account of a server whose data lies (or will lie) in `data`: our own, or as root the owner of the data,
 * and for new data `postgres` or else `nobody`.
 */
export function accountFor(data: string): Account {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) return { uid, gid: process.getgid?.() ?? 0 };
  if (existsSync(data)) {
    const owner = statSync(data);
    if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  }
  const passwd = readFileSync('/etc/passwd', 'utf8');
  const found = findAccount(passwd, 'postgres') ?? findAccount(passwd, 'nobody');
  if (!found)
    throw new Error('PostgreSQL does not run as root, and /etc/passwd has neither `postgres` nor `nobody`');
  return found;
}

/** Uid and gid of a name in the text of `/etc/passwd`. */
export function findAccount(passwd: string, name: string): Account | undefined {
  const fields = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find((entry) => entry[0] === name);
  const [, , uid, gid] = fields ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

/** Whether the account may enter this directory and all above it (by mode bits; not by access lists). */
export function canReach(directory: string, { uid, gid }: Account): boolean {
  for (let at = path.resolve(directory); ; at = path.dirname(at)) {
    const { mode, uid: owner, gid: group } = statSync(at);
    const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}
