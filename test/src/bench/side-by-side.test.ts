import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Netns, repository, run, Scope } from '@spillway/testing';

jest.setTimeout(600_000);

interface Row {
  promise: string;
  measured: string;
  met?: boolean;
}
interface Report {
  rows: Row[];
  outcomes: Record<string, { raw: { runs?: Record<string, { requests: number; errors: number }[]> } }>;
}

let scope: Scope;
beforeEach(() => {
  scope = new Scope('bench');
});
afterEach(async () => await scope.close());

/**
 * The bench in its short form: it counts, and allows five times what its budgets do. Whoever wants figures runs it as
 * bench/README.md says. It makes a network namespace and installs what it compares with, so it needs root.
 */
const asRoot = Netns.available && existsSync('/usr/bin/apt-get') ? test : test.skip;

asRoot('beside nginx and HAProxy: no errors, and nothing worse than five times its budget', async () => {
  const json = join(await scope.tempDir('report'), 'report.json');
  const only = ['small', '1m', 'close', 'tcp', 'relay'].flatMap((name) => ['--only', name]);
  const { code, stderr } = await run(
    process.execPath,
    [
      join(repository, 'bench/dist/proxy/main.js'),
      ...only,
      '--rounds',
      '1',
      '--seconds',
      '1',
      '--slack',
      '5',
      '--json',
      json,
    ],
    { check: false, timeout: 550_000 },
  );
  expect({ code, stderr: code === 2 ? stderr : '' }).not.toMatchObject({ code: 2 });
  const { rows, outcomes } = JSON.parse(readFileSync(json, 'utf8')) as Report;
  expect(rows.filter((row) => row.met === false)).toEqual([]);
  for (const { raw } of Object.values(outcomes))
    expect(raw.runs?.['spillway']).toMatchObject([{ requests: expect.any(Number), errors: 0 }]);
  expect(code).toBe(0);
});

asRoot('with every algorithm: no errors, and not five times as dear as round robin', async () => {
  const json = join(await scope.tempDir('report'), 'report.json');
  const { code, stderr } = await run(
    process.execPath,
    [
      join(repository, 'bench/dist/proxy/main.js'),
      '--only',
      'algorithms',
      '--rounds',
      '1',
      '--seconds',
      '0.5',
      '--slack',
      '5',
      '--json',
      json,
    ],
    { check: false, timeout: 550_000 },
  );
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  const { rows, outcomes } = JSON.parse(readFileSync(json, 'utf8')) as Report;
  expect(rows.length).toBeGreaterThan(8);
  for (const runs of Object.values(outcomes['algorithms']!.raw.runs!))
    expect(runs).toMatchObject([{ requests: expect.any(Number), errors: 0 }]);
});
