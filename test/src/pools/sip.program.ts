import { serveProgram, SipClientOf, SipOrigin } from '@spillway/testing';

const origins = new Map<string, SipOrigin>();
const clients = new Map<string, SipClientOf>();

serveProgram({
  /** Starts a server for TCP and UDP; its port. */
  server: async ({ name }: { name: string }): Promise<number> => {
    const origin = await SipOrigin.start(name);
    origins.set(name, origin);
    return origin.port;
  },
  client: async ({
    name,
    kind,
    host,
    port,
  }: {
    name: string;
    kind: 'tcp' | 'udp';
    host: string;
    port: number;
  }) => {
    clients.set(name, await SipClientOf[kind](port, host));
  },
  /** Sends a request of each call, one after the other; which server answered each. */
  ask: async ({ name, calls }: { name: string; calls: string[] }): Promise<string[]> => {
    const servers: string[] = [];
    for (const call of calls) servers.push(await clients.get(name)!.ask(call));
    return servers;
  },
  /** Requests that each server has got. */
  counts: (): Record<string, number> =>
    Object.fromEntries([...origins].map(([name, { got }]) => [name, got.length])),
});
