import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { allProcesses, commandLine, eventually, RunningProcess, Scope } from '@spillway/testing';
import { script, spillway, stateDirectory, statusOf } from './command.js';

jest.setTimeout(180_000);

let scope: Scope;
let directory: string;

beforeEach(async () => {
  scope = new Scope('crash');
  directory = await stateDirectory(scope);
});

afterEach(async () => await scope.close());

/** Every process that has to do with the directory, by its command line or its environment. */
function processesIn(place: string): string[] {
  return allProcesses()
    .filter(({ pid }) => pid !== process.pid)
    .map(({ pid }) => `${commandLine(pid)} ${environment(pid)}`)
    .filter((text) => text.includes(place));
}

function environment(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it ended, or belongs to somebody else
  }
}

const args = (): string[] => ['up', '--detach', '--empty', '--service-engines', '1', '--dir', directory];

/** The launcher writes every process down as it starts it. */
function controllerStarted(): boolean {
  try {
    return readFileSync(join(directory, 'state.json'), 'utf8').includes('"controller"');
  } catch {
    return false;
  }
}
describe('a start that does not succeed leaves nothing running', () => {
  test('when the controller ends: it says why, and the next start works', async () => {
    const failed = await spillway(args(), { env: { SPILLWAY_LOG_LEVEL: 'loud' }, check: false });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('SPILLWAY_LOG_LEVEL');
    expect(processesIn(directory)).toEqual([]);
    await spillway(args());
    expect((await statusOf(directory)).service_engines).toMatchObject([{ name: 'se-1', state: 'OPER_UP' }]);
  });

  test('when it is killed in the middle', async () => {
    const up = await RunningProcess.start(scope, script, args(), { cwd: '/' });
    // Its database runs, its controller has just been started.
    await eventually(controllerStarted, {
      within: 30_000,
      every: 5,
      what: 'the controller to be started',
    });
    up.signal('SIGKILL');
    await up.exited;
    await eventually(() => processesIn(directory).length === 0, {
      within: 20_000,
      what: `nothing to run in ${directory}`,
    });
    await spillway(args());
    expect((await statusOf(directory)).service_engines).toMatchObject([{ name: 'se-1', state: 'OPER_UP' }]);
  });
});
