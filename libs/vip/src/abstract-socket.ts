import net from 'node:net';

/** A name held in the abstract namespace of this network namespace; it is gone with the process that holds it. */
export interface HeldName {
  close(): Promise<void>;
}

/**
 * Takes a name; undefined when somebody has it. Whoever connects is told `answer` and nothing else.
 */
export function holdName(name: string, answer: string): Promise<HeldName | undefined> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(answer);
      socket.unref();
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ path: `\0${name}` }, () => {
      server.unref();
      server.on('error', () => undefined);
      resolve({ close: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}

const ANSWER_LIMIT = 4096;

/** What the holder of a name says about itself; empty when it does not answer in time. */
export function askName(name: string, milliseconds: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect({ path: `\0${name}` });
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(() => {
      text = '';
      done();
    }, milliseconds);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.length > ANSWER_LIMIT) done();
    });
    socket.once('end', done);
    socket.once('error', done);
    socket.once('close', done);
  });
}
