import {
  HEAD_ROOM,
  type Acceptor,
  type CloseReason,
  type DatagramListener,
  type DatagramPeer,
  type Deferred,
  type Listener,
  type Socket,
  type SocketHandler,
  type Transport,
} from '../transport/seam.js';
import type { Random } from '@spillway/testing/conformance';

/** Most bytes of one delivery. */
const MOST_PIECE = 64 * 1024;
const FILL = 0xee;

/** The other end of a connection of the engine: what it wrote, and what it will get. */
export class Peer {
  readonly received: Buffer[] = [];
  /** The engine has ended its direction. */
  ended = false;
  /** The engine has reset the connection. */
  reset = false;
  /** Bytes that are taken from the engine before it has to queue. */
  window = Infinity;

  constructor(readonly socket: MemorySocket) {}

  send(bytes: Buffer): void {
    if (bytes.length > 0) this.socket.inbox.push(bytes);
  }

  end(): void {
    this.socket.inbox.push('end');
  }

  resetNow(): void {
    this.socket.lost('reset');
  }

  /** Takes more from the engine. */
  takes(bytes: number): void {
    this.window += bytes;
    this.socket.flush();
  }

  text(): string {
    if (this.received.length > 1) {
      const all = Buffer.concat(this.received);
      this.received.length = 0;
      this.received.push(all);
    }
    return this.received[0]?.toString('latin1') ?? '';
  }
}

/** The engine's end of a connection that exists in memory only. */
export class MemorySocket implements Socket {
  readonly stashed = 0;
  readonly errno = '';
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort = 1234;
  readonly localAddress = '192.0.2.2';
  readonly localPort = 80;
  handler!: SocketHandler;
  readonly peer: Peer;
  /** What is still to be reported, in order. */
  readonly inbox: (Buffer | 'open' | 'end')[] = [];
  private readonly outbox: Buffer[] = [];
  queued = 0;
  paused = false;
  private drainDue = false;
  private wantsEnd = false;
  private closing = false;
  private peerEnded = false;
  private over: CloseReason | null = null;
  done = false;

  constructor(private readonly transport: MemoryTransport) {
    this.peer = new Peer(this);
    transport.sockets.add(this);
  }

  write(data: Uint8Array, start: number, end: number): boolean {
    if (start < 0 || end < start || end > data.length)
      throw new RangeError(`write(${start}, ${end}) of ${data.length}`);
    if (this.over !== null || this.wantsEnd || end === start) return this.queued === 0;
    const bytes = Buffer.from(data.subarray(start, end));
    this.outbox.push(bytes);
    this.queued += bytes.length;
    this.flush();
    if (this.queued === 0) return true;
    this.drainDue = true;
    return false;
  }

