import net from 'node:net';
import { copyOf } from '../bytes.js';
import { DeferredQueue, TurnQueue } from './deferred.js';
import { connectDatagrams, listenDatagrams } from './node-datagrams.js';
import {
  BACKLOG,
  BindError,
  HEAD_ROOM,
  MOST_DATA,
  type Acceptor,
  type CloseReason,
  type DatagramHandler,
  type DatagramListener,
  type DatagramPeer,
  type Deferred,
  type Listener,
  type Socket,
  type SocketHandler,
  type SocketOptions,
  type Transferred,
  type Transport,
} from './seam.js';

/** Public `node:net`: for tests, and where there is no Bun. */
export function nodeTransport(): Transport {
  return new NodeTransport();
}

const scratch = Buffer.alloc(HEAD_ROOM + MOST_DATA + 64);

/** `hrtime` counts from a moment that all processes share, `performance.now()` from their own start. */
const sharedOffset = Number(process.hrtime.bigint()) / 1e6 - performance.now();

class NodeTransport implements Transport {
  readonly name = 'node';
  mostSockets = Infinity;
  private readonly deferred = new DeferredQueue();
  private readonly turn = new TurnQueue();
  private readonly sockets = new Set<NodeSocket>();

  listen(address: string, port: number, acceptor: Acceptor): Promise<Listener> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (raw) => {
      const socket = new NodeSocket(raw, this.sockets);
      const handler = acceptor.accept(socket);
      if (handler === null) socket.reset();
      else socket.attach(handler);
    });
    const { promise, resolve, reject } = Promise.withResolvers<Listener>();
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new BindError(error.code ?? 'EUNKNOWN', address, port)),
    );
    const options = {
      host: address,
      port,
      backlog: BACKLOG,
      reusePort: true,
      ipv6Only: address.includes(':'),
    };
    server.listen(options, () => {
      server.removeAllListeners('error');
      server.on('error', () => {}); // a failed accept (no descriptors) concerns that one connection only
      const bound = (server.address() as net.AddressInfo).port;
      resolve({ address, port: bound, tune: () => undefined, close: () => void server.close() });
    });
    return promise;
  }

  connect(address: string, port: number, handler: SocketHandler): Socket {
    const full = this.sockets.size >= this.mostSockets;
    const options = { noDelay: true, allowHalfOpen: true };
    const raw = full ? new net.Socket(options) : net.connect({ host: address, port, ...options });
    const socket = new NodeSocket(raw, this.sockets, false);
    if (full)
      process.nextTick(() =>
        raw.destroy(Object.assign(new Error('no descriptor is left'), { code: 'EMFILE' })),
      );
    raw.once('connect', () => socket.opened());
    socket.attach(handler);
    return socket;
  }

  listenDatagrams(address: string, port: number, handler: DatagramHandler): Promise<DatagramListener> {
    return listenDatagrams(address, port, handler);
  }

  connectDatagrams(address: string, port: number, handler: DatagramHandler): DatagramPeer {
    return connectDatagrams(address, port, handler);
  }

  now(): number {
    return sharedOffset + performance.now();
  }

  defer(task: Deferred): void {
    this.deferred.add(task);
  }

  afterTurn(task: Deferred): void {
    this.turn.add(task);
  }

  every(milliseconds: number, task: Deferred): () => void {
    const timer = setInterval(() => task.run(), milliseconds);
    timer.unref();
    return () => clearInterval(timer);
  }

  queuedBytes(): number {
    let n = 0;
    for (const s of this.sockets) n += s.queued;
    return n;
  }

  openSockets(): number {
    return this.sockets.size;
  }
}

class NodeSocket implements Socket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  errno = '';
  private handler: SocketHandler | null = null;
  private waiting = false;
  private over = false;
  private closing = false;
  private reason: CloseReason = 'end';
  private readonly written = (): void => this.progress();

  constructor(
    private readonly raw: net.Socket,
    private readonly all: Set<NodeSocket>,
    private up = true,
  ) {
    all.add(this);
    this.remoteAddress = raw.remoteAddress ?? '';
    this.remotePort = raw.remotePort ?? 0;
    raw.on('error', (error: NodeJS.ErrnoException) => this.failed(error));
    raw.on('close', () => this.closed());
  }

  get localAddress(): string {
    return this.raw.localAddress ?? '';
  }
  get localPort(): number {
    return this.raw.localPort ?? 0;
  }
  get stashed(): number {
    return this.over ? 0 : this.raw.readableLength;
  }
  get queued(): number {
    return this.over ? 0 : this.raw.writableLength;
  }

  attach(handler: SocketHandler): void {
    this.handler = handler;
    this.raw.on('data', (data: Buffer) => this.received(data));
    this.raw.on('end', () => {
      if (!this.closing) this.handler?.onEnd();
    });
  }

  opened(): void {
    if (this.over) return;
    this.up = true;
    this.handler?.onOpen();
  }

  write(data: Uint8Array, start: number, end: number): boolean {
    if (this.over || this.raw.writableEnded) return true;
    if (end > start) this.raw.write(copyOf(data, start, end), this.written);
    if (this.raw.writableLength === 0) return true;
    this.waiting = true;
    return false;
  }

  pause(): void {
    this.raw.pause();
  }

  resume(): void {
    if (!this.over) this.raw.resume();
  }

  shutdown(): void {
    if (!this.over) this.raw.end();
  }

  close(): void {
    if (this.over || this.closing) return;
    this.closing = true;
    this.raw.resume(); // what is still to come is dropped, so that the end can be reached
    this.raw.destroySoon();
  }

  keepAlive(milliseconds: number): void {
    if (!this.over) this.raw.setKeepAlive(true, milliseconds);
  }

  tune({ nagle }: SocketOptions): void {
    if (!this.over && nagle) this.raw.setNoDelay(false);
  }

  handOver(handler: SocketHandler): void {
    if (this.handler !== null) this.handler = handler;
  }

  transferred(): Transferred {
    return { received: this.raw.bytesRead, sent: this.raw.bytesWritten };
  }

  roundTrip(): number {
    return -1;
  }

  reset(): void {
    if (this.over) return;
    this.over = true;
    this.reason = 'local';
    // libuv refuses to reset what has been shut down, and Node then tells of no end.
    if (this.raw.connecting || this.raw.writableEnded) this.raw.destroy();
    else this.raw.resetAndDestroy();
  }

  private received(data: Buffer): void {
    for (let at = 0; at < data.length; at += MOST_DATA) {
      if (this.over || this.closing) return;
      if (this.raw.isPaused()) {
        this.raw.unshift(data.subarray(at));
        return;
      }
      const end = Math.min(data.length, at + MOST_DATA);
      scratch.set(data.subarray(at, end), HEAD_ROOM);
      this.handler?.onData(scratch, HEAD_ROOM, HEAD_ROOM + end - at);
    }
  }

  private progress(): void {
    if (!this.waiting || this.over || this.raw.writableLength > 0) return;
    this.waiting = false;
    if (!this.raw.writableEnded) this.handler?.onDrain();
  }

  private failed(error: NodeJS.ErrnoException): void {
    if (this.reason === 'local') return;
    if (!this.up) this.errno = error.code ?? '';
    if (this.up || error.code === 'ECONNRESET') this.reason = 'reset';
    else this.reason = error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable';
  }

  private closed(): void {
    this.over = true;
    this.all.delete(this);
    const { handler } = this;
    this.handler = null;
    handler?.onClose(this.reason);
  }
}
