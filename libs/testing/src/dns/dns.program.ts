import { serveProgram } from '../process/program.js';
import { type DnsRecord, DnsServer } from './dns-server.js';

let server: DnsServer | undefined;

function started(): DnsServer {
  if (server === undefined) throw new Error('the DNS server was not started');
  return server;
}

serveProgram({
  start: async ({ host, port }: { host: string; port: number }) => {
    server = await DnsServer.start(host, port);
    return server.port;
  },
  set: ({ name, record }: { name: string; record: DnsRecord }) => started().set(name, record),
  asked: ({ name }: { name: string }) => started().asked(name),
  stop: () => started().stop(),
});
