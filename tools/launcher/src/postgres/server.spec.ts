import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { identify, runs } from '../process/identity.js';
import { databaseFiles } from './files.js';
import { ensurePostgres, runningPostgres, stopPostgres } from './server.js';

jest.setTimeout(60_000);

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded database', () => {
  let directory: string;
  const options = { durable: false };

  beforeAll(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'spillway-postgres-'));
  });

  afterAll(async () => {
    await stopPostgres(directory);
    rmSync(directory, { recursive: true, force: true });
  });

  test('is made and started, by an account that is not root, on loopback with a password', async () => {
    const server = await ensurePostgres(directory, options);
    expect(server.started).toBe(true);
    expect(statSync(`/proc/${server.pid}`).uid).not.toBe(0);
    expect(await query(server.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(statSync(databaseFiles(directory).password).mode & 0o777).toBe(0o600);
    const wrong = new URL(server.url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
  });

  test('is attached to while it runs', async () => {
    const first = await ensurePostgres(directory, options);
    expect(await ensurePostgres(directory, options)).toEqual({ ...first, started: false });
  });

  test('keeps its data and its port over a stop', async () => {
    const before = await ensurePostgres(directory, options);
    await query(before.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    expect(await stopPostgres(directory)).toBe(true);
    expect(identify(before.pid)).toBeUndefined();
    expect(await stopPostgres(directory)).toBe(false);
    const after = await ensurePostgres(directory, options);
    expect(after.url).toBe(before.url);
    expect(await query(after.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  test('takes another port when somebody has taken its own', async () => {
    const before = await ensurePostgres(directory, options);
    await stopPostgres(directory);
    const squatter = net.createServer().listen(before.port, '127.0.0.1');
    await once(squatter, 'listening');
    try {
      const after = await ensurePostgres(directory, options);
      expect(after.port).not.toBe(before.port);
      expect(await query(after.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
    } finally {
      squatter.close();
    }
  });

  test('survives SIGKILL of the process that started it, which can then be attached to', async () => {
    await stopPostgres(directory);
    const starter = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { ensurePostgres } from ${JSON.stringify(import.meta.resolve('./server.js'))};
       const server = await ensurePostgres(${JSON.stringify(directory)}, { durable: false });
       process.stdout.write(server.pid + '\\n');
       setInterval(() => {}, 1000);`,
    ]);
    const [line] = await once(starter.stdout, 'data');
    starter.kill('SIGKILL');
    await once(starter, 'exit');
    const server = await ensurePostgres(directory, options);
    expect(server).toMatchObject({ pid: Number(String(line)), started: false });
  });

  test('is not mistaken for a process that got the pid of a dead server', async () => {
    await ensurePostgres(directory, options);
    await stopPostgres(directory);
    const { data } = databaseFiles(directory);
    const own = identify(process.pid);
    writeFileSync(path.join(data, 'postmaster.pid'), `${process.pid}\n${data}\n0\n1\n\n\n\nready\n`);
    expect(runningPostgres(directory)).toBeUndefined();
    expect(await stopPostgres(directory)).toBe(false);
    expect(own && runs(own)).toBe(true);
    rmSync(path.join(data, 'postmaster.pid'));
  });

  test('two callers at once get the same server', async () => {
    await stopPostgres(directory);
    const [a, b] = await Promise.all([
      ensurePostgres(directory, options),
      ensurePostgres(directory, options),
    ]);
    expect(a.pid).toBe(b.pid);
    expect(a.started).not.toBe(b.started);
  });

  test('a start that fails says why, with the end of the log, and leaves nothing running', async () => {
    await stopPostgres(directory);
    const { data, log } = databaseFiles(directory);
    const control = path.join(data, 'global/pg_control');
    const whole = readFileSync(control);
    writeFileSync(control, whole.subarray(0, 10));
    await expect(ensurePostgres(directory, options)).rejects.toThrow(log);
    expect(runningPostgres(directory)).toBeUndefined();
    writeFileSync(control, whole);
    expect((await ensurePostgres(directory, options)).started).toBe(true);
  });
});
