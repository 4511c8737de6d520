import { copyOf } from '../bytes.js';
import { libc } from './libc.js';
import { BindError, type DatagramHandler, type DatagramListener, type DatagramPeer } from './seam.js';

/**
 * Datagrams over `Bun.udpSocket`, which receives in batches (`recvmmsg`). Its declarations leave out what `node:dgram`
 * of Bun uses of it: the flags, the descriptor, and that `error` gets the error alone.
 */
interface RawOptions {
  hostname: string;
  port?: number;
  flags?: number;
  binaryType: 'uint8array';
  connect?: { hostname: string; port: number };
  socket: {
    data(socket: unknown, data: Uint8Array, port: number, address: string): void;
    error(error: unknown): void;
  };
}

interface RawSocket {
  readonly fd: number;
  readonly port: number;
  send(data: Uint8Array, port?: number, address?: string): boolean;
  close(): void;
  unref(): void;
}

const open = Bun.udpSocket as unknown as (options: RawOptions) => Promise<RawSocket>;

const IPV6_ONLY = 1;
const REUSE_PORT = 4;
/** Room for bursts, as far as net.core.rmem_max allows it. */
const RECEIVE_BYTES = 4 * 1024 * 1024;
/** Datagrams that wait for a socket that is just being made. */
const MOST_WAITING = 64;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EUNKNOWN';

export async function listenDatagrams(
  address: string,
  port: number,
  handler: DatagramHandler,
): Promise<DatagramListener> {
  const listener = new BunDatagrams(handler);
  try {
    listener.raw = await open({
      hostname: address,
      port,
      flags: REUSE_PORT | (address.includes(':') ? IPV6_ONLY : 0),
      binaryType: 'uint8array',
      socket: eventsOf(listener),
    });
  } catch (error) {
    throw new BindError(codeOf(error), address, port);
  }
  listener.raw.unref();
  libc()?.receiveBuffer(listener.raw.fd, RECEIVE_BYTES);
  libc()?.ignoreRefusals(listener.raw.fd, address.includes(':'));
  return listener.at(address);
}

export function connectDatagrams(address: string, port: number, handler: DatagramHandler): DatagramPeer {
  const peer = new BunPeer(handler);
  open({
    hostname: address.includes(':') ? '::' : '0.0.0.0',
    binaryType: 'uint8array',
    connect: { hostname: address, port },
    socket: eventsOf(peer),
  }).then(
    (raw) => peer.opened(raw),
    (error: unknown) => peer.error(error),
  );
  return peer;
}

/** Bun gives its callbacks no `this`, and to `error` not even the socket. */
const eventsOf = (to: BunHandler): RawOptions['socket'] => ({
  data: (_socket, data, port, address) => to.data(data, port, address),
  error: (error) => to.error(error),
});

/** One datagram: a view of the bytes, without a new one where they are the whole. */
const view = (data: Uint8Array, start: number, end: number): Uint8Array =>
  start === 0 && end === data.length ? data : data.subarray(start, end);

abstract class BunHandler {
  raw: RawSocket | null = null;
  protected over = false;

  constructor(private readonly handler: DatagramHandler) {}

  data(data: Uint8Array, port: number, address: string): void {
    if (!this.over) this.handler.onDatagram(data, 0, data.length, address, port);
  }

  /** Bun would end the process for an error that nobody takes. */
  error(error: unknown): void {
    if (!this.over) this.handler.onError(codeOf(error));
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.raw?.close();
  }
}

class BunDatagrams extends BunHandler implements DatagramListener {
  address = '';
  port = 0;

  at(address: string): this {
    this.address = address;
    this.port = this.raw!.port;
    return this;
  }

  send(data: Uint8Array, start: number, end: number, address: string, port: number): boolean {
    if (this.over || port === 0) return false;
    try {
      return this.raw!.send(view(data, start, end), port, address);
    } catch {
      return false; // no route, no permission, too long: this datagram is lost, as on the way
    }
  }
}

class BunPeer extends BunHandler implements DatagramPeer {
  private waiting: Uint8Array[] = [];

  opened(raw: RawSocket): void {
    if (this.over) {
      raw.close();
      return;
    }
    this.raw = raw;
    raw.unref();
    for (const data of this.waiting) this.send(data, 0, data.length);
    this.waiting = [];
  }

  send(data: Uint8Array, start: number, end: number): boolean {
    if (this.over) return false;
    if (this.raw === null) {
      if (this.waiting.length >= MOST_WAITING) return false;
      this.waiting.push(copyOf(data, start, end));
      return true;
    }
    const bytes = view(data, start, end);
    try {
      return this.raw.send(bytes);
    } catch (error) {
      if (codeOf(error) === 'EMSGSIZE') return false;
      queueMicrotask(() => this.error(error));
      return this.again(bytes);
    }
  }

  /** A pending refusal of an earlier datagram has been told instead of sending this one. */
  private again(bytes: Uint8Array): boolean {
    try {
      return !this.over && this.raw!.send(bytes);
    } catch {
      return false;
    }
  }
}
