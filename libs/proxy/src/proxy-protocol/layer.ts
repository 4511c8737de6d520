import { CLOSED_BY } from '@spillway/telemetry';
import { ClientConnection, type Ends } from '../core/connection.js';
import { passOn, type Layer } from '../core/layers.js';
import { Held } from '../http1/held.js';
import { MOST_HEADER, readHeader, type ProxiedEnds } from './header.js';

/** A sender begins with the header, so it comes at once. */
const PATIENCE_MS = 5000;

/**
 * Waits for the header of the PROXY protocol, before anything else that a connection says. Without a good one the
 * connection is reset: who may send it has to, else anybody could be anybody.
 */
export class ProxyProtocolLayer extends ClientConnection {
  private held: Held | null = null;
  private told: ProxiedEnds | null = null;

  constructor(
    private readonly next: Layer,
    ...args: ConstructorParameters<typeof ClientConnection>
  ) {
    super(...args);
    this.context.clock.arm(this, PATIENCE_MS);
  }

  override endsForNext(): Ends {
    return this.told ?? this.socket;
  }

  onData(data: Uint8Array, start: number, end: number): void {
    if (this.held === null) {
      this.look(data, start, end);
      return;
    }
    this.held.append(data, start, end);
    this.look(this.held.data, this.held.start, this.held.end);
  }

  onDrain(): void {}

  /** It ends without having said who it is. */
  onEnd(): void {
    this.refuse();
  }

  override onTimeout(): void {
    this.refuse();
  }

  kill(): void {
    this.socket.reset();
  }

  private look(data: Uint8Array, start: number, end: number): void {
    const header = readHeader(data, start, end);
    if (header === 'malformed') this.refuse();
    else if (header === 'more') {
      if (end - start >= MOST_HEADER) this.refuse();
      else this.held ??= new Held(data, start, end);
    } else {
      this.told = header.ends;
      const { context, socket, placement, service } = this;
      if (!placement.mayBe(this.endsForNext())) {
        this.because(CLOSED_BY.POLICY);
        this.kill();
        return;
      }
      passOn(socket, this.next(context, socket, placement, service, this), data, start + header.length, end);
    }
  }

  private refuse(): void {
    this.because(CLOSED_BY.HANDSHAKE);
    this.kill();
  }
}
