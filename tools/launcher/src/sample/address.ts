import { createHash } from 'node:crypto';
import { isFree } from '../process/port.js';

/**
 * The loopback address that an instance's sample VIP has: 127.77.x.y, from its directory, so that two
 * instances do not meet there.
 */
export function sampleAddress(directory: string): string {
  const digest = createHash('sha256').update(directory).digest();
  // Neither .0 nor .255 at the end: some tools take them for a network.
  return `127.77.${digest[0] ?? 0}.${1 + ((digest[1] ?? 0) % 254)}`;
}

/** The first port from 8080 on that is free at the address. */
export async function samplePort(address: string): Promise<number> {
  for (let port = 8080; port < 8180; port += 1) if (await isFree(port, address)) return port;
  throw new Error(`ports 8080 to 8179 are all taken at ${address}`);
}
