import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Netns, repository, run, Scope } from '@spillway/testing';

jest.setTimeout(180_000);

let scope: Scope;
beforeEach(() => {
  scope = new Scope('probes');
});
afterEach(async () => await scope.close());

interface Row {
  promise: string;
  measured: string;
  figures: Record<string, number>;
}

/**
 * The bench of health checks in its short form: every check passes, no request fails, and checks take no more than five
 * times what they may. What they do to latency is for an idle machine, as bench/README.md says.
 */
const asRoot = Netns.available && existsSync('/usr/bin/apt-get') ? test : test.skip;

asRoot('checks of 500 servers each second', async () => {
  const json = join(await scope.tempDir('report'), 'report.json');
  const args = ['--servers', '500', '--seconds', '2', '--rounds', '1', '--slack', '5', '--json', json];
  const { stderr } = await run(process.execPath, [join(repository, 'bench/dist/probes/main.js'), ...args], {
    timeout: 150_000,
    check: false,
  });
  if (!existsSync(json)) throw new Error(stderr);
  const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { rows: Row[] };
  const cpu = rows.filter(({ promise }) => promise.includes('share of a core'));
  expect(cpu).toHaveLength(3);
  for (const { figures } of cpu) {
    expect(figures['cpu']).toBeLessThan(12.5);
    expect(figures['rate']).toBeGreaterThan(400);
  }
  const failed = rows.filter(({ promise }) => promise.includes('failed'));
  expect(failed.map(({ figures }) => figures['count'])).toEqual([0, 0]);
});
