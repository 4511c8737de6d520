import type { Socket, SocketHandler } from '../transport/seam.js';
import type { PlaneContext } from './context.js';
import type { ServerRuntime } from './server.js';

/**
 * Starts a connection to a server, with TLS where its pool says so: `onOpen` comes when all that is up.
 * @param serverName what `Pool.serverName` gave
 */
export function connectTo(
  context: PlaneContext,
  server: ServerRuntime,
  serverName: string,
  handler: SocketHandler,
): Socket {
  const { transport } = context;
  const tls = server.pool?.tls ?? null;
  if (tls === null) return transport.connect(server.address, server.port, handler);
  return tls.connect(transport, server.address, server.port, server.key, serverName, handler);
}
