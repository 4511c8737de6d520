import { copyOf } from '../bytes.js';
import { connectDatagrams, listenDatagrams } from './bun-datagrams.js';
import { DeferredQueue, TurnQueue } from './deferred.js';
import { libc } from './libc.js';
import { LateProbes, type Probed } from './late-probes.js';
import { Outbox, type Sender } from './outbox.js';
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

/** Sockets of Bun: the transport of production. */
export function bunTransport(): Transport {
  return new BunTransport();
}

type Raw = Bun.Socket<BunSocket>;

/** Options that Bun honours and its types leave out. */
interface ListenOptions extends Bun.TCPSocketListenOptions<BunSocket> {
  reusePort: boolean;
  ipv6Only: boolean;
}

/** Of much data, what is handed over first: heads are in it, and what follows can mostly be passed on as it lies. */
const FIRST_PIECE = 16 * 1024;

/** Received bytes are moved here so that they have room in front; one for all sockets, valid during a callback. */
const scratch = Buffer.alloc(HEAD_ROOM + MOST_DATA + 64);

class BunTransport implements Transport {
  readonly name = 'bun';
  readonly deferred = new DeferredQueue();
  private readonly turn = new TurnQueue();
  queuedTotal = 0;
  sockets = 0;
  mostSockets = Infinity;
  readonly lateProbes = new LateProbes();
  /** `setImmediate` comes after the sockets of a poll and before the next one. */
  readonly outbox = new Outbox((task) => void setImmediate(task));

  listen(address: string, port: number, acceptor: Acceptor): Promise<Listener> {
    const options: ListenOptions = {
      hostname: address,
      port,
      reusePort: true,
      ipv6Only: address.includes(':'),
      allowHalfOpen: true,
      socket: {
        ...EVENTS,
        open: (raw) => {
          const socket = new BunSocket(this);
          socket.raw = raw;
          raw.data = socket;
          const handler = acceptor.accept(socket);
          if (handler !== null) socket.handler = handler;
          else socket.reset();
        },
      },
    };
    try {
      const listener = Bun.listen(options);
      widenBacklog(listener);
      const { port: bound } = listener;
      return Promise.resolve({
        address,
        port: bound,
        tune: (wanted) => tuneListener(listener, wanted, address.includes(':')),
        close: () => listener.stop(false),
      });
    } catch (error) {
      return Promise.reject(new BindError(codeOf(error) ?? 'EUNKNOWN', address, port));
    }
  }

  connect(address: string, port: number, handler: SocketHandler): Socket {
    const socket = new BunSocket(this);
    socket.handler = handler;
    const failed = (error: unknown): void => socket.connectFailed(codeOf(error) ?? '', address, port);
    if (this.sockets > this.mostSockets) {
      socket.connectFailed('EMFILE', address, port);
      return socket;
    }
    try {
      Bun.connect<BunSocket>({
        hostname: address,
        port,
        allowHalfOpen: true,
        data: socket,
        socket: OUTGOING,
      }).catch(failed);
    } catch (error) {
      failed(error);
    }
    return socket;
  }

  listenDatagrams(address: string, port: number, handler: DatagramHandler): Promise<DatagramListener> {
    return listenDatagrams(address, port, handler);
  }

  connectDatagrams(address: string, port: number, handler: DatagramHandler): DatagramPeer {
    return connectDatagrams(address, port, handler);
  }

  now(): number {
    return machineNow();
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
    return this.queuedTotal;
  }

  openSockets(): number {
    return this.sockets;
  }
}

/** Stands in until a handler is known and after `onClose`. */
const NOBODY: SocketHandler = {
  onOpen() {},
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
};

class BunSocket implements Socket, Deferred, Sender, Probed {
  handler: SocketHandler = NOBODY;
  raw: Raw | null = null;
  private failed: { errno: string; address: string; port: number } | null = null;
  queued = 0;
  /** What the kernel has not taken; `sent` bytes of the first one are gone already. */
  private queue: Uint8Array[] = [];
  private sent = 0;
  private paused = false;
  /** Data that Bun brought while paused. */
  private stash: Uint8Array | null = null;
  private ended = false;
  private endTold = false;
  /** The last queued byte is followed by a FIN, or by the end of both directions. */
  private ending: 'no' | 'shutdown' | 'close' = 'no';
  private over = false;
  private closed: CloseReason | null = null;
  private closeTold = false;
  private scheduled = false;

  heldBack = false;
  /** A write met a reset, which the kernel tells once only: what Bun says afterwards looks like an end in order. */
  private lost = false;
  /** Milliseconds of silence before TCP keep-alive probes, while they are asked for and not turned on yet. */
  private probes = 0;
  /** A write has returned false since the last `onDrain`. */
  private drainOwed = false;

  constructor(private readonly transport: BunTransport) {
    transport.sockets++;
  }

  get stashed(): number {
    return this.stash === null ? 0 : this.stash.length;
  }

