import net from 'node:net';

const WAIT_MS = 10_000;

/** A client on a plain socket that sends what it is given, one byte per character, and keeps what comes. */
export class Client {
  text = '';
  ended = false;
  closed = false;
  error: string | null = null;
  /** Why whoever uses it has given up. */
  failure: string | null = null;
  readonly #socket: net.Socket;

  constructor(port: number) {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (data: string) => (this.text += data));
    socket.on('end', () => (this.ended = true));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error ??= error.code ?? error.message));
    socket.on('close', () => (this.closed = true));
  }

  async opened(): Promise<void> {
    await until(
      () => !this.#socket.connecting || this.closed,
      () => 'no connection to the proxy',
    );
    if (this.error !== null) throw new Error(`no connection to the proxy: ${this.error}`);
  }

  send(text: string): void {
    if (!this.#socket.destroyed) this.#socket.write(Buffer.from(text, 'latin1'));
  }

  end(): void {
    this.#socket.end();
  }

  fail(why: string): void {
    this.failure = why;
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Waits until `probe` is true. @throws what `what` says, after ten seconds */
export async function until(probe: () => boolean, what: () => string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!probe()) {
    if (performance.now() > deadline) throw new Error(what());
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
}
