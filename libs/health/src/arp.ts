import { readFileSync } from 'node:fs';

/** An entry of /proc/net/arp whose address has no answer yet. */
const INCOMPLETE = '0x0';

/**
 * The address is on a link of this host and nobody there answers for it: the kernel says "unreachable", and its
 * table of neighbours why. IPv4 only; for IPv6 the kernel shows no such table in /proc.
 */
export function isArpUnresolved(address: string): boolean {
  try {
    return readFileSync('/proc/net/arp', 'utf8')
      .split('\n')
      .some((line) => {
        const [ip, , flags] = line.trim().split(/\s+/);
        return ip === address && flags === INCOMPLETE;
      });
  } catch {
    return false; // no such table here
  }
}
