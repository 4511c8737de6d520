import type { CloseReason, Socket, SocketHandler } from '@spillway/proxy';
import { isArpUnresolved } from './arp.js';
import type { Dialogue } from './dialogue.js';
import type { Probe, ProbeMeans } from './probe.js';
import { failureOfConnection, type CheckResult, type Failure } from './result.js';
import type { Target } from './target.js';
import type { TlsLease } from './tls-contexts.js';
import { Timed } from './wheel.js';

export interface StreamOptions {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** What is said in the check that begins. */
  readonly dialogue: () => Dialogue;
  /** End with a reset as soon as the server is reached (half-open). */
  readonly halfOpen?: boolean;
  /** Over TLS, asking for this name; empty: for none. */
  readonly tls?: { readonly lease: TlsLease; readonly name: string } | null;
}

/** After the verdict a server may still be sending: so long it may go on, then the connection is dropped. */
const LINGER = 500;
const RECEIVED_LIMIT = 65_536;

/**
 * Holds a dialogue with a server over TCP, or TLS over TCP, in a new connection for each check. One object serves all
 * checks of a server; what the last one has left open is let go when the next one begins.
 */
export class StreamProbe extends Timed implements Probe, SocketHandler {
  private socket: Socket | null = null;
  private state: 'idle' | 'connecting' | 'talking' | 'leaving' = 'idle';
  private dialogue: Dialogue = NOTHING;
  private request = EMPTY;
  private requestOf: Dialogue = NOTHING;
  private sent = '';
  private received = '';
  private done: ((result: CheckResult) => void) | null = null;

  constructor(
    private readonly means: ProbeMeans,
    private readonly target: Target,
    private readonly options: StreamOptions,
  ) {
    super();
  }

  start(done: (result: CheckResult) => void): void {
    this.letGo();
    const { transport, wheel } = this.means;
    const { tls, timeout, dialogue } = this.options;
    const { address, port } = this.target;
    this.dialogue = dialogue();
    this.sent = '';
    this.received = '';
    this.done = done;
    this.state = 'connecting';
    wheel.set(this, timeout);
    this.socket = tls
      ? tls.lease.context.connect(transport, address, port, '', tls.name, this)
      : transport.connect(address, port, this);
  }

  abandon(): void {
    this.done = null;
    this.letGo();
    this.options.tls?.lease.release();
  }

  // What the socket says

  onOpen(): void {
    if (this.state !== 'connecting') return;
    this.state = 'talking';
    const socket = this.socket!;
    if (isSelfConnection(socket, this.target.port)) {
      this.finish(NOBODY_LISTENS);
      return;
    }
    const early = this.dialogue.judge('', false);
    const { request } = this.dialogue;
    if (request !== '') {
      if (this.requestOf !== this.dialogue) this.request = Buffer.from(request, 'latin1');
      this.requestOf = this.dialogue;
      socket.write(this.request, 0, this.request.length);
      this.sent = request;
    }
    if (early !== undefined) this.finish(early);
  }

