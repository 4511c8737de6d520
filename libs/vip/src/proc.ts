import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import {
  isPastListeners,
  parseAbstractSockets,
  parseListeners,
  parseReceivers,
  type Listener,
} from './proc-net.js';

const CHUNK = 65_536;

/** The part of a table of sockets that holds the listeners; reading all of it takes long on a busy SE. */
function readListenerPart(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return ''; // no IPv6 here
  }
  try {
    const chunk = Buffer.alloc(CHUNK);
    let text = '';
    for (;;) {
      const count = readSync(fd, chunk, 0, CHUNK, null);
      if (count === 0) return text;
      text += chunk.toString('latin1', 0, count);
      if (isPastListeners(text)) return text;
    }
  } finally {
    closeSync(fd);
  }
}

/** All TCP listeners of this network namespace. */
export const listeners = (): Listener[] => [
  ...parseListeners(readListenerPart('/proc/self/net/tcp')),
  ...parseListeners(readListenerPart('/proc/self/net/tcp6')),
];

/** All sockets of this network namespace that take datagrams of everybody. */
export const receivers = (): Listener[] =>
  ['udp', 'udp6'].flatMap((table) => parseReceivers(wholeTable(table)));

function wholeTable(name: string): string {
  try {
    return readFileSync(`/proc/self/net/${name}`, 'latin1');
  } catch {
    return ''; // no IPv6 here
  }
}

/** All abstract sockets of this network namespace. */
export const abstractSockets = (): { name: string; inode: number }[] =>
  parseAbstractSockets(readFileSync('/proc/self/net/unix', 'utf8'));

/** A process, as far as this one may see it. */
export interface Owner {
  pid: number;
  parent: number;
  command: string;
}

/** Who has a socket open; undefined when that is another user's process or one of another pid namespace. */
export function ownerOf(inode: number): Owner | undefined {
  const wanted = `socket:[${inode}]`;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    let fds: string[];
    try {
      fds = readdirSync(`/proc/${entry}/fd`);
    } catch {
      continue; // gone, or not ours to see
    }
    for (const fd of fds) if (linkOf(`/proc/${entry}/fd/${fd}`) === wanted) return describe(Number(entry));
  }
  return undefined;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function describe(pid: number): Owner {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 200);
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { pid, parent, command };
  } catch {
    return { pid, parent: 0, command: '' };
  }
}
