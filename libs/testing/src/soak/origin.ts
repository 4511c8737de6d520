import net from 'node:net';
import { endOfMessage } from '../conformance/framing.js';
import type { Random } from '../random.js';
import { bodyOf, sumOf } from './body.js';

/** Requests with this field are answered well, but for connections that are given up while idle. */
export const CLEAN = 'X-Clean: 1\r\n';

/**
 * An origin of many moods: it answers `/echo/<id>/<length>` with the body of that id, by length, chunked, to the end
 * of the connection, and now and then badly: cut short, reset, malformed, late or not at all.
 */
export class MoodyOrigin {
  port = 0;
  readonly #sockets = new Set<net.Socket>();
  /** Connections whose last request was a clean one. */
  readonly #clean = new WeakSet<net.Socket>();
  #server: net.Server | null = null;

  constructor(private readonly random: Random) {}

  async start(): Promise<void> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.port = (server.address() as net.AddressInfo).port;
    this.#server = server;
  }

  /**
   * As a process that dies: listens no more, and its connections are reset. Only what it owes to clean requests is sent
   * before the end: no proxy could make up for that.
   */
  kill(): void {
    this.#server?.close();
    this.#server = null;
    for (const socket of this.#sockets)
      if (this.#clean.has(socket)) socket.end();
      else socket.resetAndDestroy();
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('end', () => socket.end());
    socket.setEncoding('latin1');
    let text = '';
    let greeted = false;
    socket.on('data', (data: string) => {
      text += data;
      for (;;) {
        const { head, end } = endOfMessage(text, 0);
        if (head < 0) return;
        if (!greeted && /\r\nexpect: 100-continue\r\n/i.test(text.slice(0, head)))
          socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        greeted = true;
        if (end < 0) return;
        greeted = false;
        this.#answer(socket, text.slice(0, head), text.slice(head, end));
        text = text.slice(end);
      }
    });
  }

  #answer(socket: net.Socket, head: string, upload: string): void {
    const [, , id, length] = (head.split(' ')[1] ?? '').split('/');
    const body = bodyOf(Number(id), Number(length));
    if (head.includes(CLEAN)) this.#clean.add(socket);
    else this.#clean.delete(socket);
    const mood = head.includes(CLEAN) ? 99 : this.random.below(40);
    if (mood === 0) socket.destroy();
    else if (mood === 1) socket.resetAndDestroy();
    else if (mood === 2) socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length + 10}\r\n\r\nshort`);
    else if (mood === 3)
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n');
    else if (mood === 4)
      setTimeout(() => this.#answerWell(socket, head, upload, body), this.random.below(300));
    else if (mood === 5) socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc`);
    else this.#answerWell(socket, head, upload, body);
  }

  #answerWell(socket: net.Socket, request: string, upload: string, body: string): void {
    if (socket.destroyed) return;
    const way = this.random.below(5);
    const sum = `X-Sum: ${sumOf(upload)}\r\n`;
    const send = (text: string): void => void socket.write(Buffer.from(text, 'latin1'));
    if (request.startsWith('HEAD ')) {
      send(`HTTP/1.1 200 OK\r\n${sum}Content-Length: ${body.length}\r\n\r\n`);
      return;
    }
    if (way === 0) {
      send(`HTTP/1.0 200 OK\r\n${sum}\r\n`);
      socket.end(Buffer.from(body, 'latin1'));
      return;
    }
    if (way === 1) {
      send(`HTTP/1.1 200 OK\r\n${sum}Transfer-Encoding: chunked\r\n\r\n`);
      for (let at = 0; at < body.length;) {
        const piece = body.slice(at, at + 1 + this.random.below(5000));
        send(`${piece.length.toString(16)};x=1\r\n${piece}\r\n`);
        at += piece.length;
      }
      send('0\r\nX-Trailer: 1\r\n\r\n');
    } else {
      if (way === 2) send('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n');
      const close = way === 3 ? 'Connection: close\r\n' : '';
      send(`HTTP/1.1 200 OK\r\n${sum}Content-Length: ${body.length}\r\n${close}\r\n${body}`);
    }
    if (way === 3) socket.end();
    // A server that gives up an idle connection without a word.
    else if (this.random.below(10) === 0) setTimeout(() => socket.destroy(), this.random.below(20));
  }
}
