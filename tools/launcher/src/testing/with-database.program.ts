import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensurePostgres, stopPostgres } from '../postgres/server.js';

/*
 * `with-database.program.js COMMAND`: runs a shell command with DATABASE_URL of an empty embedded database,
 * which is thrown away after it. Ends as the command ended.
 */
const [command] = process.argv.slice(2);
if (command === undefined) throw new Error('usage: with-database.program.js COMMAND');
const directory = mkdtempSync(path.join(os.tmpdir(), 'spillway-database-'));
try {
  const { url } = await ensurePostgres(directory, { durable: false });
  const env = { ...process.env, DATABASE_URL: url };
  process.exitCode = spawnSync('/bin/sh', ['-c', command], { stdio: 'inherit', env }).status ?? 1;
} finally {
  await stopPostgres(directory);
  rmSync(directory, { recursive: true, force: true });
}
