import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { freePort } from '../process/port.js';
import { until } from '../process/wait.js';

/** Runs `work` with a Redis of its own that keeps nothing, and ends it. */
export async function withRedis(work: (url: string) => Promise<void>): Promise<void> {
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', options, { stdio: 'ignore', cwd: '/tmp' });
  const exit = new Promise<string>((resolve) => {
    server.once('error', (error) => resolve(error.message));
    server.once('exit', (code) => resolve(`exit code ${code ?? '?'}`));
  });
  let ended: string | undefined;
  void exit.then((how) => (ended = how));
  try {
    await until('Redis to take connections', async () => {
      if (ended !== undefined) throw new Error(`redis-server, which the queue tests need: ${ended}`);
      return await takesConnections(port);
    });
    await work(`redis://127.0.0.1:${port}`);
  } finally {
    server.kill('SIGTERM');
    await exit;
  }
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
