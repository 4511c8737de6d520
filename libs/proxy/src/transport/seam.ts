/**
 * The transport seam: all that the engines know about sockets. An implementation has to pass the suite in
 * conformance.program.ts.
 *
 * Rules that hold for every implementation:
 * - No callback of a handler is ever made from inside a call that the engine makes on the same transport; what such
 *   a call causes is reported afterwards.
 * - Callbacks of one socket come in this order: `onOpen` (outgoing only), then `onData`/`onDrain`/`onEnd`, then
 *   `onClose` exactly once, whoever ended the connection and however; nothing after that.
 * - Between `pause` and `resume` there is neither `onData` nor `onEnd`. A reset by the peer is reported all the same,
 *   except on `node:net`, which does not look at a paused socket.
 */

/** Bytes in front of received data that a handler may overwrite. */
export const HEAD_ROOM = 512;

/** Most bytes that one `onData` brings. */
export const MOST_DATA = 512 * 1024;

/** Connections that the kernel may queue in front of a listener. */
export const BACKLOG = 4096;

/** Why a connection is over. */
export type CloseReason =
  /** Both directions ended in order, or this side called `close`. */
  | 'end'
  /** The peer reset the connection, or the network lost it. */
  | 'reset'
  /** This side called `reset`. */
  | 'local'
  /** An outgoing connection was refused. */
  | 'refused'
  /** An outgoing connection could not be made for another reason (no route, no address, no descriptor). */
  | 'unreachable'
  /** TLS could not be established, or the peer has broken its rules (a layer over the seam: tls/socket.ts). */
  | 'tls';

export interface SocketHandler {
  /**
   * True while bytes are only passed on: `onData` may then bring them as they lie, without room around them, and they
   * must not be changed. Saves a copy of every large body.
   */
  readonly asItIs?: boolean;
  /** An outgoing connection is up. Addresses are known from here on. */
  onOpen(): void;
  /**
   * Received bytes are `data[start..end)`. They are valid during the call only and may be changed in place;
   * HEAD_ROOM bytes before `start` and one byte at `end` may be written too. All but the first not under `asItIs`.
   */
  onData(data: Uint8Array, start: number, end: number): void;
  /** All that a `write` had left behind has been given to the kernel. Only after a `write` that returned false. */
  onDrain(): void;
  /** The peer has ended its direction (FIN). This side may go on writing. */
  onEnd(): void;
  onClose(reason: CloseReason): void;
}

/** Bytes of one connection: received in order, and sent and acknowledged. */
export interface Transferred {
  readonly received: number;
  readonly sent: number;
}

/** What a network profile asks of a connection. What a transport has no way to do it leaves as it is (`node:net`: all but `nagle`). */
export interface SocketOptions {
  /** Small writes wait for the acknowledgement of earlier ones (RFC 896). */
  readonly nagle: boolean;
  /** Differentiated services code point of what is sent, 0 to 63 (RFC 2474). */
  readonly dscp: number;
  /** Longest segment that the peer is told to send, in bytes; 0: as the interface has it. Of listeners only. */
  readonly maxSegment: number;
}

export interface Socket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Bytes taken by `write` that the kernel has not taken yet. */
  readonly queued: number;
  /** What the system calls the failure of an outgoing connection that did not come to be (`EHOSTUNREACH`); else empty. */
  readonly errno: string;
  /** Bytes that were received and wait for `resume` in this process. */
  readonly stashed: number;
  /**
   * Takes the bytes before it returns (what the kernel does not take at once is copied and queued); they may leave
   * as late as when the sockets that are ready now have been served. False when something is queued: write no more
   * before `onDrain`, or memory grows. On a socket that is over or not yet open nothing is lost silently: bytes for
   * an opening socket are queued, bytes for a closed one are dropped and `onClose` tells.
   */
  write(data: Uint8Array, start: number, end: number): boolean;
  pause(): void;
  resume(): void;
  /** Ends this direction (FIN) after what is queued. Reading goes on. */
  shutdown(): void;
  /** Ends both directions after what is queued. Received data is dropped from now on. */
  close(): void;
  /** Sends TCP keep-alive probes after so many milliseconds of silence, so that a lost peer is noticed. */
  keepAlive(milliseconds: number): void;
  /** Of a socket that is open. */
  tune(options: SocketOptions): void;
  /** From now on callbacks go to `handler`; `onOpen` is not repeated. */
  handOver(handler: SocketHandler): void;
  /**
   * Microseconds that a round trip to the peer takes, as the kernel has measured it on this connection; -1 where that
   * is not to be had. A system call: not for every request.
   */
  roundTrip(): number;
  /** Bytes that the kernel has carried, where it counts them. A system call. */
  transferred(): Transferred | null;
  /** Drops what is queued and resets the connection (RST). */
  reset(): void;
}

