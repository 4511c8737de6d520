/** A TCP socket that listens, from `/proc/net/tcp` or `/proc/net/tcp6`. */
export interface Listener {
  address: string;
  port: number;
  inode: number;
  uid: number;
}

const LISTEN = '0A';
/** State of a datagram socket for everybody; one for a single peer is in state 01. */
const UNCONNECTED = '07';

/** An address as the kernel prints it: 32-bit words, each in the byte order of the machine (little endian). */
export function parseKernelAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((w) => (w.match(/../g) ?? []).toReversed().map((b) => Number.parseInt(b, 16)));
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/** The listeners of such a table. */
export const parseListeners = (table: string): Listener[] => socketsIn(table, LISTEN);

/** The sockets of `/proc/net/udp` or `/proc/net/udp6` that take datagrams of everybody. */
export const parseReceivers = (table: string): Listener[] => socketsIn(table, UNCONNECTED);

function socketsIn(table: string, state: string): Listener[] {
  return table.split('\n').flatMap((line) => {
    const f = line.trim().split(/\s+/);
    const local = f[1];
    if (f[3] !== state || local === undefined) return [];
    const colon = local.indexOf(':');
    return [
      {
        address: parseKernelAddress(local.slice(0, colon)),
        port: Number.parseInt(local.slice(colon + 1), 16),
        uid: Number(f[7]),
        inode: Number(f[9]),
      },
    ];
  });
}

/** True when the rows of a part of the table have gone past the listeners, which the kernel prints first. */
export const isPastListeners = (part: string): boolean =>
  part
    .split('\n')
    .slice(1, -1)
    .some((line) => {
      const state = line.trim().split(/\s+/)[3];
      return state !== undefined && state !== LISTEN;
    });

/** Names and inodes of the abstract sockets of `/proc/net/unix`, without the leading `@`. */
export function parseAbstractSockets(table: string): { name: string; inode: number }[] {
  return table.split('\n').flatMap((line) => {
    const at = line.indexOf('@');
    if (at < 0) return [];
    return [
      { name: line.slice(at + 1).trimEnd(), inode: Number(line.slice(0, at).trim().split(/\s+/).at(-1)) },
    ];
  });
}

/** True when a listener at `address` takes connections to `vip` as well. */
export function covers(listener: Pick<Listener, 'address'>, vip: string): boolean {
  if (listener.address === vip) return true;
  return listener.address === (vip.includes(':') ? '::' : '0.0.0.0');
}
