import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from './errno.js';

/**
 * Runs `work` while no other process (of this network namespace) holds the lock of this name. The lock is an
 * abstract socket: the kernel drops it with its process, so it cannot be left behind.
 *
 * @param onWait - called once when somebody else holds the lock
 */
export async function withLock<T>(name: string, work: () => Promise<T>, onWait?: () => void): Promise<T> {
  const socket = await acquire(name, onWait);
  try {
    return await work();
  } finally {
    socket.close();
  }
}

async function acquire(name: string, onWait?: () => void): Promise<net.Server> {
  for (let attempt = 0; ; attempt += 1) {
    const socket = await tryToAcquire(name);
    if (socket) return socket;
    if (attempt === 0) onWait?.();
    await delay(50);
  }
}

async function tryToAcquire(name: string): Promise<net.Server | undefined> {
  // An abstract name has room for 107 bytes.
  const address = `\0spillway-launcher/${createHash('sha256').update(name).digest('hex')}`;
  const server = net.createServer((socket) => socket.destroy());
  try {
    server.listen(address);
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (!hasCode(error, 'EADDRINUSE')) throw error;
    return undefined;
  }
}

/** Takes the lock of this name for the rest of this process. Answers false when somebody else holds it. */
export async function claim(name: string): Promise<boolean> {
  const socket = await tryToAcquire(name);
  socket?.unref();
  return socket !== undefined;
}
