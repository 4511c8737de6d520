import dgram from 'node:dgram';
import net from 'node:net';

/** Below the ports that the system hands out, so that no other socket gets one by chance before it is listened on. */
const FIRST = 10_000;
const LAST = 32_767;

/** A port on which nobody listens at the moment; `wanted` where that is one. */
export async function freePort(address = '127.0.0.1', wanted = 0): Promise<number> {
  if (wanted !== 0) return listenable(address, wanted);
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const free = await listenable(address, port).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') return 0;
      throw error;
    });
    if (free !== 0) return free;
  }
}

async function listenable(address: string, port: number): Promise<number> {
  const server = net.createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, address, () => resolve());
  await promise;
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  return port;
}

/** The first of `count` ports in a row that no datagram socket has at the moment; nobody listens on it either. */
export async function freeUdpPort(count = 1, address = '127.0.0.1'): Promise<number> {
  for (;;) {
    const first = await bindUdp(await freePort(address), address);
    if (first === undefined) continue;
    const rest = await Promise.all(
      Array.from({ length: count - 1 }, async (_, i) => bindUdp(first.port + 1 + i, address)),
    );
    first.close();
    for (const r of rest) r?.close();
    if (rest.every((r) => r !== undefined)) return first.port;
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
