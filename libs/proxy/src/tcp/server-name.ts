import { ClientConnection } from '../core/connection.js';
import { passOn, type Layer } from '../core/layers.js';
import { HelloPeek } from '../tls/peek.js';

/** A client of TLS speaks first. Who is silent for so long is none, and is served by the rules without a name. */
const PATIENCE_MS = 5000;

/**
 * Looks at the ClientHello of a connection that is passed through as it is, for the name of the server that it is
 * for. What is no ClientHello has no name.
 */
export class ServerNameLayer extends ClientConnection {
  /** The name, once it is known. */
  serverName = '';
  private readonly peek = new HelloPeek();

  constructor(
    private readonly next: Layer,
    ...args: ConstructorParameters<typeof ClientConnection>
  ) {
    super(...args);
    this.context.clock.arm(this, PATIENCE_MS);
  }

  onData(data: Uint8Array, start: number, end: number): void {
    const peeked = this.peek.take(data, start, end);
    if (peeked === 'more') return;
    if (typeof peeked !== 'string') this.serverName = peeked.serverName;
    this.goOn();
  }

  onDrain(): void {}

  onEnd(): void {
    const next = this.goOn();
    next.onEnd();
  }

  override onTimeout(): void {
    this.goOn();
  }

  kill(): void {
    this.socket.reset();
  }

  private goOn(): ClientConnection {
    const { context, socket, placement, service, peek } = this;
    const next = this.next(context, socket, placement, service, this);
    passOn(socket, next, peek.bytes, peek.start, peek.end);
    return next;
  }
}
