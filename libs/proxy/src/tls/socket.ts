import { copyInto, copyOf } from '../bytes.js';
import {
  HEAD_ROOM,
  MOST_DATA,
  type CloseReason,
  type Deferred,
  type Socket,
  type SocketHandler,
  type SocketOptions,
  type Transport,
  type Transferred,
} from '../transport/seam.js';
import { answerWith } from './callbacks.js';
import { certificateProblem, type CertificateProblem } from './certificate-problem.js';
import type { Pointer } from './ffi.js';
import type { Wire } from './wire.js';

/** Answers of SSL_get_error. */
const WANT_READ = 2;
const ZERO_RETURN = 6;
/** SSL_SENT_SHUTDOWN and SSL_RECEIVED_SHUTDOWN. */
const BOTH_SHUT_DOWN = 3;

/**
 * Ciphertext that may come without bringing a byte for the application (key updates, empty records), before the
 * connection is given up: each costs the receiver far more than the sender.
 */
const MOST_BARREN = 64 * 1024;

/** Takes sessions over, to be freed by it. */
export interface SessionKeeper {
  keep(session: Pointer): void;
}

/**
 * TLS over the socket below. Upwards it is a Socket that keeps the contract of the seam, downwards it handles the
 * callbacks of `raw`. `onOpen` is called when the handshake is over, for both roles; a handshake that fails, and a
 * connection that the peer breaks on the level of TLS, ends with the reason `tls`.
 *
 * FIN and close_notify go together both ways. From a server a FIN without close_notify is a reset, since what came
 * may be cut short (RFC 8446 section 6.1); clients leave close_notify out so often that theirs is an end.
 */
export class TlsSocket implements Socket, SocketHandler, Deferred {
  private raw!: Socket;
  open = false;
  /** The application protocol for the client (server role); null when it can none of ours. */
  protocol: string | null = null;
  /** Why it is over on the level of TLS; null while it is not. */
  failure: string | null = null;
  /** What is wrong with the server's certificate (client role); null while nothing was found. */
  certificateProblem: CertificateProblem | null = null;
  /** The names that the server's certificate must be for, for messages; empty without such a check. */
  expects = '';
  private paused = false;
  /** Decrypted in a pause. */
  private stash: Uint8Array | null = null;
  /** Written before the handshake was over. */
  private early: Uint8Array[] = [];
  private earlyBytes = 0;
  /** A write has returned false, and `onDrain` has not been called since. */
  private waiting = false;
  private peerEnded = false;
  private endTold = false;
  private ending: 'no' | 'shutdown' | 'close' = 'no';
  private over = false;
  private reason: CloseReason | null = null;
  private barren = 0;
  private scheduled = false;
  private freed = false;

  /**
   * @param ssl a connection of the library, its role set; this socket frees it
   */
  constructor(
    private readonly transport: Transport,
    readonly wire: Wire,
    readonly ssl: Pointer,
    private readonly role: 'client' | 'server',
    private handler: SocketHandler,
    private readonly closeNotify: boolean,
    /** Keeps what the next connection to the same server can resume; null where nobody does. */
    private readonly sessions: SessionKeeper | null = null,
  ) {
    wire.attach(ssl);
  }

  /** The socket below; call it once, before anything else. */
  on(raw: Socket): this {
    this.raw = raw;
    return this;
  }

  get remoteAddress(): string {
    return this.raw.remoteAddress;
  }
  get remotePort(): number {
    return this.raw.remotePort;
  }
  get localAddress(): string {
    return this.raw.localAddress;
  }
  get localPort(): number {
    return this.raw.localPort;
  }
  get errno(): string {
    return this.raw.errno;
  }
  get stashed(): number {
    return (this.stash?.length ?? 0) + this.raw.stashed;
  }

  get queued(): number {
    return this.earlyBytes + this.raw.queued;
  }

  // What the owner does

  write(data: Uint8Array, start: number, end: number): boolean {
    if (this.over || this.ending !== 'no') return true;
    if (!this.open) {
      if (end > start) {
        this.early.push(copyOf(data, start, end));
        this.earlyBytes += end - start;
      }
      this.waiting = true;
      return false;
    }
    if (end <= start) return !this.waiting;
    const taken = this.encrypt(data, start, end);
    if (!taken) this.waiting = true;
    return taken;
  }

