import { once } from 'node:events';
import net from 'node:net';
import { hasCode } from './errno.js';

/** Whether this port can be listened on now. */
export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return (await listenBriefly(port, host)) !== undefined;
}

/** A port that nobody listens on. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const port = await listenBriefly(0, host);
  if (port === undefined) throw new Error(`no free port on ${host}`);
  return port;
}

async function listenBriefly(port: number, host: string): Promise<number | undefined> {
  const server = net.createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE', 'EACCES')) return undefined;
    throw error;
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : undefined;
}
