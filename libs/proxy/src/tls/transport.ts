import type {
  Acceptor,
  DatagramHandler,
  DatagramListener,
  DatagramPeer,
  Deferred,
  Listener,
  Socket,
  SocketHandler,
  Transport,
} from '../transport/seam.js';
import type { ClientContext } from './client-contexts.js';
import type { ServerContexts } from './server-contexts.js';
import { TlsSocket } from './socket.js';

/** A transport whose every connection is TLS: for tests, which it lets see TLS as any other transport. */
export class TlsTransport implements Transport {
  readonly name: string;

  constructor(
    private readonly under: Transport,
    private readonly server: ServerContexts,
    private readonly client: ClientContext,
  ) {
    this.name = `tls over ${under.name}`;
  }

  listen(address: string, port: number, acceptor: Acceptor): Promise<Listener> {
    return this.under.listen(address, port, {
      accept: (raw: Socket): SocketHandler => new Greeter(this.under, raw, this.server, acceptor).socket,
    });
  }

  connect(address: string, port: number, handler: SocketHandler): Socket {
    return this.client.connect(this.under, address, port, `${address} ${port}`, '', handler);
  }

  /** Datagrams stay as they are. */
  listenDatagrams(address: string, port: number, handler: DatagramHandler): Promise<DatagramListener> {
    return this.under.listenDatagrams(address, port, handler);
  }

  connectDatagrams(address: string, port: number, handler: DatagramHandler): DatagramPeer {
    return this.under.connectDatagrams(address, port, handler);
  }

  now(): number {
    return this.under.now();
  }
  defer(task: Deferred): void {
    this.under.defer(task);
  }
  afterTurn(task: Deferred): void {
    this.under.afterTurn(task);
  }
  every(milliseconds: number, task: Deferred): () => void {
    return this.under.every(milliseconds, task);
  }
  queuedBytes(): number {
    return this.under.queuedBytes();
  }
  get mostSockets(): number {
    return this.under.mostSockets;
  }
  set mostSockets(most: number) {
    this.under.mostSockets = most;
  }
  openSockets(): number {
    return this.under.openSockets();
  }
}

/** Waits for the handshake of an incoming connection and gives it to its acceptor then. */
class Greeter implements SocketHandler {
  readonly socket: TlsSocket;

  constructor(
    transport: Transport,
    raw: Socket,
    server: ServerContexts,
    private readonly acceptor: Acceptor,
  ) {
    const { wire, spec } = server;
    const { ctx } = server.choose(NO_HELLO);
    const ssl = wire.lib.SSL_new(ctx);
    wire.lib.SSL_set_accept_state(ssl);
    this.socket = new TlsSocket(transport, wire, ssl, 'server', this, spec.profile.send_close_notify).on(raw);
  }

  onOpen(): void {
    const handler = this.acceptor.accept(this.socket);
    if (handler === null) this.socket.reset();
    else this.socket.handOver(handler);
  }
  onData(): void {}
  onDrain(): void {}
  onEnd(): void {}
  onClose(): void {}
}

const NO_HELLO = {
  serverName: '',
  protocols: [],
  versions: [],
  cipherSuites: [],
  signatureSchemes: [],
  groups: [],
  keyShares: [],
  ticket: null,
  statusRequest: false,
  earlyData: false,
};
