import { run } from '@spillway/testing';
import { locate } from './packages.js';

const ASK = {
  nginx: ['-v'],
  haproxy: ['-v'],
  h2load: ['--version'],
  gcc: ['-dumpfullversion'],
  perf: ['--version'],
} as const;

/** Names and versions of the programs that took part. */
export async function versions(): Promise<string[]> {
  const found: string[] = [];
  for (const [name, args] of Object.entries(ASK)) {
    const command = locate(name);
    if (command === undefined) continue;
    const { stdout, stderr } = await run(command, args, { check: false });
    const version = /\d+\.\d+[\w.]*/.exec(stdout + stderr)?.[0];
    if (version !== undefined) found.push(`${name} ${version}`);
  }
  return found;
}
