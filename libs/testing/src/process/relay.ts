import { connect, createServer, type Socket } from 'node:net';
import type { Netns } from './netns.js';
import { Program } from './program.js';
import type { Scope } from './scope.js';

/** Where something can be reached from this process. */
export interface Endpoint {
  host: string;
  port: number;
}

/**
 * Makes `target`, which listens inside `netns`, reachable from here: a port on loopback, whose connections go
 * through a unix socket (those have no network namespace) to a process inside.
 */
export async function exposeFrom(scope: Scope, netns: Netns, target: Endpoint): Promise<Endpoint> {
  const path = `${await scope.tempDir('relay')}/socket`;
  const program = await Program.start(scope, new URL('./relay.program.js', import.meta.url), {
    name: `relay to ${target.host} port ${target.port}`,
    netns,
  });
  await program.call('listen', { path, target });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    join(socket, connect({ path, allowHalfOpen: true })),
  );
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  scope.defer('relay', () => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('the relay has no port');
  return { host: '127.0.0.1', port: address.port };
}

/** Passes bytes, ends and failures between two sockets. */
export function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.once('close', () => to.destroy());
  }
}
