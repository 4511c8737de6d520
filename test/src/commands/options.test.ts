import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { identify, isAlive, RunningProcess, Scope } from '@spillway/testing';
import pg from 'pg';
import {
  processesOf,
  script,
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
  scope = new Scope('options');
  directory = await stateDirectory(scope);
});

afterEach(async () => await scope.close());

/** `up` without what these tests do not look at. */
const bare = (dir: string): string[] => ['up', '--detach', '--empty', '--service-engines', '0', '--dir', dir];

describe('up', () => {
  test('a port that was asked for and is taken is refused, and nothing is started', async () => {
    const other = await stateDirectory(scope);
    await spillway(bare(other));
    const port = new URL((await statusOf(other)).api).port;
    const refused = await spillway([...bare(directory), '--api-port', port], { check: false });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(`--api-port ${port}`) });
    expect(await processesOf(other).then(stillRunning)).toHaveLength(2);
    expect((await statusOf(directory)).pids).toEqual({});
  });

  test('DATABASE_URL is used instead of the embedded database, and is asked for again', async () => {
    const other = await stateDirectory(scope);
    await spillway(bare(other));
    const file = (name: string): string => readFileSync(join(other, 'postgres', name), 'utf8').trim();
    const server = `postgres://spillway:${file('password')}@127.0.0.1:${file('port')}`;
    await query(`${server}/spillway`, 'CREATE DATABASE elsewhere');

    await spillway(bare(directory), { env: { DATABASE_URL: `${server}/elsewhere` } });
    expect((await statusOf(directory)).pids).toEqual({ controller: expect.any(Number) });
    expect(existsSync(join(directory, 'postgres'))).toBe(false);
    const tables = await query(`${server}/elsewhere`, "SELECT FROM pg_tables WHERE schemaname = 'public'");
    expect(tables).toBeGreaterThan(3);

    await spillway(['down', '--dir', directory]);
    expect(stillRunning(await processesOf(other))).toHaveLength(2);
    const without = await spillway(bare(directory), { env: { DATABASE_URL: undefined }, check: false });
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('set DATABASE_URL again') });
  });

  test('a second one in the foreground finds the first and leaves it alone', async () => {
    const up = await upInForeground(scope, ['--empty', '--service-engines', '0', '--dir', directory]);
    const second = await spillway(['up', '--empty', '--dir', directory]);
    expect(second.stdout).toContain(`looked after by the process ${up.pid}`);
    expect(up.exit).toBeUndefined();
  });

  test('an option that is wrong is named, with what it may be', async () => {
    const wrong = await spillway(['up', '--workers', 'many', '--dir', directory], { check: false });
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--workers many') });
    expect(wrong.stderr).toContain('1 to 64');
  });
});

describe('logs', () => {
  test('shows the last lines of the log that is asked for, and follows it', async () => {
    await spillway(bare(directory));
    const logs = await spillway(['logs', 'controller', '-n', '1', '--dir', directory]);
    expect(logs.stdout.trim().split('\n')).toHaveLength(1);
    const unknown = await spillway(['logs', 'nobody', '--dir', directory], { check: false });
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('controller') });
    const following = await RunningProcess.start(scope, script, ['logs', '-f', '--dir', directory], {
      cwd: '/',
    });
    await following.waitForOutput(/controller\s+\| /);
    writeFileSync(join(directory, 'controller/controller.log'), 'a line that came later\n', { flag: 'a' });
    await following.waitForOutput(/a line that came later/);
  });
});

async function query(url: string, sql: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

describe('down', () => {
  test('never touches a process that has the pid of one that died', async () => {
    await spillway(['up', '--detach', '--empty', '--service-engines', '0', '--dir', directory]);
    await spillway(['down', '--dir', directory]);
    const stranger = await RunningProcess.start(scope, '/bin/sleep', ['600']);
    const own = identify(stranger.pid);
    if (!own) throw new Error('the stranger does not run');
    const recycled = { pid: own.pid, start_time: own.startTime - 100 };
    const state = JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')) as Record<string, unknown>;
    state['processes'] = { controller: recycled, launcher: recycled, 'se/se-1': recycled, origins: recycled };
    writeFileSync(join(directory, 'state.json'), JSON.stringify(state));
    writeFileSync(join(directory, 'controller/controller.json'), JSON.stringify(recycled));
    const down = await spillway(['down', '--dir', directory]);
    expect(down.stdout).toContain('Nothing runs');
    expect(isAlive(own)).toBe(true);
    expect((await statusOf(directory)).pids).toEqual({});
  });

  test('of a directory that never was one says so', async () => {
    const down = await spillway(['down', '--dir', join(directory, 'never')]);
    expect(down).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing runs') });
  });
});