/** Takes the connections of a listener. */
export interface Acceptor {
  /** The handler of a new connection; null refuses it with a reset. */
  accept(socket: Socket): SocketHandler | null;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** For connections that come from now on, but for `nagle`, which each connection has to be told of. */
  tune(options: SocketOptions): void;
  /** Takes no more connections; those that were accepted live on. */
  close(): void;
}

/** Most bytes of one datagram: what UDP over IPv4 can carry. */
export const MOST_DATAGRAM = 65_507;

/** Takes what comes to a datagram socket. Nothing here is called from inside a call that the engine makes. */
export interface DatagramHandler {
  /**
   * One datagram, `data[start..end)`, which may be empty. The bytes are valid during the call only and may be changed
   * in place. Address and port are the sender's.
   */
  onDatagram(data: Uint8Array, start: number, end: number, address: string, port: number): void;
  /**
   * The network or the peer refuses what was sent (ICMP), or a socket for one peer could not be made. `code` is that of
   * the system (`ECONNREFUSED`, `EHOSTUNREACH`, `EMFILE`, …). The socket goes on until it is closed.
   */
  onError(code: string): void;
}

/** A socket that takes datagrams of everybody. */
export interface DatagramListener {
  readonly address: string;
  readonly port: number;
  /** Sends one datagram. False when it could not be sent and is lost: no room, too long, or nobody to send it to. */
  send(data: Uint8Array, start: number, end: number, address: string, port: number): boolean;
  /** Nothing is received any more; what was received and not handed over is lost. */
  close(): void;
}

/** A socket for one peer, whose datagrams alone it takes. It can be sent to at once. */
export interface DatagramPeer {
  /** As `DatagramListener.send`. The refusal of an earlier datagram comes by `onError`. */
  send(data: Uint8Array, start: number, end: number): boolean;
  close(): void;
}

/** Work to be done when the current callback has returned. */
export interface Deferred {
  run(): void;
}

export interface Transport {
  /** Name for messages and metrics. */
  readonly name: string;
  /**
   * Listens on address:port (IPv4 or IPv6, never both at once) together with other sockets of the same user that do
   * so too (SO_REUSEPORT). Port 0 takes a free one.
   * @throws {BindError}
   */
  listen(address: string, port: number, acceptor: Acceptor): Promise<Listener>;
  /** Starts a connection; the outcome is `onOpen` or `onClose`. There is no time-out here. */
  connect(address: string, port: number, handler: SocketHandler): Socket;
  /**
   * Takes datagrams at address:port together with other sockets of the same user that do so too (SO_REUSEPORT): the
   * kernel gives all datagrams between the same two ends to the same socket while the number of sockets stays the
   * same. Port 0 takes a free one.
   * @throws {BindError}
   */
  listenDatagrams(address: string, port: number, handler: DatagramHandler): Promise<DatagramListener>;
  /** A socket of its own for the datagrams to and from one peer. Failure to make it comes by `onError`. */
  connectDatagrams(address: string, port: number, handler: DatagramHandler): DatagramPeer;
  /** Monotonic milliseconds, with a fraction; the same clock in every process of the machine. */
  now(): number;
  /** Runs `task` after the current callback, before the next one of any socket. */
  defer(task: Deferred): void;
  /**
   * Runs `task` once, when all sockets that were ready have been served, before the next wait for them: for writes
   * that are to leave together.
   */
  afterTurn(task: Deferred): void;
  /** Runs `task` every so many milliseconds until the returned function is called; keeps no process alive. */
  every(milliseconds: number, task: Deferred): () => void;
  /** Bytes queued in all sockets. */
  queuedBytes(): number;
  /** Sockets that hold a descriptor, or are about to. */
  openSockets(): number;
  /** With so many sockets open an outgoing connection is `unreachable` at once: descriptors are needed for more than sockets. */
  mostSockets: number;
}

const REMEDY: Record<string, string> = {
  EADDRINUSE: 'another program listens there; stop it or choose another port',
  EADDRNOTAVAIL: 'the address is not on this host; add it to an interface, `lo` for example',
  EACCES: 'ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE',
};

/** A listener could not be opened. `code` is that of the system. */
export class BindError extends Error {
  readonly status = 409;
  constructor(
    readonly code: string,
    readonly address: string,
    readonly port: number,
    because?: string,
  ) {
    const at = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    const remedy = because ?? REMEDY[code];
    super(`cannot listen on ${at}: ${code}${remedy === undefined ? '' : ` (${remedy})`}`);
    this.name = 'BindError';
  }
}
