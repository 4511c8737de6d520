import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';

/** More than this in one line is not one of our messages. */
const LINE_LIMIT = 256 * 1024 * 1024;

/** Sends and receives one JSON value a line. */
export class LineSocket {
  onMessage: ((value: unknown) => void) | null = null;
  onClose: (() => void) | null = null;
  readonly #decoder = new StringDecoder('utf8');
  #parts: string[] = [];
  #length = 0;

  constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.#take(this.#decoder.write(chunk)));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.onClose?.());
  }

  send(value: unknown): void {
    if (!this.socket.destroyed) this.socket.write(`${JSON.stringify(value)}\n`);
  }

  close(): void {
    this.socket.destroy();
  }

  #take(text: string): void {
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#parts.push(text.slice(from, end));
      const line = this.#parts.join('');
      this.#parts = [];
      this.#length = 0;
      from = end + 1;
      if (!this.#deliver(line)) return;
    }
    const rest = text.slice(from);
    if (rest === '') return;
    this.#parts.push(rest);
    this.#length += rest.length;
    if (this.#length > LINE_LIMIT) this.socket.destroy();
  }

  #deliver(line: string): boolean {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      this.socket.destroy();
      return false;
    }
    this.onMessage?.(value);
    return !this.socket.destroyed;
  }
}
