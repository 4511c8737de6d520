import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { eventually, identify, killNow, Scope } from '@spillway/testing';
import {
  fetchOnce,
  processesOf,
  sampleUrl,
  spillway,
  stateDirectory,
  statusOf,
  stillRunning,
  upInForeground,
} from './command.js';

jest.setTimeout(180_000);

let scope: Scope;
let directory: string;

beforeEach(async () => {
  scope = new Scope('foreground');
  directory = await stateDirectory(scope);
});

afterEach(async () => await scope.close());

async function kill(pid: number | undefined): Promise<void> {
  const identity = identify(pid ?? 0);
  if (!identity) throw new Error(`no process ${pid}`);
  await killNow(identity);
}

describe('up in the foreground', () => {
  test('starts a dead controller and a dead SE again, and stops everything on SIGINT', async () => {
    const up = await upInForeground(scope, ['--service-engines', '1', '--dir', directory]);
    const before = await statusOf(directory);

    await kill(before.pids.controller);
    const controller = await eventually(
      async () => {
        const { pids, service_engines } = await statusOf(directory);
        return service_engines[0]?.state === 'OPER_UP' ? pids.controller : undefined;
      },
      { within: 30_000, what: 'the controller to be back with its SE' },
    );
    expect(controller).not.toBe(before.pids.controller);
    expect(up.output()).toMatch(/the controller ended; starting it again in 0.2 s/);

    await kill(before.service_engines[0]?.pid);
    await eventually(
      async () => (await fetchOnce(sampleUrl(directory)).catch(() => undefined))?.status === 200,
      {
        within: 30_000,
        what: 'the sample to answer again',
      },
    );
    const after = await statusOf(directory);
    expect(after.service_engines[0]).toMatchObject({ uuid: before.service_engines[0]?.uuid });
    expect(after.service_engines[0]?.pid).not.toBe(before.service_engines[0]?.pid);

    const processes = await processesOf(directory);
    up.signal('SIGINT');
    expect(await up.exited).toEqual({ code: 0, signal: null });
    expect(stillRunning(processes)).toEqual([]);
  });

  test('with --no-restart leaves a dead controller dead; down ends the launcher too', async () => {
    const up = await upInForeground(scope, [
      '--no-restart',
      '--empty',
      '--service-engines',
      '1',
      '--dir',
      directory,
    ]);
    const before = await statusOf(directory);
    await kill(before.pids.controller);
    // The SE notices the loss before anything would have started the controller again (0.2 s): the sample
    // of time is a second start of the whole script, which takes longer than that.
    await spillway(['status', '--dir', directory], { check: false });
    await spillway(['status', '--dir', directory], { check: false });
    expect((await statusOf(directory)).pids.controller).toBeUndefined();
    expect(up.exit).toBeUndefined();
    const processes = await processesOf(directory);
    await spillway(['down', '--dir', directory]);
    expect(await up.exited).toEqual({ code: 0, signal: null });
    expect(stillRunning(processes)).toEqual([]);
  });
});
