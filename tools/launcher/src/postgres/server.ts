import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { isFree, freePort } from '../process/port.js';
import { withLock } from '../process/lock.js';
import { stop } from '../process/stop.js';
import { until } from '../process/wait.js';
import { type Account, accountFor } from './account.js';
import { postgresBinaries } from './binaries.js';
import { PostgresError } from './error.js';
import { createDatabase, databaseName, superuser } from './database.js';
import {
  type DatabaseFiles,
  databaseFiles,
  giveTo,
  lastPort,
  passwordOf,
  prepareDirectory,
  realData,
} from './files.js';
import { findPostmaster, type Postmaster } from './postmaster.js';

/** A running embedded database. */
export interface Postgres {
  /** `postgres://...` with the password in it: print it nowhere. */
  url: string;
  pid: number;
  port: number;
  /** False when the server was already running. */
  started: boolean;
}

export interface PostgresOptions {
  /** False: no fsync, for data that a test throws away. Default true. */
  durable?: boolean;
}

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  max_connections: '200',
  log_checkpoints: 'off',
};
const settingsOfThrowawayData = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** A start appends to the log of the last one; from this size it begins a new one. */
const maxLogBytes = 10 * 1024 * 1024;

/** Recovery after a power cut may take its time; a server that ends is noticed at once. */
const startTimeoutMs = 60_000;

/**
 * Gives a running PostgreSQL whose data is in `directory`: attaches to the one that runs, else starts it, and
 * before its first start makes it (user and database `spillway`, scram password, loopback only). The server
 * does not depend on this process: it lives until `stopPostgres`. As root it runs as `postgres` or `nobody`.
 */
export async function ensurePostgres(directory: string, options: PostgresOptions = {}): Promise<Postgres> {
  return await withLock(`postgres ${path.resolve(directory)}`, async () => {
    const account = accountFor(databaseFiles(directory).data);
    const files = prepareDirectory(directory, account);
    const password = passwordOf(files);
    const running = findPostmaster(realData(files));
    const server = running ?? (await makeAndStart(files, account, options));
    const ready = server.ready ? server : await becomeReady(files);
    const url = `postgres://${superuser}:${password}@127.0.0.1:${ready.port}/`;
    if (!existsSync(files.created)) {
      await createDatabase(`${url}postgres`);
      writeFileSync(files.created, `${databaseName}\n`);
    }
    return { url: url + databaseName, pid: ready.identity.pid, port: ready.port, started: !running };
  });
}

/**
 * Ends the server of this directory after its open transactions were rolled back, and waits for it. Answers
 * false when none ran.
 */
export async function stopPostgres(directory: string): Promise<boolean> {
  return await withLock(`postgres ${path.resolve(directory)}`, async () => {
    const server = runningPostgres(directory);
    if (!server) return false;
    // SIGINT is its "fast shutdown", SIGQUIT the immediate one, after which it recovers on its next start.
    return await stop(server.identity, 'PostgreSQL', [
      ['SIGINT', 20_000],
      ['SIGQUIT', 10_000],
    ]);
  });
}

/** The server of this directory, if it runs. */
export function runningPostgres(directory: string): Postmaster | undefined {
  const files = databaseFiles(directory);
  return existsSync(files.data) ? findPostmaster(realData(files)) : undefined;
}

async function makeAndStart(
  files: DatabaseFiles,
  account: Account,
  options: PostgresOptions,
): Promise<Postmaster> {
  const bin = postgresBinaries(account);
  const data = realData(files);
  if (!existsSync(data)) await initialise(bin, data, files, account, options);
  // Another process may take the port between our look and the server's start.
  for (let attempt = 1; ; attempt += 1) {
    const last = lastPort(files);
    const port = last !== undefined && (await isFree(last)) ? last : await freePort();
    try {
      return await start(bin, data, port, files, account, options);
    } catch (error) {
      if (attempt === 3 || (await isFree(port))) throw error;
    }
  }
}

async function initialise(
  bin: string,
  data: string,
  files: DatabaseFiles,
  account: Account,
  { durable = true }: PostgresOptions,
): Promise<void> {
  // Made beside and then renamed: an interrupted initdb never looks like a database.
  const half = `${data}.new`;
  rmSync(half, { recursive: true, force: true });
  rmSync(files.created, { force: true });
  mkdirSync(half, { mode: 0o700 });
  giveTo(account, half);
  // Beside the data, where the account can read it.
  const secret = `${data}.secret`;
  rmSync(secret, { force: true });
  writeFileSync(secret, passwordOf(files), { mode: 0o600, flag: 'wx' });
  giveTo(account, secret);
  const child = spawnAs(account, path.join(bin, 'initdb'), files.log, [
    `--pgdata=${half}`,
    `--username=${superuser}`,
    `--pwfile=${secret}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Knows Unicode, and sorts the same on every machine.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...(durable ? [] : ['--no-sync']),
  ]);
  const code = await ended(child).finally(() => rmSync(secret));
  if (code !== 0) throw new PostgresError(`initdb ended with ${code}`, files.log);
  renameSync(half, data);
}

async function start(
  bin: string,
  data: string,
  port: number,
  files: DatabaseFiles,
  account: Account,
  { durable = true }: PostgresOptions,
): Promise<Postmaster> {
  const parameters = { ...settings, ...(durable ? {} : settingsOfThrowawayData), port: String(port) };
  const child = spawnAs(account, path.join(bin, 'postgres'), files.log, [
    '-D',
    data,
    ...Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const code = ended(child);
  let over: number | undefined;
  void code.then((value) => (over = value));
  const server = await until(
    'PostgreSQL to take connections',
    () => {
      if (over !== undefined)
        throw new PostgresError(`PostgreSQL ended with ${over} on its start`, files.log);
      const found = findPostmaster(data);
      return found?.ready ? found : undefined;
    },
    { timeoutMs: startTimeoutMs, everyMs: 5 },
  );
  child.unref();
  writeFileSync(files.port, `${port}\n`);
  return server;
}

async function becomeReady(files: DatabaseFiles): Promise<Postmaster> {
  return await until(
    'PostgreSQL to take connections',
    () => {
      const found = findPostmaster(realData(files));
      return found?.ready ? found : undefined;
    },
    { timeoutMs: startTimeoutMs, everyMs: 5 },
  );
}

/** Starts a program in a session of its own, so that no signal to our terminal or group reaches it. */
function spawnAs(account: Account, program: string, log: string, args: string[]): ChildProcess {
  if (existsSync(log) && statSync(log).size > maxLogBytes) truncateSync(log);
  const output = openSync(log, 'a', 0o600);
  try {
    return spawn(program, args, {
      ...(process.getuid?.() === 0 ? account : {}),
      cwd: '/',
      detached: true,
      stdio: ['ignore', output, output],
      env: { PATH: process.env.PATH, TZ: 'UTC' },
    });
  } finally {
    closeSync(output);
  }
}

async function ended(child: ChildProcess): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
