import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { allProcesses, processTree } from './identity.js';

/** The address as /proc/net/tcp and tcp6 write it: 32-bit words, each in host (little-endian) order. */
export function procAddress(address: string): string {
  const bytes = isIPv6(address) ? ipv6Bytes(address) : address.split('.').map(Number);
  let text = '';
  for (let word = 0; word < bytes.length; word += 4) {
    for (let i = 3; i >= 0; i--) text += bytes[word + i]!.toString(16).padStart(2, '0').toUpperCase();
  }
  return text;
}

function ipv6Bytes(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const left = ipv6Words(head);
  const right = ipv6Words(tail ?? '');
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  return all.flatMap((word) => [word >> 8, word & 255]);
}

function ipv6Words(part: string): number[] {
  return part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
}

/** Accepted, established connections to `address:port` in this process's namespace: client port to socket inode. */
export function acceptedSockets(address: string, port: number): Map<number, string> {
  const table = readFileSync(`/proc/self/net/${isIPv6(address) ? 'tcp6' : 'tcp'}`, 'latin1');
  const local = `${procAddress(address)}:${port.toString(16).padStart(4, '0').toUpperCase()}`;
  const found = new Map<number, string>();
  for (const line of table.split('\n')) {
    if (!line.includes(local)) continue;
    const fields = line.trim().split(/\s+/);
    // 01 is ESTABLISHED; inode 0 means: still in the accept queue, nobody's yet.
    if (fields[1] !== local || fields[3] !== '01' || fields[9] === '0') continue;
    found.set(Number.parseInt(fields[2]!.slice(-4), 16), fields[9]!);
  }
  return found;
}

/** Inodes of the sockets that a process holds; empty when it is gone. */
export function socketInodes(pid: number): Set<string> {
  const inodes = new Set<string>();
  let entries: string[];
  try {
    entries = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return inodes;
  }
  for (const fd of entries) {
    try {
      const link = readlinkSync(`/proc/${pid}/fd/${fd}`);
      if (link.startsWith('socket:[')) inodes.add(link.slice(8, -1));
    } catch {
      // Closed between the listing and the look.
    }
  }
  return inodes;
}

/**
 * Which SE serves which connection to `address:port`: looked up from outside, in the kernel's tables, so
 * that no SE has to be believed.
 * @param roots name of each SE to the pid of its supervisor; all processes below it count as the SE
 * @returns client port to name
 */
export function connectionOwners(
  address: string,
  port: number,
  roots: Readonly<Record<string, number>>,
): Map<number, string> {
  const accepted = acceptedSockets(address, port);
  const owners = new Map<number, string>();
  if (accepted.size === 0) return owners;
  const nameOf = new Map<string, string>();
  const processes = allProcesses();
  for (const [name, root] of Object.entries(roots)) {
    for (const { pid } of processTree(root, processes)) {
      for (const inode of socketInodes(pid)) nameOf.set(inode, name);
    }
  }
  for (const [clientPort, inode] of accepted) {
    const name = nameOf.get(inode);
    if (name !== undefined) owners.set(clientPort, name);
  }
  return owners;
}
