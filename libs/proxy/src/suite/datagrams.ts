import dgram from 'node:dgram';
import type { SharedMemory } from '../udp/sharing.js';
import { until } from './cases.js';

const typeOf = (address: string): 'udp4' | 'udp6' => (address.includes(':') ? 'udp6' : 'udp4');

async function bound(address: string, port: number): Promise<dgram.Socket> {
  const socket = dgram.createSocket(typeOf(address));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('error', reject);
  socket.bind(port, address, () => resolve());
  await promise;
  socket.removeAllListeners('error');
  socket.on('error', () => {}); // what is refused is told to nobody here
  return socket;
}

/** A server that answers each datagram with its own name, a space, and the datagram. */
export class DatagramOrigin {
  readonly got: { text: string; length: number; from: string }[] = [];
  /** Nothing is answered. */
  silent = false;

  private constructor(
    readonly name: string,
    readonly socket: dgram.Socket,
    readonly port: number,
  ) {
    socket.on('message', (data, from) => {
      this.got.push({
        text: data.toString('latin1', 0, 64),
        length: data.length,
        from: `${from.address} ${from.port}`,
      });
      if (!this.silent) socket.send(Buffer.concat([Buffer.from(`${name} `), data]), from.port, from.address);
    });
  }

  static async start(name: string, address = '127.0.0.1', port = 0): Promise<DatagramOrigin> {
    const socket = await bound(address, port);
    return new DatagramOrigin(name, socket, socket.address().port);
  }

  stop(): void {
    this.socket.close();
  }
}

/** A client with a port of its own. */
export class DatagramClient {
  readonly got: string[] = [];
  lengths: number[] = [];

  private constructor(
    readonly socket: dgram.Socket,
    private readonly address: string,
  ) {
    socket.on('message', (data) => {
      this.got.push(data.toString('latin1', 0, 64));
      this.lengths.push(data.length);
    });
  }

  /** @param to where it sends, if not to its own address */
  static async open(address = '127.0.0.1', to = address): Promise<DatagramClient> {
    return new DatagramClient(await bound(address, 0), to);
  }

  send(port: number, data: string | Uint8Array): void {
    this.socket.send(typeof data === 'string' ? Buffer.from(data, 'latin1') : data, port, this.address);
  }

  /** Sends and waits for one answer; says which server gave it. */
  async ask(port: number, text: string): Promise<string> {
    const { length } = this.got;
    this.send(port, text);
    await until(() => this.got.length > length, `an answer to ${text}`);
    return this.got[length]!.split(' ')[0]!;
  }

  close(): void {
    this.socket.close();
  }
}

/** Shared memory inside one process. */
export class LocalMemory implements SharedMemory {
  readonly files = new Map<string, Uint8Array>();

  open(name: string, bytes: number, format: (memory: Uint8Array) => void): Uint8Array {
    let memory = this.files.get(name);
    if (memory === undefined) {
      memory = new Uint8Array(new SharedArrayBuffer(bytes));
      format(memory);
      this.files.set(name, memory);
    }
    return memory;
  }

  remove(name: string): void {
    this.files.delete(name);
  }
}
