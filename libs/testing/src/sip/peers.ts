import dgram from 'node:dgram';
import net from 'node:net';
import { eventually } from '../process/eventually.js';

/** A message of so many lines as routing needs. */
export const sipRequest = (method: string, callId: string, body = ''): string =>
  `${method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP here;rport;branch=z9hG4bK1\r\nCSeq: 1 ${method}\r\nCall-ID: ${callId}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

export const sipOk = (callId: string, from: string, status = 200): string =>
  `SIP/2.0 ${status} OK\r\nServer: ${from}\r\nCall-ID: ${callId}\r\nContent-Length: 0\r\n\r\n`;

const callIdOf = (text: string): string => /^Call-ID: (.*)\r$/m.exec(text)?.[1] ?? '';
const serverOf = (text: string): string => /^Server: (.*)\r$/m.exec(text)?.[1] ?? '';

/** A server for SIP over TCP and UDP on one port: answers every request with 200 and its name. */
export class SipOrigin {
  readonly got: string[] = [];
  readonly sockets = new Set<net.Socket>();
  /** Who has spoken by datagrams. */
  readonly peers = new Set<string>();
  connections = 0;
  /** Bytes of one write of an answer; 0 writes it whole. */
  pieces = 0;
  silent = false;
  /** Code of its answers. */
  status = 200;

  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly tcp: net.Server,
    readonly udp: dgram.Socket,
  ) {
    tcp.on('connection', (s) => this.accept(s));
    udp.on('message', (data, from) => {
      this.peers.add(`${from.port}`);
      const answer = this.take(data.toString('latin1'));
      if (answer !== '') udp.send(answer, from.port, from.address);
    });
  }

  static async start(name: string): Promise<SipOrigin> {
    const tcp = net.createServer();
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const { port } = tcp.address() as net.AddressInfo;
    const udp = dgram.createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
    return new SipOrigin(name, port, tcp, udp);
  }

  private accept(socket: net.Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    let text = '';
    socket.on('data', (d: Buffer) => {
      text += d.toString('latin1');
      for (let head = text.indexOf('\r\n\r\n'); head >= 0; head = text.indexOf('\r\n\r\n')) {
        const length = Number(/^Content-Length: (\d+)/m.exec(text)?.[1] ?? 0);
        if (text.length < head + 4 + length) return;
        const answer = this.take(text.slice(0, head + 4 + length));
        text = text.slice(head + 4 + length);
        if (this.pieces === 0) socket.write(answer);
        else
          for (let i = 0; i < answer.length; i += this.pieces) socket.write(answer.slice(i, i + this.pieces));
      }
    });
  }

  private take(text: string): string {
    this.got.push(`${text.split(' ')[0]} ${callIdOf(text)}`);
    return this.silent || text.startsWith('SIP/') ? '' : sipOk(callIdOf(text), this.name, this.status);
  }

  stop(): void {
    this.tcp.close();
    this.udp.close();
    for (const s of this.sockets) s.destroy();
  }
}

/** A client for SIP over TCP or UDP: which server has answered which call. */
export class SipClientOf {
  /** `<server> <call>` of each answer, or the first line and the call of a request. */
  readonly got: string[] = [];
  closed = false;
  private text = '';

  private constructor(
    private readonly write: (text: string) => void,
    readonly close: () => void,
  ) {}

  static async tcp(port: number, host = '127.0.0.1'): Promise<SipClientOf> {
    const socket = net.connect(port, host);
    const client = new SipClientOf(
      (text) => void socket.write(text, 'latin1'),
      () => socket.destroy(),
    );
    socket.setNoDelay(true);
    socket.on('data', (d: Buffer) => client.take(d.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => (client.closed = true));
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return client;
  }

  static async udp(port: number, host = '127.0.0.1'): Promise<SipClientOf> {
    const socket = dgram.createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, resolve));
    const client = new SipClientOf(
      (text) => socket.send(Buffer.from(text, 'latin1'), port, host),
      () => socket.close(),
    );
    socket.on('message', (d: Buffer) => client.take(d.toString('latin1')));
    return client;
  }

  send(text: string): void {
    this.write(text);
  }

  /** Sends a request of a call and waits for its answer; the name of the server that gave it. */
  async ask(callId: string, method = 'OPTIONS'): Promise<string> {
    const before = this.got.length;
    this.send(sipRequest(method, callId));
    const mine = (): string | undefined => this.got.slice(before).find((g) => g.endsWith(` ${callId}`));
    const answer = await eventually(mine, {
      within: 10_000,
      every: 1,
      what: `an answer to ${callId}`,
    });
    return answer.split(' ')[0]!;
  }

  private take(text: string): void {
    this.text += text;
    for (;;) {
      if (this.text.startsWith('\r\n')) {
        this.got.push('pong');
        this.text = this.text.slice(2);
        continue;
      }
      const end = this.text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const message = this.text.slice(0, end + 4);
      this.text = this.text.slice(end + 4);
      this.got.push(
        message.startsWith('SIP/')
          ? `${serverOf(message)} ${callIdOf(message)}`
          : `${message.split(' ')[0]} ${callIdOf(message)}`,
      );
    }
  }
}
