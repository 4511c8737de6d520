import net from 'node:net';
import type { Answer } from './case.js';
import { OK } from './case.js';
import { endOfMessage } from './framing.js';

/** One connection that the origin has seen. */
export interface Seen {
  bytes: string;
  /** It ended with an error: a reset by the proxy. */
  reset: boolean;
  closed: boolean;
}

const DEFAULT: Answer = { onRequest: OK };

/** A request that the origin always answers with `OK`, whatever its script says. */
export const PROBE = 'GET /is-it-usable HTTP/1.1\r\nHost: probe\r\n\r\n';
const PROBE_LINE = PROBE.slice(0, PROBE.indexOf('\r\n'));

/** An origin on plain sockets that does what a case says and keeps every byte it got. */
export class ScriptedOrigin {
  readonly port: number;
  seen: Seen[] = [];
  #answers: readonly Answer[] = [];
  #requests = 0;
  /** Connections that are to be reset, once what was sent on them has arrived. */
  readonly #resets: net.Socket[] = [];
  #released = false;
  readonly #sockets = new Set<net.Socket>();

  private constructor(private readonly server: net.Server) {
    this.port = (server.address() as net.AddressInfo).port;
    server.on('connection', (socket: net.Socket) => this.#serve(socket));
  }

  static async start(): Promise<ScriptedOrigin> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new ScriptedOrigin(server);
  }

  /** Forgets what came; the next request gets the first of these answers. */
  script(answers: readonly (string | Answer)[]): void {
    this.#answers = answers.map((a) => (typeof a === 'string' ? { onRequest: a } : a));
    this.#requests = 0;
    this.#resets.length = 0;
    this.#released = false;
    this.seen = [];
  }

  /** Whoever had to has got what was sent: from now on resets need not wait, as they might overtake it. */
  releaseResets(): void {
    this.#released = true;
    for (const socket of this.#resets.splice(0)) socket.resetAndDestroy();
  }

  /** What came on each connection, without the probe. */
  received(): string[] {
    return this.seen
      .map(({ bytes }) => (bytes.includes(PROBE_LINE) ? bytes.slice(0, bytes.indexOf(PROBE_LINE)) : bytes))
      .filter((bytes) => bytes !== '');
  }

  /** Ends every connection in order; the proxy has noticed when this is done. */
  endAll(): void {
    for (const socket of this.#sockets) socket.end();
  }

  /** Resets what is left. */
  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  get open(): number {
    return this.#sockets.size;
  }

  stop(): void {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #answer(): Answer {
    return this.#answers[Math.min(this.#requests, this.#answers.length - 1)] ?? DEFAULT;
  }

  #serve(socket: net.Socket): void {
    const seen: Seen = { bytes: '', reset: false, closed: false };
    this.seen.push(seen);
    this.#sockets.add(socket);
    socket.on('error', () => (seen.reset = true));
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      seen.closed = true;
      this.#sockets.delete(socket);
    });
    const { onAccept } = this.#answer();
    if (onAccept !== undefined) socket.write(Buffer.from(onAccept, 'latin1'));
    let from = 0;
    let answeredHead = false;
    /** Up to where `onText` has been looked for. */
    let heard = 0;
    /** After 101 there are no requests any more. */
    let tunnel = false;
    socket.setEncoding('latin1');
    socket.on('data', (data: string) => {
      seen.bytes += data;
      const { onText } = this.#answer();
      if (onText !== undefined)
        for (
          let at = seen.bytes.indexOf(onText[0], heard);
          at >= 0;
          at = seen.bytes.indexOf(onText[0], heard)
        ) {
          heard = at + onText[0].length;
          write(socket, onText[1], false);
        }
      while (!tunnel) {
        const { head, end } = endOfMessage(seen.bytes, from);
        if (head < 0) return;
        const probe = seen.bytes.startsWith(PROBE_LINE, from);
        const answer = probe ? DEFAULT : this.#answer();
        if (!answeredHead && answer.onHead !== undefined) write(socket, answer.onHead, false);
        answeredHead = true;
        tunnel = / 101 /.test(answer.onHead ?? '');
        if (tunnel) return;
        if (end < 0) return;
        if (!probe) this.#requests++;
        from = end;
        answeredHead = false;
        if (answer.onRequest !== undefined) write(socket, answer.onRequest, answer.bytewise === true);
        if (answer.after === 'end') socket.end();
        else if (answer.after === 'reset') this.#resets.push(socket);
        if (this.#released) this.releaseResets();
      }
    });
  }
}

function write(socket: net.Socket, text: string, bytewise: boolean): void {
  const bytes = Buffer.from(text, 'latin1');
  if (!bytewise) {
    socket.write(bytes);
    return;
  }
  let i = 0;
  const next = (): void => {
    if (i >= bytes.length || socket.destroyed) return;
    socket.write(bytes.subarray(i, ++i), () => setImmediate(next));
  };
  next();
}
