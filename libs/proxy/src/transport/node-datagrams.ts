import dgram from 'node:dgram';
import { copyOf } from '../bytes.js';
import {
  BindError,
  MOST_DATAGRAM,
  type DatagramHandler,
  type DatagramListener,
  type DatagramPeer,
} from './seam.js';

const RECEIVE_BYTES = 4 * 1024 * 1024;
/** Datagrams that wait for a socket that is just being made. */
const MOST_WAITING = 64;

const typeOf = (address: string): 'udp4' | 'udp6' => (address.includes(':') ? 'udp6' : 'udp4');

export function listenDatagrams(
  address: string,
  port: number,
  handler: DatagramHandler,
): Promise<DatagramListener> {
  const raw = dgram.createSocket({ type: typeOf(address), reusePort: true, ipv6Only: address.includes(':') });
  const { promise, resolve, reject } = Promise.withResolvers<DatagramListener>();
  raw.once('error', (error: NodeJS.ErrnoException) => {
    raw.close();
    reject(new BindError(error.code ?? 'EUNKNOWN', address, port));
  });
  raw.bind({ address, port, exclusive: true }, () => {
    raw.removeAllListeners('error');
    raw.unref();
    try {
      raw.setRecvBufferSize(RECEIVE_BYTES);
    } catch {
      // The kernel's own size stays.
    }
    resolve(new NodeListener(raw, handler, address));
  });
  return promise;
}

export const connectDatagrams = (address: string, port: number, handler: DatagramHandler): DatagramPeer =>
  new NodePeer(dgram.createSocket({ type: typeOf(address) }), handler, address, port);

abstract class NodeDatagrams {
  protected over = false;

  constructor(
    protected readonly raw: dgram.Socket,
    protected readonly handler: DatagramHandler,
  ) {
    raw.on('message', (data, from) => {
      if (!this.over) this.handler.onDatagram(data, 0, data.length, from.address, from.port);
    });
    // Node would end the process for an error that nobody takes.
    raw.on('error', (error) => this.failed(error));
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.raw.close();
  }

  protected failed(error: NodeJS.ErrnoException): void {
    if (!this.over) this.handler.onError(error.code ?? 'EUNKNOWN');
  }
}

class NodeListener extends NodeDatagrams implements DatagramListener {
  readonly port: number;

  constructor(
    raw: dgram.Socket,
    handler: DatagramHandler,
    readonly address: string,
  ) {
    super(raw, handler);
    this.port = raw.address().port;
  }

  send(data: Uint8Array, start: number, end: number, address: string, port: number): boolean {
    if (this.over || port === 0 || end - start > MOST_DATAGRAM) return false;
    // What cannot be sent is lost, as on the way; without a callback it would be an error of the socket.
    this.raw.send(copyOf(data, start, end), port, address, () => {});
    return true;
  }
}

class NodePeer extends NodeDatagrams implements DatagramPeer {
  private waiting: Uint8Array[] | null = [];

  constructor(raw: dgram.Socket, handler: DatagramHandler, address: string, port: number) {
    super(raw, handler);
    raw.connect(port, address, () => {
      if (this.over) return;
      raw.unref();
      const { waiting } = this;
      this.waiting = null;
      for (const data of waiting ?? []) this.send(data, 0, data.length);
    });
  }

  send(data: Uint8Array, start: number, end: number): boolean {
    if (this.over || end - start > MOST_DATAGRAM) return false;
    const copy = copyOf(data, start, end);
    if (this.waiting !== null) {
      if (this.waiting.length >= MOST_WAITING) return false;
      this.waiting.push(copy);
      return true;
    }
    this.raw.send(copy, (error) => {
      if (error !== null) this.failed(error);
    });
    return true;
  }
}
