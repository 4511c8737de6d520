import { expect, jest, test } from '@jest/globals';
import { join } from 'node:path';
import { repository, run } from '@spillway/testing';

jest.setTimeout(120_000);

test('a pick costs next to nothing, and no more with 5,000 servers than with 1,000', async () => {
  // Neighbours of this machine only make it slower: five times the budgets is still far from work for each server.
  const { code, stdout, stderr } = await run(
    process.execPath,
    [join(repository, 'bench/dist/picks/main.js'), '--rounds', '5', '--slack', '5'],
    { check: false, timeout: 100_000 },
  );
  expect({ code, said: `${stdout}${stderr}`.match(/MISSED[^]*/)?.[0] ?? stderr }).toEqual({
    code: 0,
    said: '',
  });
  expect(stdout).toMatch(/least_connections +a tenth held back +\d+ ns +\d+ ns +\d+ ns/);
});
