import { join } from 'node:path';
import { repository, run, type Scope } from '@spillway/testing';

/** The programs of `bench/native`, built for this run. */
export interface Native {
  load: string;
  origin: string;
  relay: string;
  udp: string;
}

const LIBRARIES: Record<keyof Native, string[]> = {
  load: ['-lssl', '-lcrypto', '-lm'],
  origin: [],
  relay: [],
  udp: [],
};

/** Compiles them into a directory that goes with the scope. */
export async function build(scope: Scope): Promise<Native> {
  const dir = await scope.tempDir('bench-native');
  const programs = {} as Native;
  for (const name of Object.keys(LIBRARIES) as (keyof Native)[]) {
    programs[name] = join(dir, name);
    const source = join(repository, 'bench/native', `${name}.c`);
    await run('gcc', ['-O2', '-Wall', '-o', programs[name], source, ...LIBRARIES[name]], { timeout: 60_000 });
  }
  return programs;
}
