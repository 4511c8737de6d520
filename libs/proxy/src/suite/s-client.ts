import { spawn } from 'node:child_process';

/** What `openssl s_client` saw and got. */
export interface Seen {
  readonly output: string;
  /** Subject of the server's certificate. */
  readonly subject: string;
  readonly version: string;
  readonly cipher: string;
  readonly resumed: boolean;
  readonly protocol: string;
  /** What came as application data, if a request was sent. */
  readonly response: string;
  readonly failed: boolean;
}

/**
 * A client of another make than the engine: OpenSSL's own. Sends `request` and ends when the server does; without
 * one it ends after the handshake.
 */
export async function sClient(port: number, args: readonly string[] = [], request = ''): Promise<Seen> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-ign_eof', ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (d: Buffer) => (output += d.toString('latin1')));
  child.stderr.on('data', (d: Buffer) => (output += d.toString('latin1')));
  child.stdin.on('error', () => {});
  child.stdin.write(request === '' ? 'GET / HTTP/1.0\r\n\r\n' : request);
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const timer = setTimeout(() => child.kill(), 15_000);
  child.once('close', resolve);
  const code = await promise;
  clearTimeout(timer);
  return {
    output,
    subject: /subject=CN ?= ?(\S+)/.exec(output)?.[1] ?? '',
    version: /^(?:New|Reused), (TLSv[\d.]+)/m.exec(output)?.[1] ?? '',
    cipher: /Cipher is (\S+)/.exec(output)?.[1] ?? '',
    resumed: /^Reused, /m.test(output),
    protocol: /ALPN protocol: (\S+)/.exec(output)?.[1] ?? '',
    response: /(HTTP\/1\.[\s\S]*)$/.exec(output)?.[1] ?? '',
    failed: code !== 0 || /alert|handshake failure|Cipher is \(NONE\)/.test(output),
  };
}
