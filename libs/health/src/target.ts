import net from 'node:net';
import type { HostHeader } from '@spillway/snapshot';

/** Where a check goes to. */
export interface Target {
  address: string;
  port: number;
  /** For `Host`, and for SNI; empty: the address, and no SNI. */
  hostname: string;
  /** Whether `Host` has the port, where the pool says so; else unless it is the one of the scheme. */
  appendPort?: HostHeader['append_port'];
}

/** `address:port`, IPv6 in brackets: the identity of a server inside its pool. */
export const hostPort = (address: string, port: number): string =>
  net.isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;

/** Value of a Host field. */
export function hostHeader(target: Target, defaultPort: number): string {
  const host = target.hostname === '' ? target.address : target.hostname;
  const bare = net.isIPv6(host) ? `[${host}]` : host;
  return hasPort(target, defaultPort) ? `${bare}:${target.port}` : bare;
}

function hasPort({ port, appendPort }: Target, defaultPort: number): boolean {
  if (appendPort === undefined) return port !== defaultPort;
  return appendPort === 'always' || (appendPort === 'non_default' && port !== 80 && port !== 443);
}
