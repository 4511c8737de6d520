import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { hasCode } from './errno.js';

/** Whether this port can be listened on now. */
export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = net.createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE', 'EACCES')) return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/**
 * Ports for listeners that keep theirs: below those that the kernel gives to outgoing connections, of which
 * one could hold the port for a moment just when its listener comes back.
 */
const lasting = { first: 10_000, count: 6_384 };

/** A port that nobody listens on, fit to be kept over restarts. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = lasting.first + randomInt(lasting.count);
    if (await isFree(port, host)) return port;
  }
  throw new Error(`no free port on ${host} from ${lasting.first} to ${lasting.first + lasting.count - 1}`);
}
