import type { Socket, SocketHandler } from '../transport/seam.js';
import type { PlaneContext } from './context.js';
import type { ServerRuntime } from './server.js';

/**
 * Starts a connection to a server, with TLS where its pool says so: `onOpen` comes when all that is up.
 * @param port what `server.portFor` gave
 * @param serverName what `Pool.serverName` gave
 */
export function connectTo(
  context: PlaneContext,
  server: ServerRuntime,
  port: number,
  serverName: string,
  handler: SocketHandler,
): Socket {
  const { transport } = context;
  const tls = server.pool?.tls ?? null;
  if (tls === null) return transport.connect(server.address, port, handler);
  const key = server.port === port ? server.key : `${server.key} ${port}`;
  return tls.connect(transport, server.address, port, key, serverName, handler);
}
