import dgram from 'node:dgram';
import net from 'node:net';

/** A port on which nobody listens at the moment; `wanted` where that is one. */
export async function freePort(address = '127.0.0.1', wanted = 0): Promise<number> {
  const server = net.createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(wanted, address, () => resolve());
  await promise;
  const { port } = server.address() as net.AddressInfo;
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  return port;
}

/** The first of `count` ports in a row that no datagram socket has at the moment; nobody listens on it either. */
export async function freeUdpPort(count = 1, address = '127.0.0.1'): Promise<number> {
  for (;;) {
    const first = await bindUdp(0, address);
    if (first === undefined) continue;
    const rest = await Promise.all(
      Array.from({ length: count - 1 }, async (_, i) => bindUdp(first.port + 1 + i, address)),
    );
    first.close();
    for (const r of rest) r?.close();
    const listenable = await freePort(address, first.port).catch(() => 0);
    if (listenable !== 0 && rest.every((r) => r !== undefined)) return first.port;
  }
}

function bindUdp(port: number, address: string): Promise<{ port: number; close: () => void } | undefined> {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const { promise, resolve } = Promise.withResolvers<{ port: number; close: () => void } | undefined>();
  socket.once('error', () => resolve(undefined));
  try {
    socket.bind(port, address, () =>
      resolve({ port: socket.address().port, close: () => void socket.close() }),
    );
  } catch {
    resolve(undefined);
  }
  return promise;
}
