import { readFileSync } from 'node:fs';

/** What a crash point does; specs put another end in its place. */
export const crash = {
  /** Ends this process at once, as `kill -9` does. */
  now: (): void => {
    process.kill(process.pid, 'SIGKILL');
    // The signal is on its way; nothing more may happen here.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
};

/**
 * For tests that kill the controller in the middle of an operation: `SPILLWAY_CRASH_AT=<type>.<step>.<before|after>`
 * ends this process with SIGKILL there, before the step's function or after its commit. `@FILE` reads the place from
 * a file, so that one process can be given place after place. Only under test.
 */
export function crashPoint(type: string, step: string, when: 'before' | 'after'): void {
  const at = process.env['SPILLWAY_CRASH_AT'];
  if (at === undefined || (process.env['NODE_ENV'] !== 'test' && process.env['SPILLWAY_TEST'] !== '1'))
    return;
  if ((at.startsWith('@') ? fromFile(at.slice(1)) : at) === `${type}.${step}.${when}`) crash.now();
}

function fromFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return ''; // no place is given now
  }
}
