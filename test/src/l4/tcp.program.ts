import net from 'node:net';
import tls from 'node:tls';
import { serveProgram } from '@spillway/testing';

interface Seen {
  server: string;
  /** All that came on one connection. */
  text: string;
}

let seen: Seen[] = [];

/** Starts a server that notes what comes, answers its name to the first bytes, and ends. */
function server({ name, host }: { name: string; host: string }): Promise<number> {
  const listening = net.createServer({ allowHalfOpen: true }, (socket) => {
    const entry = { server: name, text: '' };
    seen.push(entry);
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      const first = entry.text === '';
      entry.text += data.toString('latin1');
      if (first) socket.end(name);
    });
    socket.on('end', () => socket.end());
  });
  return new Promise((resolve, reject) => {
    listening.once('error', reject);
    listening.listen(0, host, () => resolve((listening.address() as net.AddressInfo).port));
  });
}

/** Sends text and takes what comes until the end, or `reset`. */
function say({ host, port, text }: { host: string; port: number; text: string }): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    let got = '';
    socket.on('data', (data: Buffer) => (got += data.toString('latin1')));
    socket.once('end', () => {
      socket.end();
      resolve(got);
    });
    socket.once('error', () => resolve('reset'));
    socket.write(Buffer.from(text, 'latin1'));
  });
}

/** Begins TLS with a server name; there is no certificate behind, so it ends with an error. */
function hello({ host, port, name }: { host: string; port: number; name: string }): Promise<void> {
  return new Promise((resolve) => {
    const socket = tls.connect({ host, port, servername: name, rejectUnauthorized: false });
    socket.once('error', () => {
      socket.destroy();
      resolve();
    });
    socket.once('close', () => resolve());
  });
}

serveProgram({
  server,
  say,
  hello,
  seen: () => {
    const all = seen;
    seen = [];
    return all;
  },
});
