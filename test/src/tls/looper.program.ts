import { connect, type TLSSocket } from 'node:tls';

/**
 * A client that speaks TLS without end: some loops open a connection for every request, others keep one as long as the
 * response allows. Prints what it saw as JSON and ends on SIGTERM. Arguments: host, port, loops of each sort.
 */
const [host = '', port = '', loops = '4'] = process.argv.slice(2);
const seen = { requests: 0, handshakes: 0, resumed: 0, failures: [] as string[] };
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

function open(session: Buffer | undefined): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({
    host,
    port: Number(port),
    rejectUnauthorized: false,
    servername: 'a.example',
    session,
  });
  socket.setTimeout(10_000, () => socket.destroy(new Error('nothing in ten seconds')));
  socket.once('error', reject);
  socket.once('secureConnect', () => {
    seen.handshakes++;
    if (socket.isSessionReused()) seen.resumed++;
    resolve(socket);
  });
  return promise;
}

/** One request; true when the connection may be used again. */
function ask(socket: TLSSocket, close: boolean): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  let text = '';
  const onData = (data: Buffer): void => {
    text += data.toString('latin1');
    const at = text.indexOf('\r\n\r\n');
    if (at < 0) return;
    const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
    if (text.length < at + 4 + length) return;
    socket.off('data', onData);
    socket.off('close', onClose);
    if (!text.startsWith('HTTP/1.1 200')) reject(new Error(text.slice(0, 200)));
    else resolve(!/^connection: close/im.test(text));
  };
  const onClose = (): void => reject(new Error('closed without a whole response'));
  socket.on('data', onData);
  socket.once('close', onClose);
  socket.write(`GET / HTTP/1.1\r\nHost: a.example\r\n${close ? 'Connection: close\r\n' : ''}\r\n`);
  return promise;
}

async function loop(keep: boolean): Promise<void> {
  let session: Buffer | undefined;
  let socket: TLSSocket | undefined;
  while (!stop.signal.aborted) {
    try {
      if (socket === undefined) {
        socket = await open(session);
        socket.on('session', (fresh: Buffer) => (session = fresh));
      }
      const again = await ask(socket, !keep);
      seen.requests++;
      if (keep && again) continue;
      socket.destroy();
      socket = undefined;
    } catch (error) {
      seen.failures.push(error instanceof Error ? error.message : String(error));
      socket?.destroy();
      socket = undefined;
    }
  }
  socket?.destroy();
}

const all = Array.from({ length: Number(loops) }, () => [loop(true), loop(false)]).flat();
process.stdout.write('looping\n');
await Promise.all(all);
process.stdout.write(`${JSON.stringify(seen)}\n`);
