import type { Service } from '@spillway/snapshot';
import type { Socket, SocketHandler } from '../transport/seam.js';
import type { ClientConnection } from './connection.js';
import type { PlaneContext } from './context.js';
import type { PlacementRuntime } from './placement.js';

/**
 * What a new connection passes through, each a layer over the one before: the PROXY protocol, TLS (or a look at its
 * ClientHello), then the application.
 *
 * A layer is a ClientConnection. Once it has what it needs it makes the next one, which takes its place in the
 * placement (`before`), and gives it the socket and the bytes that it has not used.
 */
export type Layer = (
  context: PlaneContext,
  socket: Socket,
  placement: PlacementRuntime,
  service: Service,
  before: ClientConnection | null,
) => ClientConnection;

/**
 * The last thing a layer does: callbacks go to `next`, which gets what is left of the received bytes. Not for a
 * layer that goes on working below the next one (TLS): that keeps the callbacks of its socket.
 */
export function passOn(
  socket: Socket,
  next: SocketHandler,
  data: Uint8Array,
  start: number,
  end: number,
): void {
  socket.handOver(next);
  if (end > start) next.onData(data, start, end);
}
