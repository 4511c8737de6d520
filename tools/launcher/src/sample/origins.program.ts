import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { type AddressInfo } from 'node:net';
import { writeJson } from '../instance/json-file.js';
import { hasCode } from '../process/errno.js';
import { identify, stored } from '../process/identity.js';
import { freePort } from '../process/port.js';

/*
 * The servers of the sample application, in one process: `origins.program.js [--host HOST] FILE PORT...`. Each says its
 * name at every path and that it is well at /health. Without a host each listens on loopback, on its port or on a free
 * one where that is 0 or taken; with a host, others rely on the ports, and one that is taken is an error. When all
 * listen, FILE names their ports.
 */
const { values, positionals } = parseArgs({
  options: { host: { type: 'string' } },
  allowPositionals: true,
});
const [file, ...ports] = positionals;
if (file === undefined) throw new Error('usage: origins.program.js [--host HOST] FILE PORT...');
const host = values.host ?? '127.0.0.1';

const servers = await Promise.all(
  ports.map(async (wish, index) => {
    const name = `sample-server-${index + 1}`;
    const server = createServer((request, response) => {
      request.resume();
      response.setHeader('Content-Type', 'text/plain; charset=utf-8');
      response.setHeader('X-Server', name);
      response.end(request.url === '/health' ? 'ok\n' : `Hello from ${name}\n`);
    });
    // Longer than what a proxy keeps an idle connection, so that it is the proxy that closes.
    server.keepAliveTimeout = 75_000;
    const listen = async (port: number): Promise<void> => {
      server.listen(port, host);
      await once(server, 'listening');
    };
    await listen(Number(wish) || (await freePort())).catch(async (error: unknown) => {
      if (!hasCode(error, 'EADDRINUSE') || values.host !== undefined) throw error;
      await listen(await freePort());
    });
    return server;
  }),
);

const addresses = servers
  .map((server) => server.address())
  .filter((at): at is AddressInfo => typeof at === 'object');
const own = identify(process.pid);
if (!own) throw new Error('/proc does not show this process');
writeJson(file, { ...stored(own), ports: addresses.map(({ port }) => port) });
