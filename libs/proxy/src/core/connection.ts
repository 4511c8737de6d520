import { VS } from '@spillway/telemetry';
import type { CloseReason, Socket, SocketHandler } from '../transport/seam.js';
import { Timed } from './clock.js';
import type { PlaneContext } from './context.js';
import type { PlacementRuntime } from './placement.js';
import type { ServerRuntime } from './server.js';

/** A connection from a client. It holds its socket and its placement; the configuration is looked up per request. */
export abstract class ClientConnection extends Timed implements SocketHandler {
  /** Its place in `placement.connections`. */
  place = -1;

  constructor(
    readonly context: PlaneContext,
    readonly socket: Socket,
    readonly placement: PlacementRuntime,
  ) {
    super();
    placement.add(this);
  }

  /** Resets the connection and what belongs to it, at once. */
  abstract kill(): void;

  abstract onData(data: Uint8Array, start: number, end: number): void;
  abstract onDrain(): void;
  abstract onEnd(): void;

  onOpen(): void {}

  onClose(_reason: CloseReason): void {
    this.context.clock.forget(this);
    this.placement.remove(this);
  }

  protected count(counter: number, by: number): void {
    this.context.f64[this.placement.service.counters + counter]! += by;
  }

  protected write(data: Uint8Array, start: number, end: number): boolean {
    this.context.f64[this.placement.service.counters + VS.BYTES_OUT]! += end - start;
    return this.socket.write(data, start, end);
  }
}

/** A connection to a server, as its server record sees it. */
export interface ServerLink {
  /** Its place in `server.busy`; -1 when it is not there. */
  busyPlace: number;
  readonly server: ServerRuntime;
  /** The server may not be used any longer: what is under way on this connection is given up. */
  serverGone(): void;
}
