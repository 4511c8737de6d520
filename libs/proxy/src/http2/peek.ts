import { ClientConnection } from '../core/connection.js';
import { passOn, type Layer } from '../core/layers.js';
import { profileOf } from '../http/profile.js';
import { HEAD_ROOM } from '../transport/seam.js';
import { PREFACE, startsWithPreface } from './protocol.js';

/**
 * A connection in clear whose client may speak HTTP/2 with prior knowledge (RFC 9113 section 3.3): its first bytes
 * tell.
 */
export class PrefacePeek extends ClientConnection {
  /** The start of what may be a preface. */
  private held: Uint8Array | null = null;
  private heldLength = 0;

  constructor(
    private readonly http1: Layer,
    private readonly http2: Layer,
    ...layer: Parameters<Layer>
  ) {
    super(...layer);
    const profile = profileOf(this.placement.service.config);
    this.context.clock.arm(this, profile.post_accept_timeout ?? profile.client_header_timeout);
  }

  onData(data: Uint8Array, start: number, end: number): void {
    if (this.held === null) {
      const found = startsWithPreface(data, start, end);
      if (found < 0) this.hold(data, start, end);
      else this.decide(found === 1, data, start, end);
      return;
    }
    // At most a preface is held, so that what comes fits behind it.
    const joined = Buffer.allocUnsafeSlow(HEAD_ROOM + this.heldLength + end - start + 64);
    joined.set(this.held.subarray(0, this.heldLength), HEAD_ROOM);
    joined.set(data.subarray(start, end), HEAD_ROOM + this.heldLength);
    const joinedEnd = HEAD_ROOM + this.heldLength + end - start;
    const found = startsWithPreface(joined, HEAD_ROOM, joinedEnd);
    if (found < 0) this.hold(data, start, end);
    else this.decide(found === 1, joined, HEAD_ROOM, joinedEnd);
  }

  private hold(data: Uint8Array, start: number, end: number): void {
    this.held ??= new Uint8Array(PREFACE.length);
    this.held.set(data.subarray(start, end), this.heldLength);
    this.heldLength += end - start;
  }

  private decide(http2: boolean, b: Uint8Array, start: number, end: number): void {
    const next = http2 ? this.http2 : this.http1;
    const connection = next(this.context, this.socket, this.placement, this.service, this);
    passOn(this.socket, connection, b, start, end);
  }

  onDrain(): void {}

  onEnd(): void {
    this.socket.close();
  }

  override onTimeout(): void {
    this.kill();
  }

  kill(): void {
    this.socket.reset();
  }
}
