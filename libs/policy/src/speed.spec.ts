import { describe, expect, it } from '@jest/globals';
// Measures on both runtimes; what is measured does no I/O.
// oxlint-disable-next-line no-restricted-imports
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** A thousand rules on hosts and paths are to cost less than 1 microsecond a request; a busy machine gets five times that. */
const CEILING = 5 * 1000;

describe('a thousand rules', () => {
  it.each(['bun', 'node'])(
    'cost little on %s',
    async (runtime) => {
      const { stdout } = await run(path(`../../../node_modules/.bin/${runtime}`), [
        path('./speed.program.js'),
      ]);
      const cases = stdout
        .trim()
        .split('\n')
        .map((line) => line.split(': '));
      expect(cases.length).toBeGreaterThan(5);
      for (const [name, nanoseconds] of cases) {
        expect([name, Number.isFinite(Number(nanoseconds))]).toEqual([name, true]);
        expect([name, Number(nanoseconds) < CEILING]).toEqual([name, true]);
      }
    },
    60_000,
  );
});
