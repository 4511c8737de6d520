import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { identify, type ProcessIdentity } from '../process/identity.js';

/** A live server, as its `postmaster.pid` tells. */
export interface Postmaster {
  identity: ProcessIdentity;
  port: number;
  /** It takes connections. */
  ready: boolean;
}

/** What is read of the text of `postmaster.pid`: its lines are pid, data, time, port, ..., status. */
export function parsePostmasterPid(text: string): { pid: number; port: number; ready: boolean } | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid <= 0 || !Number.isInteger(port)) return undefined;
  return { pid, port, ready: lines[7] === 'ready' };
}

/** The server that runs on this data, if one does. */
export function findPostmaster(data: string): Postmaster | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(data, 'postmaster.pid'), 'utf8');
  } catch {
    return undefined; // stopped, or not there yet
  }
  const parsed = parsePostmasterPid(text);
  const identity = parsed && identify(parsed.pid);
  if (!parsed || !identity || !worksIn(parsed.pid, data)) return undefined;
  return { identity, port: parsed.port, ready: parsed.ready };
}

/** A server's working directory is its data: a process that only got the pid of a dead one has another. */
function worksIn(pid: number, data: string): boolean {
  try {
    return realpathSync(`/proc/${pid}/cwd`) === realpathSync(data);
  } catch {
    return false;
  }
}
