import type { CloseReason, Socket, SocketHandler } from '../transport/seam.js';
import { Timed } from './clock.js';
import type { PlaneContext } from './context.js';
import type { ServerRuntime } from './server.js';

/** A server that does not end its side within this time is reset. */
const LAST_MS = 2000;

/**
 * A connection that is ended in order while its place counts: it counts as open until the server has ended it too, since
 * until then the server has it still.
 */
export class Ending extends Timed implements SocketHandler {
  private constructor(
    private readonly context: PlaneContext,
    private readonly server: ServerRuntime,
    private readonly socket: Socket,
  ) {
    super();
  }

  /** Takes the socket over from its handler, which hears nothing any more, `onClose` neither. */
  static begin(context: PlaneContext, server: ServerRuntime, socket: Socket): void {
    const ending = new Ending(context, server, socket);
    socket.handOver(ending);
    context.clock.arm(ending, LAST_MS);
    socket.resume();
    socket.shutdown();
  }

  onOpen(): void {}

  onData(): void {}

  onDrain(): void {}

  onEnd(): void {
    this.socket.close();
  }

  onClose(_reason: CloseReason): void {
    this.context.clock.forget(this);
    this.server.closed();
  }

  override onTimeout(): void {
    this.socket.reset();
  }
}