  /** Gives the peer what it takes. */
  flush(): void {
    const { peer, outbox } = this;
    if (this.over !== null) return;
    while (outbox.length > 0 && peer.window > 0) {
      const bytes = outbox[0]!;
      const n = Math.min(bytes.length, peer.window);
      peer.received.push(bytes.subarray(0, n));
      peer.window -= n;
      this.queued -= n;
      if (n === bytes.length) outbox.shift();
      else outbox[0] = bytes.subarray(n);
    }
    if (this.queued === 0 && this.wantsEnd && !peer.ended) {
      peer.ended = true;
      if (this.closing || this.peerEnded) this.over ??= 'end';
    }
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  shutdown(): void {
    this.wantsEnd = true;
    this.flush();
  }

  close(): void {
    this.closing = true;
    this.inbox.length = 0;
    this.shutdown();
    if (this.peer.ended) this.over ??= 'end';
  }

  keepAlive(): void {}

  tune(): void {}

  transferred(): null {
    return null;
  }

  roundTrip(): number {
    return -1;
  }

  handOver(handler: SocketHandler): void {
    this.handler = handler;
  }

  reset(): void {
    if (this.over !== null) return;
    this.peer.reset = true;
    this.lost('local');
  }

  /** The connection is gone. */
  lost(reason: CloseReason): void {
    if (this.over !== null) return;
    this.over = reason;
    this.outbox.length = 0;
    this.queued = 0;
    this.inbox.length = 0;
  }

  /** Something can be reported now. */
  get ready(): boolean {
    if (this.done) return false;
    if (this.over !== null || (this.drainDue && this.queued === 0)) return true;
    return this.inbox.length > 0 && (!this.paused || this.inbox[0] === 'open');
  }

  /** Reports one thing. */
  deliver(random: Random): void {
    if (this.over !== null) {
      this.done = true;
      this.transport.sockets.delete(this);
      this.handler.onClose(this.over);
    } else if (this.drainDue && this.queued === 0) {
      this.drainDue = false;
      this.handler.onDrain();
    } else {
      const next = this.inbox.shift()!;
      if (next === 'open') this.handler.onOpen();
      else if (next === 'end') this.end();
      else this.data(next, random);
    }
  }

  private end(): void {
    this.peerEnded = true;
    this.handler.onEnd();
    if (this.peer.ended) this.over ??= 'end';
  }

  private data(bytes: Buffer, random: Random): void {
    const most = Math.min(bytes.length, MOST_PIECE);
    const n = random.chance(3) ? most : 1 + random.below(Math.min(most, random.chance(2) ? 4 : most));
    if (n < bytes.length) this.inbox.unshift(bytes.subarray(n));
    // Memory of its own, so that what is kept of it, or written outside of it, shows.
    const b = Buffer.alloc(HEAD_ROOM + n + 64, FILL);
    b.set(bytes.subarray(0, n), HEAD_ROOM);
    this.handler.onData(b, HEAD_ROOM, HEAD_ROOM + n);
    for (let i = HEAD_ROOM + n + 1; i < b.length; i++)
      if (b[i] !== FILL) throw new Error(`byte ${i - HEAD_ROOM - n} behind the data was written`);
    b.fill(FILL);
  }
}

/** A transport without a network: what happens next, and in which pieces, a seed decides. Time stands until moved. */
export class MemoryTransport implements Transport {
  mostSockets = Infinity;
  readonly name = 'memory';
  readonly sockets = new Set<MemorySocket>();
  private readonly deferred: Deferred[] = [];
  private readonly turn: Deferred[] = [];
  private readonly ticking = new Set<{ task: Deferred; milliseconds: number; next: number }>();
  private readonly acceptors = new Map<number, Acceptor>();
  private time = 1000;
  /** Takes the connections that the engine opens; null refuses. */
  origin: ((peer: Peer) => boolean) | null = null;

  listen(address: string, port: number, acceptor: Acceptor): Promise<Listener> {
    this.acceptors.set(port, acceptor);
    return Promise.resolve({
      address,
      port,
      tune: () => undefined,
      close: () => void this.acceptors.delete(port),
    });
  }

  /** A client connects. */
  client(port: number): Peer | null {
    const socket = new MemorySocket(this);
    const handler = this.acceptors.get(port)?.accept(socket) ?? null;
    if (handler === null) {
      this.sockets.delete(socket);
      return null;
    }
    socket.handler = handler;
    return socket.peer;
  }

  connect(_address: string, _port: number, handler: SocketHandler): Socket {
    const socket = new MemorySocket(this);
    socket.handler = handler;
    socket.inbox.push('open');
    if (this.origin?.(socket.peer) !== true) socket.lost('refused');
    return socket;
  }

  listenDatagrams(): Promise<DatagramListener> {
    return Promise.reject(new Error('no datagrams here'));
  }

  connectDatagrams(): DatagramPeer {
    throw new Error('no datagrams here');
  }

  now(): number {
    return this.time;
  }

  defer(task: Deferred): void {
    this.deferred.push(task);
  }

  afterTurn(task: Deferred): void {
    this.turn.push(task);
  }

  every(milliseconds: number, task: Deferred): () => void {
    const entry = { task, milliseconds, next: this.time + milliseconds };
    this.ticking.add(entry);
    return () => this.ticking.delete(entry);
  }

  queuedBytes(): number {
    let sum = 0;
    for (const socket of this.sockets) sum += socket.queued;
    return sum;
  }

  openSockets(): number {
    return [...this.sockets].length;
  }

  /** Reports one thing of a socket that has something; false when none has. */
  step(random: Random): boolean {
    const ready = [...this.sockets].filter((s) => s.ready);
    if (this.turn.length > 0 && (ready.length === 0 || random.chance(3))) {
      for (const task of this.turn.splice(0)) task.run();
      this.runDeferred();
      return true;
    }
    if (ready.length === 0) return false;
    random.pick(ready).deliver(random);
    this.runDeferred();
    return true;
  }

  /** Lets time pass. */
  advance(milliseconds: number): void {
    const until = this.time + milliseconds;
    while (this.time < until) {
      this.time += 100;
      for (const entry of this.ticking)
        if (this.time >= entry.next) {
          entry.next += entry.milliseconds;
          entry.task.run();
          this.runDeferred();
        }
    }
  }

  private runDeferred(): void {
    for (let task = this.deferred.shift(); task !== undefined; task = this.deferred.shift()) task.run();
  }
}
