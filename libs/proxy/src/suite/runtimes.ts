import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const bin = (name: string): string =>
  fileURLToPath(new URL(`../../../../node_modules/.bin/${name}`, import.meta.url));

/** The runtimes that a program of cases has to pass under. */
export const RUNTIMES = ['bun', 'node'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** Runs a compiled program under a runtime; resolves with the lines of the cases that did not pass. */
export async function failuresOf(runtime: Runtime, program: URL, args: string[] = []): Promise<string[]> {
  // Foreign functions (TLS) are experimental in Node, which says so on each start.
  const options = runtime === 'node' ? ['--disable-warning=ExperimentalWarning'] : [];
  const child = spawn(bin(runtime), [...options, fileURLToPath(program), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.on('data', (d: Buffer) => (out += d.toString()));
  child.stderr.on('data', (d: Buffer) => (out += d.toString()));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  const code = await promise;
  const lines = out.split('\n').filter((line) => line !== '');
  const bad = lines.filter((line) => !line.startsWith('ok '));
  if (code !== 0 || !lines.some((line) => line.startsWith('ok '))) bad.push(`exit code ${code}`);
  return bad;
}
