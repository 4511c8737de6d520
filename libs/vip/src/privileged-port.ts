import { readFileSync } from 'node:fs';

const CAP_NET_BIND_SERVICE = 10n;

/** The command that lets an SE listen on a port; undefined when it may already. */
export function commandForPort(port: number): string | undefined {
  const first = Number(read('/proc/sys/net/ipv4/ip_unprivileged_port_start') || '1024');
  if (port >= first) return undefined;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(read('/proc/self/status'))?.[1];
  if (effective !== undefined && (BigInt(`0x${effective}`) >> CAP_NET_BIND_SERVICE) & 1n) return undefined;
  return `sysctl -w net.ipv4.ip_unprivileged_port_start=${port}`;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