  onData(data: Uint8Array, start: number, end: number): void {
    if (this.state !== 'talking') return;
    const chunk = (data as Buffer).toString('latin1', start, end);
    if (this.received.length < RECEIVED_LIMIT)
      this.received = this.received === '' ? chunk : this.received + chunk;
    const result = this.dialogue.judge(this.received, this.received.length >= RECEIVED_LIMIT);
    if (result !== undefined) this.finish(result);
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.state === 'leaving') this.socket?.close();
    else if (this.state === 'talking') this.finish(this.atEnd());
  }

  onClose(reason: CloseReason): void {
    const { state, socket } = this;
    this.socket = null;
    if (state === 'leaving') {
      this.means.wheel.clear(this);
      this.state = 'idle';
    } else if (state !== 'idle') this.finish(this.closed(reason, socket));
  }

  /** Time is up: for the answer, or for the server to end. */
  expired(): void {
    const { timeout } = this.options;
    if (this.state === 'leaving') this.letGo('close');
    else if (this.state === 'connecting')
      this.finish({ ok: false, code: 'CONNECTION_TIMEOUT', text: `no connection within ${timeout} ms` });
    else if (this.state === 'talking') this.finish(this.late());
  }

  // Verdicts

  /** The server has ended in order, before it had said enough. */
  private atEnd(): CheckResult {
    const result = this.dialogue.judge(this.received, true);
    const silent = this.received === '' && this.dialogue.request !== '';
    return result === undefined || (silent && result.ok) ? CLOSED : result;
  }

  /** What has come in time may say enough of what is wrong. */
  private late(): Failure {
    const { timeout } = this.options;
    if (this.received === '')
      return { ok: false, code: 'NO_RESPONSE', text: `no answer within ${timeout} ms` };
    const result = this.dialogue.judge(this.received, true);
    return result?.ok === false && result.code.endsWith('_MISMATCH')
      ? result
      : { ok: false, code: 'PAYLOAD_TIMEOUT', text: `no whole answer within ${timeout} ms` };
  }

  private closed(reason: CloseReason, socket: Socket | null): CheckResult {
    if (reason === 'tls') return tlsFailure(socket);
    if (reason === 'end') return this.state === 'talking' ? this.atEnd() : CLOSED;
    const failure = failureOfConnection(reason, socket?.errno ?? '', this.target);
    // Some runtimes call every connection refused that did not come to be.
    const unreached = failure.code === 'SERVER_UNREACHABLE' || failure.code === 'CONNECTION_REFUSED';
    if (unreached && this.state === 'connecting' && isArpUnresolved(this.target.address))
      return {
        ok: false,
        code: 'ARP_UNRESOLVED',
        text: `nobody answers for ${this.target.address} on the link`,
      };
    return failure;
  }

  private finish(result: CheckResult): void {
    const { done, socket } = this;
    this.done = null;
    this.leave(result, socket);
    const { sent, received } = this;
    done?.(sent === '' && received === '' ? result : { ...result, exchange: { sent, received } });
  }

  /** Ends politely where the server answered, so that its log shows no reset; at once where it did not. */
  private leave(result: CheckResult, socket: Socket | null): void {
    const { wheel } = this.means;
    if (socket === null || !result.ok || this.options.halfOpen === true) {
      this.letGo();
      return;
    }
    this.state = 'leaving';
    wheel.set(this, LINGER);
    // A server that was told to close does so first, and keeps the address pair that has to wait.
    if (this.dialogue.serverEnds !== true) socket.shutdown();
  }

  private letGo(how: 'close' | 'reset' = 'reset'): void {
    const { socket } = this;
    this.means.wheel.clear(this);
    this.socket = null;
    this.state = 'idle';
    if (socket === null) return;
    socket.handOver(NOBODY);
    socket[how]();
  }
}

const EMPTY = Buffer.alloc(0);
const NOTHING: Dialogue = { request: '', judge: () => undefined };
const CLOSED: Failure = { ok: false, code: 'NO_RESPONSE', text: 'the server closed the connection' };
const NOBODY_LISTENS: Failure = { ok: false, code: 'CONNECTION_REFUSED', text: 'nobody listens there' };

/** What a socket that nobody cares for any more tells. */
const NOBODY: SocketHandler = {
  onOpen() {},
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
};

/** A handshake that failed, or a connection that was broken on the level of TLS. */
function tlsFailure(socket: Socket | null): Failure {
  const { certificateProblem = null, failure = null } = (socket ?? {}) as {
    certificateProblem?: { code: string; text: string } | null;
    failure?: string | null;
  };
  if (certificateProblem === null)
    return { ok: false, code: 'SSL_ERROR', text: failure ?? 'the handshake failed' };
  return {
    ok: false,
    code: 'SSL_CERT_ERROR',
    text: certificateProblem.text,
    sslCode: certificateProblem.code,
  };
}

/** Ports from here on may be given to outgoing connections. */
const FIRST_DYNAMIC = 1024;

/**
 * A connection to a free local port from the same port meets itself (simultaneous open): nobody listens there,
 * although it connects.
 */
const isSelfConnection = (socket: Socket, port: number): boolean =>
  port >= FIRST_DYNAMIC && socket.localPort === port && socket.localAddress === socket.remoteAddress;