  get remoteAddress(): string {
    const { raw } = this;
    if (raw === null) return '';
    // The descriptor of one that is over may be another connection's.
    const fd = this.over ? -1 : fdOf(raw);
    return (fd < 0 ? '' : libc()?.ipv4Peer(fd)) || (raw.remoteAddress ?? '');
  }
  get remotePort(): number {
    return this.raw?.remotePort ?? 0;
  }
  get localAddress(): string {
    return this.raw?.localAddress ?? '';
  }
  get localPort(): number {
    return this.raw?.localPort ?? 0;
  }

  write(data: Uint8Array, start: number, end: number): boolean {
    if (this.over) return true;
    const length = end - start;
    if (length <= 0) return this.queued === 0;
    if (this.queued > 0 || this.raw === null) {
      this.enqueue(copyOf(data, start, end));
      this.drainOwed = true;
      return false;
    }
    const { outbox } = this.transport;
    if (outbox.take(this, data, start, end)) return true;
    if (this.heldBack) outbox.flush();
    if (this.queued > 0) this.enqueue(copyOf(data, start, end));
    else this.give(data, start, end);
    this.drainOwed = this.queued > 0;
    return !this.drainOwed;
  }

  sendHeldBack(data: Uint8Array, start: number, end: number): void {
    this.heldBack = false;
    if (this.over) return;
    this.give(data, start, end);
    if (this.ending !== 'no' && this.queued === 0) this.finish();
  }

  /** Gives bytes to the kernel, and queues what it does not take. */
  private give(data: Uint8Array, start: number, end: number): void {
    const taken = this.raw!.write(data, start, end - start);
    if (taken < 0) this.lost = true;
    else if (taken < end - start) this.enqueue(copyOf(data, start + taken, end));
  }

  pause(): void {
    if (this.paused || this.over) return;
    this.paused = true;
    this.raw?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.over) return;
    this.raw?.resume();
    if (this.stash !== null || this.ended) this.schedule();
  }

  shutdown(): void {
    if (this.over || this.ending !== 'no') return;
    this.ending = 'shutdown';
    if (this.queued === 0) this.finish();
  }

  close(): void {
    if (this.over || this.ending === 'close') return;
    this.ending = 'close';
    this.stash = null;
    if (this.queued === 0) this.finish();
  }

  keepAlive(milliseconds: number): void {
    if (this.over) return;
    if (this.probes === 0) this.transport.lateProbes.add(this);
    this.probes = milliseconds;
  }

  probe(): void {
    if (!this.over) this.raw?.setKeepAlive(true, this.probes);
    this.probes = 0;
  }

  tune({ nagle, dscp }: SocketOptions): void {
    const { raw } = this;
    if (this.over || raw === null) return;
    if (nagle) raw.setNoDelay(false);
    if (dscp > 0) libc()?.dscp(fdOf(raw), dscp, raw.remoteAddress.includes(':'));
  }

  handOver(handler: SocketHandler): void {
    if (!this.closeTold) this.handler = handler;
  }

  roundTrip(): number {
    const { raw } = this;
    if (this.over || raw === null) return -1;
    const fd = fdOf(raw);
    return fd < 0 ? -1 : (libc()?.roundTrip(fd) ?? -1);
  }

  transferred(): Transferred | null {
    const { raw } = this;
    if (this.over || raw === null) return null;
    const fd = fdOf(raw);
    return fd < 0 ? null : (libc()?.transferred(fd) ?? null);
  }

  reset(): void {
    if (this.over) return;
    this.over = true;
    this.closed = 'local';
    this.drop();
    this.raw?.terminate();
    this.schedule();
  }

  /** Work put off until no call of the engine is under way. */
  run(): void {
    this.scheduled = false;
    if (this.closed !== null) {
      this.tellClose();
      return;
    }
    if (this.paused || this.ending === 'close') return;
    const stash = this.stash;
    if (stash !== null) {
      this.stash = null;
      this.hand(stash);
    }
    if (this.ended && !this.paused) this.tellEnd();
  }

  opened(raw: Raw): void {
    if (this.over) {
      raw.terminate();
      return;
    }
    this.raw = raw;
    if (this.paused) raw.pause();
    const had = this.queued > 0;
    this.handler.onOpen();
    if (had && !this.over) this.drained();
    else if (this.ending !== 'no' && this.queued === 0) this.finish();
  }

  received(data: Uint8Array): void {
    if (this.over || this.ending === 'close') return;
    if (this.paused || this.stash !== null) {
      this.stash = this.stash === null ? data : Buffer.concat([this.stash, data]);
      return;
    }
    this.hand(data);
  }

  drained(): void {
    const { queue, raw } = this;
    if (raw === null || this.queued === 0) return;
    while (queue.length > 0) {
      const piece = queue[0]!;
      const length = piece.length - this.sent;
      const taken = raw.write(piece, this.sent, length);
      if (taken <= 0) return;
      this.queued -= taken;
      this.transport.queuedTotal -= taken;
      if (taken < length) {
        this.sent += taken;
        return;
      }
      queue.shift();
      this.sent = 0;
    }
    if (this.ending !== 'no') this.finish();
    else if (this.drainOwed) {
      this.drainOwed = false;
      this.handler.onDrain();
    }
  }

  peerEnded(): void {
    this.ended = true;
    if (!this.paused && this.stash === null && this.ending !== 'close') this.tellEnd();
  }

  peerClosed(reason: CloseReason): void {
    if (this.closed !== null) return;
    this.over = true;
    this.closed = this.lost && reason === 'end' ? 'reset' : reason;
    this.drop();
    // Bun calls this from inside `terminate` and `end` too; whoever called those must not be re-entered.
    this.schedule();
  }

  connectFailed(errno: string, address: string, port: number): void {
    this.failed = { errno, address, port };
    this.peerClosed(errno === 'ECONNREFUSED' ? 'refused' : 'unreachable');
  }

  /** Bun calls every connection refused that did not come to be: the system is asked when somebody wants to know. */
  get errno(): string {
    const { failed } = this;
    if (failed === null) return '';
    if (failed.errno !== 'ECONNREFUSED') return failed.errno;
    return libc()?.whyNot(failed.address, failed.port) || failed.errno;
  }

  private hand(data: Uint8Array): void {
    const { length } = data;
    for (let at = 0; at < length;) {
      if (this.over) return;
      if (this.paused) {
        this.stash = copyOf(data, at, length);
        return;
      }
      const { handler } = this;
      if (handler.asItIs === true) {
        const end = Math.min(length, at + MOST_DATA);
        handler.onData(data, at, end);
        at = end;
        continue;
      }
      const size = at === 0 && length > 2 * FIRST_PIECE ? FIRST_PIECE : Math.min(length - at, MOST_DATA);
      scratch.set(size === length ? data : data.subarray(at, at + size), HEAD_ROOM);
      handler.onData(scratch, HEAD_ROOM, HEAD_ROOM + size);
      at += size;
    }
  }

  private enqueue(piece: Uint8Array): void {
    this.queue.push(piece);
    this.queued += piece.length;
    this.transport.queuedTotal += piece.length;
  }

  private drop(): void {
    this.transport.queuedTotal -= this.queued;
    this.queued = 0;
    this.queue.length = 0;
    this.stash = null;
  }

  private finish(): void {
    if (this.heldBack) return; // the outbox comes back here
    const { raw } = this;
    if (raw === null) {
      if (this.ending === 'close') {
        this.over = true;
        this.closed = 'end';
        this.schedule();
      }
      return;
    }
    // Bun keeps a socket that both sides have ended until it is closed here.
    if (this.ending === 'close' || this.endTold) raw.close();
    else raw.shutdown();
  }

  private tellEnd(): void {
    if (this.endTold || this.over) return;
    this.endTold = true;
    this.handler.onEnd();
    if (this.ending === 'shutdown' && this.queued === 0 && !this.over) this.finish();
  }

  private tellClose(): void {
    if (this.closeTold || this.closed === null) return;
    this.closeTold = true;
    this.transport.sockets--;
    const { handler } = this;
    this.handler = NOBODY;
    handler.onClose(this.closed);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.transport.deferred.add(this);
  }
}