  pause(): void {
    if (this.paused || this.over) return;
    this.paused = true;
    // A handshake goes on in a pause; its bytes are not the owner's.
    if (this.open) this.raw.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.over) return;
    if (this.stash !== null || (this.peerEnded && !this.endTold)) this.schedule();
    if (this.stash === null) this.raw.resume();
  }

  shutdown(): void {
    if (this.over || this.ending !== 'no') return;
    this.ending = 'shutdown';
    if (this.open) this.finish();
  }

  close(): void {
    if (this.over || this.ending === 'close') return;
    const was = this.ending;
    this.ending = 'close';
    this.stash = null;
    if (this.open && was === 'no') this.sayGoodbye();
    this.raw.close();
  }

  keepAlive(milliseconds: number): void {
    this.raw.keepAlive(milliseconds);
  }

  tune(options: SocketOptions): void {
    this.raw.tune(options);
  }

  transferred(): Transferred | null {
    return this.raw.transferred();
  }

  roundTrip(): number {
    return this.raw.roundTrip();
  }

  handOver(handler: SocketHandler): void {
    this.handler = handler;
  }

  reset(): void {
    if (this.over) return;
    this.over = true;
    this.reason ??= 'local';
    this.forget();
    this.raw.reset();
  }

  /** Work put off until no call of the owner is under way. */
  run(): void {
    this.scheduled = false;
    if (this.over || this.paused || this.ending === 'close') return;
    const { stash } = this;
    if (stash !== null) {
      this.stash = null;
      this.handStash(stash);
    }
    if (this.over || this.paused || this.stash !== null) return;
    this.raw.resume();
    this.tellEnd();
  }

  // What the socket below says

  /** An outgoing connection is up: the handshake begins. */
  onOpen(): void {
    if (!this.over) this.step();
  }

  onData(data: Uint8Array, start: number, end: number): void {
    if (this.over || this.ending === 'close') return;
    this.barren += end - start;
    this.wire.feed(data, start, end);
    if (this.open) this.deliver(this.decrypt());
    else this.step();
  }

  onDrain(): void {
    if (!this.waiting || this.earlyBytes > 0 || this.over) return;
    this.waiting = false;
    this.handler.onDrain();
  }

  onEnd(): void {
    if (this.over || this.ending === 'close') return;
    if (!this.open) this.fail('the peer has closed the connection in the handshake');
    else if (this.peerEnded) this.tellEnd();
    else if (this.role === 'server') {
      this.peerEnded = true;
      this.tellEnd();
    } else {
      this.reason = 'reset';
      this.failure = 'the server has ended its side without close_notify';
      this.over = true;
      this.forget();
      this.raw.reset();
    }
  }

  onClose(reason: CloseReason): void {
    this.over = true;
    this.forget();
    if (!this.freed) {
      this.freed = true;
      // Else the library would take a session for broken that ended without close_notify.
      if (this.sessions !== null) this.wire.lib.SSL_set_shutdown(this.ssl, BOTH_SHUT_DOWN);
      this.wire.lib.SSL_free(this.ssl);
    }
    const { handler } = this;
    this.handler = NOBODY;
    handler.onClose(this.reason ?? reason);
  }

  // The library's turn

  /** One step of the handshake. */
  private step(): void {
    const { lib } = this.wire;
    answerWith(this.protocol);
    const done = lib.SSL_do_handshake(this.ssl);
    if (done !== 1) {
      const error = lib.SSL_get_error(this.ssl, done);
      this.flush();
      if (error !== WANT_READ) {
        if (this.role === 'client')
          this.certificateProblem = certificateProblem(this.wire, this.ssl, this.expects);
        const says = this.wire.failure();
        this.fail(this.certificateProblem?.text ?? says);
      }
      return;
    }
    this.open = true;
    const filled = this.decrypt(); // before anybody else's turn
    if (this.paused) this.raw.pause();
    this.handler.onOpen();
    if (this.over) return;
    this.sendEarly();
    this.deliver(filled);
  }

  private deliver(filled: number): void {
    if (filled > 0) {
      if (this.sessions !== null) this.keepSession(this.sessions);
      this.hand(this.wire.plain, HEAD_ROOM, HEAD_ROOM + filled);
    }
    if (this.over) return;
    if (this.failure !== null) this.breakOff();
    else this.tellEnd();
  }

  /** Reads all that has come into `wire.plain`, and sends what the library answers by itself. */
  private decrypt(): number {
    const { wire, ssl } = this;
    let filled = 0;
    for (;;) {
      const n = wire.read(ssl, filled);
      if (n <= 0) {
        const error = wire.lib.SSL_get_error(ssl, n);
        if (error === ZERO_RETURN) this.peerEnded = true;
        else if (error !== WANT_READ) this.failure = wire.failure();
        if (error !== WANT_READ) wire.dropReceived();
        break;
      }
      filled += n;
      if (!wire.more(ssl)) break;
    }
    if (filled > 0) this.barren = 0;
    else if (this.barren > MOST_BARREN && this.failure === null)
      this.failure = 'too much without application data';
    this.flush();
    return filled;
  }

  private flush(): void {
    const n = this.wire.taken();
    if (n > 0) this.raw.write(this.wire.out, 0, n);
  }

  private encrypt(data: Uint8Array, start: number, end: number): boolean {
    const { wire } = this;
    let taken = true;
    for (let at = start; at < end;) {
      const n = wire.write(this.ssl, data, at, end);
      if (n <= 0) {
        this.failure = wire.failure();
        this.schedule();
        return true;
      }
      at += n;
      taken = this.raw.write(wire.out, 0, wire.taken());
    }
    return taken;
  }

  private sendEarly(): void {
    const { early } = this;
    let taken = true;
    for (const piece of early) taken = this.encrypt(piece, 0, piece.length);
    const had = early.length > 0;
    this.early = [];
    this.earlyBytes = 0;
    if (this.ending !== 'no') {
      this.finish();
      return;
    }
    if (had && taken) this.onDrain();
  }

  // Upwards

  /** Gives decrypted bytes to the owner, or keeps them in a pause. `data` has HEAD_ROOM in front of `start`. */
  private hand(data: Uint8Array, start: number, end: number): void {
    if (this.stash !== null) {
      this.stash = Buffer.concat([this.stash, data.subarray(start, end)]);
      return;
    }
    for (let from = start; from < end;) {
      if (this.over || this.ending === 'close') return;
      if (this.paused) {
        this.stash = copyOf(data, from, end);
        return;
      }
      const to = Math.min(end, from + MOST_DATA);
      // The owner may write one byte at the end, which is the first one of the next piece.
      const next = data[to]!;
      this.handler.onData(data, from, to);
      data[to] = next;
      from = to;
    }
  }

  /** Kept bytes go through the common memory, so that they have room around them. */
  private handStash(stash: Uint8Array): void {
    const { plain } = this.wire;
    for (let from = 0; from < stash.length; from += MOST_DATA) {
      const to = Math.min(stash.length, from + MOST_DATA);
      copyInto(plain, HEAD_ROOM, stash, from, to);
      this.hand(plain, HEAD_ROOM, HEAD_ROOM + to - from);
    }
  }

  private keepSession(sessions: SessionKeeper): void {
    if (this.sessionKept) return;
    this.sessionKept = true;
    const session = this.wire.lib.SSL_get1_session(this.ssl);
    if (session) sessions.keep(session);
  }
  private sessionKept = false;

  private tellEnd(): void {
    if (!this.peerEnded || this.endTold || this.paused || this.stash !== null || this.over) return;
    if (this.ending === 'close') return;
    this.endTold = true;
    this.handler.onEnd();
  }

  // Ends

  /** Ends this direction. */
  private finish(): void {
    this.sayGoodbye();
    if (this.ending === 'close') this.raw.close();
    else this.raw.shutdown();
  }

  private sayGoodbye(): void {
    if (!this.closeNotify || this.failure !== null) return;
    this.wire.lib.SSL_shutdown(this.ssl);
    this.flush();
  }

  private fail(failure: string): void {
    this.failure ??= failure;
    this.wire.dropReceived();
    this.breakOff();
  }

  /** The peer gets the alert that the library has written, then the end. */
  private breakOff(): void {
    this.reason = 'tls';
    this.over = true;
    this.forget();
    this.raw.close();
  }

  private forget(): void {
    this.stash = null;
    this.early = [];
    this.earlyBytes = 0;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.transport.defer(this);
  }
}

/** Stands in after `onClose`. */
const NOBODY: SocketHandler = {
  onOpen() {},
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
};
