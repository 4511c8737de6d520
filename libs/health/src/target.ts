import net from 'node:net';

/** Where a check goes to. */
export interface Target {
  address: string;
  port: number;
  /** For `Host`, and for SNI; empty: the address, and no SNI. */
  hostname: string;
}

/** `address:port`, IPv6 in brackets: the identity of a server inside its pool. */
export const hostPort = (address: string, port: number): string =>
  net.isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;

/** Value of a Host field. */
export function hostHeader(target: Target, defaultPort: number): string {
  const host = target.hostname === '' ? target.address : target.hostname;
  const bare = net.isIPv6(host) ? `[${host}]` : host;
  return target.port === defaultPort ? bare : `${bare}:${target.port}`;
}
