import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

it('Bun processes count in one file and nothing is lost', () => {
  const bun = fileURLToPath(new URL('../../../node_modules/.bin/bun', import.meta.url));
  const program = fileURLToPath(new URL('./shared.program.js', import.meta.url));
  const seen: unknown = JSON.parse(execFileSync(bun, [program], { encoding: 'utf8' }));
  // The epoch was raised by hand, and once more by each worker that came.
  expect(seen).toEqual([3_000_000, 3_000_000, 3_000_003, 1_000_000]);
}, 60_000);
