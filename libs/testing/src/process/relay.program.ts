import { connect, createServer } from 'node:net';
import { serveProgram } from './program.js';
import { type Endpoint, join } from './relay.js';

serveProgram({
  listen: ({ path, target }: { path: string; target: Endpoint }) =>
    new Promise<void>((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true }, (socket) =>
        join(socket, connect({ ...target, allowHalfOpen: true, noDelay: true })),
      );
      server.once('error', reject);
      server.listen(path, resolve);
    }),
});