const EVENTS: Bun.SocketHandler<BunSocket> = {
  binaryType: 'buffer',
  data: (raw, data) => raw.data.received(data),
  drain: (raw) => raw.data.drained(),
  end: (raw) => raw.data.peerEnded(),
  // Bun reports a socket that was refused in `open` here before it has its data.
  close: (raw, error) => raw.data?.peerClosed(error === undefined ? 'end' : 'reset'),
  error: (raw) => raw.data?.peerClosed('reset'),
};

const OUTGOING: Bun.SocketHandler<BunSocket> = {
  ...EVENTS,
  open: (raw) => raw.data.opened(raw),
  // The rejected promise of `connect` tells the same.
  connectError: () => {},
};

function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

const fdOf = (raw: object): number => ('fd' in raw && typeof raw.fd === 'number' ? raw.fd : -1);

/** Connections inherit both from their listener. */
function tuneListener(listener: object, { dscp, maxSegment }: SocketOptions, ipv6: boolean): void {
  const fd = fdOf(listener);
  libc()?.dscp(fd, dscp, ipv6);
  libc()?.maxSegment(fd, maxSegment);
}

/** Bun listens with a backlog of 512; a second listen(2) on the same socket only changes that number. */
function widenBacklog(listener: object): void {
  const fd = 'fd' in listener && typeof listener.fd === 'number' ? listener.fd : -1;
  if (fd >= 0) libc()?.backlog(fd, BACKLOG);
}

/** What is to be added to `performance.now()`, which counts from the start of the process, for the clock of all. */
const sharedOffset = (libc()?.now() ?? performance.timeOrigin + performance.now()) - performance.now();

/** Monotonic milliseconds, with a fraction; the same clock in every process of the machine. */
export const machineNow = (): number => sharedOffset + performance.now();
