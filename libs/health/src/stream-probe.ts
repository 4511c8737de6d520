import net from 'node:net';
import tls from 'node:tls';
import { isArpUnresolved } from './arp.js';
import type { Dialogue } from './dialogue.js';
import { failureOf, redact, type CheckResult } from './result.js';
import type { Target } from './target.js';

export interface StreamOptions {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** End with a reset as soon as the server is reached (half-open). */
  readonly halfOpen?: boolean;
  /** Over TLS, with this name; empty: none is sent. Any certificate is accepted. */
  readonly tls?: { readonly serverName: string };
}

/** After the verdict a server may still be sending: so long it may go on, then the connection is dropped. */
const LINGER = 500;
const RECEIVED_LIMIT = 65_536;

/** Holds a dialogue with a server over TCP, or TLS over TCP. */
export function streamProbe(
  dialogue: Dialogue,
  target: Target,
  options: StreamOptions,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    new StreamProbe(dialogue, target, options, resolve).start();
  });
}

class StreamProbe {
  private readonly raw: net.Socket;
  private socket: net.Socket;
  private connected = false;
  private received = '';
  private done = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dialogue: Dialogue,
    private readonly target: Target,
    private readonly options: StreamOptions,
    private readonly resolve: (result: CheckResult) => void,
  ) {
    this.raw = net.connect({ host: target.address, port: target.port, allowHalfOpen: false });
    this.socket = this.raw;
  }

  start(): void {
    const { timeout } = this.options;
    this.timer = setTimeout(() => {
      this.finish(
        this.connected
          ? { ok: false, code: 'NO_RESPONSE', text: `no answer within ${timeout} ms` }
          : { ok: false, code: 'CONNECTION_TIMEOUT', text: `no connection within ${timeout} ms` },
      );
    }, timeout);
    this.raw.once('connect', () => this.reached());
    this.watch(this.raw);
  }

  private reached(): void {
    this.connected = true;
    if (isSelfConnection(this.raw)) {
      this.finish({ ok: false, code: 'CONNECTION_REFUSED', text: 'nobody listens there' });
      return;
    }
    if (this.options.tls === undefined) {
      this.speak();
      return;
    }
    const { serverName } = this.options.tls;
    const secure = tls.connect({
      socket: this.raw,
      rejectUnauthorized: false,
      ...(serverName === '' ? {} : { servername: serverName }),
    });
    secure.once('secureConnect', () => this.speak());
    this.raw.removeAllListeners('data');
    this.socket = secure;
    this.watch(secure);
  }

  private speak(): void {
    const { request } = this.dialogue;
    const early = this.dialogue.judge('', false);
    if (request === '') {
      if (early !== undefined) this.finish(early);
    } else this.socket.write(Buffer.from(request, 'latin1'), () => early !== undefined && this.finish(early));
  }

  private watch(socket: net.Socket): void {
    const closed = (): void => {
      const result = this.connected ? this.dialogue.judge(this.received, true) : undefined;
      this.finish(
        this.received === '' && this.dialogue.request !== '' && result?.ok === true
          ? { ok: false, code: 'NO_RESPONSE', text: 'the server closed the connection' }
          : (result ?? { ok: false, code: 'NO_RESPONSE', text: 'the server closed the connection' }),
      );
    };
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.once('end', closed);
    socket.once('error', (error) => this.finish(this.failure(error)));
    socket.once('close', closed);
  }

  private take(chunk: Buffer): void {
    if (this.done || (this.options.tls !== undefined && this.socket === this.raw)) return;
    if (this.received.length < RECEIVED_LIMIT) this.received += chunk.toString('latin1');
    const result = this.dialogue.judge(this.received, this.received.length >= RECEIVED_LIMIT);
    if (result !== undefined) this.finish(result);
  }

  private failure(error: Error): CheckResult {
    if (this.connected && this.options.tls !== undefined && !isSystemError(error))
      return { ok: false, code: 'TLS_HANDSHAKE_FAILED', text: error.message };
    const failure = failureOf(error);
    // Bun calls every connection refused that did not come to be.
    const unreached = failure.code === 'SERVER_UNREACHABLE' || failure.code === 'CONNECTION_REFUSED';
    if (unreached && !this.connected && isArpUnresolved(this.target.address))
      return {
        ok: false,
        code: 'ARP_UNRESOLVED',
        text: `nobody answers for ${this.target.address} on the link`,
      };
    return { ok: false, ...failure };
  }

  private finish(result: CheckResult): void {
    if (this.done) return;
    this.done = true;
    clearTimeout(this.timer);
    leave(this.socket, result, this.options.halfOpen === true);
    if (this.socket !== this.raw) this.raw.on('error', () => this.raw.destroy());
    const { request } = this.dialogue;
    this.resolve(
      request === '' && this.received === ''
        ? result
        : { ...result, exchange: { sent: redact(request), received: redact(this.received) } },
    );
  }
}

const isSystemError = (error: Error): boolean => 'syscall' in error || 'errno' in error;

/**
 * A connection to a free local port from the same port meets itself (simultaneous open): nobody listens there,
 * although it connects.
 */
const isSelfConnection = (socket: net.Socket): boolean =>
  socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;

/** Ends politely where the server answered, so that its log shows no reset; at once where it did not. */
function leave(socket: net.Socket, result: CheckResult, halfOpen: boolean): void {
  socket.on('error', () => socket.destroy());
  if (halfOpen && !socket.connecting) {
    socket.resetAndDestroy();
    return;
  }
  if (!result.ok) {
    socket.destroy();
    return;
  }
  const linger = setTimeout(() => socket.destroy(), LINGER);
  linger.unref();
  socket.once('close', () => clearTimeout(linger));
  socket.resume();
  socket.end();
}
