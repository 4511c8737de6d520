import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** A TCP port that was free a moment ago on `host`. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  return (await freePorts(1, host))[0]!;
}

/**
 * Ports are taken from below every ephemeral range in use (the kernel's default begins at 32768, that of the test
 * namespace at 16384): one from inside it may at any time be the local port of some connection to the same address,
 * and then nobody can listen there.
 */
const LOWEST = 10_240;
const HIGHEST = 16_383;

let next = LOWEST + ((process.pid * 97) % (HIGHEST - LOWEST));

/** `count` different free TCP ports on `host`. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const ports: number[] = [];
  for (let tried = 0; ports.length < count; tried++) {
    if (tried > HIGHEST - LOWEST)
      throw new Error(`no ${count} free ports on ${host} from ${LOWEST} to ${HIGHEST}`);
    next = next >= HIGHEST ? LOWEST : next + 1;
    if (await isFree(next, host)) ports.push(next);
  }
  return ports;
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** A UDP port that was free a moment ago on `host`. */
export async function freeUdpPort(host = '127.0.0.1'): Promise<number> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, host, resolve);
  });
  const { port } = socket.address();
  await new Promise<void>((resolve) => {
    socket.close(() => resolve());
  });
  return port;
}

let lastLoopback = 0;

/**
 * An address of 127.0.0.0/8 for one test alone, e.g. as VIP or origin: derived from the pid and a counter,
 * so that suites that run side by side do not meet. 127.0.0.0/16 is left to everybody else.
 */
export function freeLoopback(): string {
  const n = lastLoopback++;
  const slot = (process.pid * 64 + n) % (254 * 254 * 254);
  return `127.${1 + (Math.floor(slot / (254 * 254)) % 254)}.${1 + (Math.floor(slot / 254) % 254)}.${1 + (slot % 254)}`;
}

/**
 * An address of fd00::/8 (RFC 4193) for one test alone, e.g. as IPv6 VIP. It is on no interface yet: for use in a
 * namespace, where it may be added to loopback.
 */
export function freeIpv6(): string {
  const n = lastLoopback++;
  return `fd53:${process.pid.toString(16).slice(-4)}::${(n + 1).toString(16)}`;
}
