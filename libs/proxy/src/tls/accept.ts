import { CLOSED_BY, VS } from '@spillway/telemetry';
import { latin1 } from '../bytes.js';
import { ClientConnection, type TlsFacts } from '../core/connection.js';
import type { Layer } from '../core/layers.js';
import type { CloseReason } from '../transport/seam.js';
import type { ClientHello, NoClientHello } from './client-hello.js';
import { factsOf } from './facts.js';
import { HelloPeek } from './peek.js';
import { TlsSocket } from './socket.js';

/** Time that a client has from its connection to the end of the handshake, milliseconds. */
const HANDSHAKE_MS = 15_000;

/**
 * Handshakes under way in one worker. Each costs some 50 kB until it is over; one more gives up the one that has
 * waited longest for its client, so that nobody can hold them all: an honest client is done within a round trip.
 */
const MOST_HANDSHAKES = 1024;
const underWay = new Set<TlsAccept>();

const DECODE_ERROR = 50;
const INTERNAL_ERROR = 80;
const alert = (description: number): Uint8Array => Uint8Array.of(21, 3, 1, 0, 2, 2, description);

/** What a client gets that speaks HTTP where TLS is spoken. */
const PLAIN_HTTP = latin1(
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 49\r\nConnection: close\r\n\r\n' +
    'This port speaks TLS: use https:// in place of it',
);

/**
 * The layer that speaks TLS with a client: looks at its ClientHello, lets the certificates of its name answer, and
 * gives the connection to the next layer when the handshake is over. Behind it the next layer has the TlsSocket.
 */
export class TlsAccept extends ClientConnection {
  private readonly peek = new HelloPeek();
  private secured: TlsSocket | null = null;
  private facts: TlsFacts | null = null;
  private hello: ClientHello | null = null;
  /** What follows; set by `begin`. */
  private next!: Layer;

  begin(next: Layer): this {
    this.next = next;
    this.context.clock.arm(this, HANDSHAKE_MS);
    return this;
  }

  onData(data: Uint8Array, start: number, end: number): void {
    const peeked = this.peek.take(data, start, end);
    if (peeked === 'more') return;
    if (typeof peeked === 'string') this.refuse(peeked);
    else this.answer(peeked);
  }

  private answer(hello: ClientHello): void {
    const contexts = this.placement.service.config.tls;
    if (contexts === null) {
      this.end(alert(INTERNAL_ERROR));
      return;
    }
    const { wire } = contexts;
    const chosen = contexts.choose(hello);
    const ssl = wire.lib.SSL_new(chosen.ctx);
    if (!ssl) {
      chosen.opened();
      this.end(alert(INTERNAL_ERROR));
      return;
    }
    wire.lib.SSL_set_accept_state(ssl);
    const { transport } = this.context;
    const closeNotify = contexts.spec.profile.send_close_notify;
    const secured = new TlsSocket(transport, wire, ssl, 'server', this, closeNotify).on(this.socket);
    secured.protocol = contexts.protocol(hello, this.service.enable_http2 === true);
    this.hello = hello;
    this.secured = secured;
    this.socket.handOver(secured);
    this.enter();
    const { peek } = this;
    secured.onData(peek.bytes, peek.start, peek.end);
    chosen.opened();
  }

  private enter(): void {
    if (underWay.size >= MOST_HANDSHAKES)
      for (const oldest of underWay) {
        oldest.because(CLOSED_BY.HANDSHAKE);
        oldest.kill();
        break;
      }
    underWay.add(this);
  }

  /** The handshake is over. */
  override onOpen(): void {
    const secured = this.secured!;
    const contexts = this.placement.service.config.tls;
    const { wire } = contexts ?? secured;
    underWay.delete(this);
    this.facts = factsOf(wire, secured.ssl, this.hello!.serverName, contexts?.marked === true);
    this.hello = null;
    this.count(VS.TLS_HANDSHAKES, 1);
    if (this.facts.resumed) this.count(VS.TLS_RESUMED, 1);
    const next = this.next(this.context, secured, this.placement, this.service, this);
    secured.handOver(next);
  }

  onDrain(): void {}

  onEnd(): void {
    this.kill();
  }

  override onClose(reason: CloseReason): void {
    underWay.delete(this);
    this.because(CLOSED_BY.HANDSHAKE);
    super.onClose(reason);
  }

  override onTimeout(): void {
    this.because(CLOSED_BY.HANDSHAKE);
    this.kill();
  }

  kill(): void {
    underWay.delete(this);
    (this.secured ?? this.socket).reset();
  }

  override tlsForNext(): TlsFacts | null {
    return this.facts;
  }

  private refuse(why: NoClientHello): void {
    const { application, tls } = this.placement.service.config.spec;
    if (why !== 'not_tls') this.end(alert(DECODE_ERROR));
    else if (tls?.reset_plain_http === true || application.type !== 'http' || !this.looksLikeHttp()) {
      this.because(CLOSED_BY.HANDSHAKE);
      this.kill();
    } else this.end(PLAIN_HTTP);
  }

  /** A method's first letter: somebody has left the s out of https. */
  private looksLikeHttp(): boolean {
    const first = this.peek.bytes[this.peek.start]!;
    return first >= 0x41 && first <= 0x5a;
  }

  private end(last: Uint8Array): void {
    this.because(CLOSED_BY.HANDSHAKE);
    this.socket.write(last, 0, last.length);
    this.socket.close();
  }
}
