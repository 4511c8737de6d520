import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import os from 'node:os';
import { canonicalAddress } from './claim-name.js';

/** The label of an IPv4 address that an SE added; it must begin with the name of the device. */
const LABEL = 'lo:spillway';

/** What an operator types so that the VIP is local. */
export const addCommand = (address: string): string =>
  isIPv6(address)
    ? `ip -6 addr add ${address}/128 dev lo nodad preferred_lft 0`
    : `ip addr add ${address}/32 dev lo label ${LABEL}`;

const removeArguments = (address: string): string[] =>
  isIPv6(address)
    ? ['-6', 'addr', 'del', `${address}/128`, 'dev', 'lo']
    : ['addr', 'del', `${address}/32`, 'dev', 'lo'];

interface IpAddress {
  local?: string;
  prefixlen?: number;
  label?: string;
  preferred_life_time?: number;
  deprecated?: boolean;
}

/**
 * True for an address on `lo` that an SE added, so that the last one may remove it: an IPv4 address says so by its
 * label; an IPv6 address has no label, there it is a /128 that is never picked as a source (`preferred_lft 0`).
 */
export function isOurs(entry: IpAddress, address: string): boolean {
  if (entry.local === undefined || canonicalAddress(entry.local) !== canonicalAddress(address)) return false;
  if (!isIPv6(address)) return entry.prefixlen === 32 && entry.label === LABEL;
  return entry.prefixlen === 128 && (entry.deprecated === true || entry.preferred_life_time === 0);
}

/** Runs `ip`; resolves with its output, or rejects with what it said. */
function ip(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let trouble = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (trouble += chunk.toString()));
    child.once('error', (error) => reject(new Error(`ip: ${error.message}`)));
    child.once('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(trouble.trim().split('\n')[0] || `ip ended with ${code}`));
    });
  });
}

/** The addresses of all interfaces. */
export const localAddresses = (): Set<string> =>
  new Set(
    Object.values(os.networkInterfaces()).flatMap(
      (device) => device?.map((a) => canonicalAddress(a.address.split('%')[0] ?? '')) ?? [],
    ),
  );

/**
 * True when connections to an address that no interface has arrive here all the same: all of 127/8, and networks
 * routed to `lo`.
 */
export async function isLocal(address: string): Promise<boolean> {
  return !nonlocalBind(address) && (await canBind(address));
}

function nonlocalBind(address: string): boolean {
  try {
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    return readFileSync(`/proc/sys/net/${family}/ip_nonlocal_bind`, 'utf8').trim() !== '0';
  } catch {
    return false;
  }
}

function canBind(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ address, port: 0, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

/** Adds VIP/32 or /128 to `lo`, marked as ours. Rejects with what the kernel said. */
export async function addAddress(address: string): Promise<void> {
  await ip(addCommand(address).split(' ').slice(1));
}

/** Removes the address from `lo` when an SE had added it; an operator's own address stays. */
export async function removeAddress(address: string): Promise<void> {
  const links = JSON.parse(await ip(['-j', 'addr', 'show', 'dev', 'lo'])) as { addr_info?: IpAddress[] }[];
  if (links.flatMap((l) => l.addr_info ?? []).some((a) => isOurs(a, address)))
    await ip(removeArguments(address));
}
