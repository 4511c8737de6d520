import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AlgorithmName } from '@spillway/balancing';
import { eventually, repository, RunningProcess, type Scope } from '@spillway/testing';
import type { Certificates } from '../host/certificates.js';
import type { Native } from '../host/native.js';
import { locate } from '../host/packages.js';
import { fileLimit, treePids } from '../host/usage.js';
import type { ContestantName, Tuning } from '../workloads.js';
import { haproxyConf } from './haproxy.js';
import { nginxConf, nginxProxy } from './nginx.js';
import { ORIGIN_PORTS, portOf } from './ports.js';
import { benchSnapshot } from './snapshot.js';

/** What a contestant is started with. */
export interface Setting {
  native: Native;
  certificates: Certificates;
  tuning: Tuning;
  /** Cores that it and all that it starts may use. */
  cores: readonly number[];
  /** Workers of the SE; peers have one. */
  workers?: number;
  env?: Record<string, string>;
  /** Ours has a virtual service with each of these, too; see `algorithmPort`. */
  algorithms?: readonly AlgorithmName[];
}

/** A proxy that runs. */
export interface Contestant {
  name: ContestantName;
  pid: number;
  /** Pids of all its processes, as they are now. */
  pids: () => number[];
}

const BUN = join(repository, 'node_modules/bun/bin/bun.exe');
const ENGINE = join(repository, 'apps/service-engine/dist/main.js');

/** Starts a command on some cores; it is stopped with the scope. */
export const startPinned = (
  scope: Scope,
  cores: readonly number[],
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<RunningProcess> =>
  RunningProcess.start(
    scope,
    'prlimit',
    [`--nofile=${fileLimit()}`, 'taskset', '-c', cores.join(','), command, ...args],
    { name: command, env: { SPILLWAY_FENCE_DIR: undefined, ...env } },
  );

type Write = (file: string, text: string) => string;

/** Command and arguments of each contestant; what it reads is written to `dir` first. */
const COMMANDS: Record<ContestantName, (dir: string, write: Write, setting: Setting) => [string, string[]]> =
  {
    spillway: (_dir, write, { certificates, workers = 1, algorithms = [] }) => {
      const snapshot = write('snapshot.json', JSON.stringify(benchSnapshot(certificates, algorithms)));
      return [BUN, [ENGINE, 'engine', '--snapshot', snapshot, '--workers', String(workers)]];
    },
    nginx: (dir, write, { tuning, certificates }) => {
      write('proxy.conf', nginxProxy(tuning));
      const conf = write('nginx.conf', nginxConf(dir, certificates, fileLimit()));
      return [locate('nginx')!, ['-p', dir, '-c', conf]];
    },
    haproxy: (_dir, write, { tuning, certificates }) => {
      const conf = write('haproxy.cfg', haproxyConf(tuning, certificates, fileLimit()));
      return [locate('haproxy')!, ['-db', '-f', conf]];
    },
    relay: (_dir, _write, { native }) => [
      native.relay,
      [String(portOf('relay', 'http')), ...ORIGIN_PORTS.map(String)],
    ],
  };

/** Starts a proxy and waits until it answers. */
export async function startContestant(
  scope: Scope,
  name: ContestantName,
  setting: Setting,
): Promise<Contestant> {
  const dir = await scope.tempDir(name);
  mkdirSync(join(dir, 'logs')); // where nginx wants to log before it has read its configuration
  const write: Write = (file, text) => {
    writeFileSync(join(dir, file), text);
    return join(dir, file);
  };
  const [command, args] = COMMANDS[name](dir, write, setting);
  const process = await startPinned(scope, setting.cores, command, args, setting.env);
  if (name === 'spillway') {
    const [line] = await process.waitForOutput(/^\{"ready".*$/m, 20_000);
    if (!line.includes('"ready":true')) throw new Error(`the SE does not serve: ${line}`);
  }
  await answers(process, portOf(name, 'http'));
  return { name, pid: process.pid, pids: () => treePids(process.pid) };
}

/** Waits until `port` answers a request for a small body. */
export async function answers(process: RunningProcess, port: number): Promise<void> {
  await eventually(
    async () => {
      if (process.exit !== undefined) throw new Error(process.output());
      return (await (await fetch(`http://127.0.0.1:${port}/100`)).text()).length === 100;
    },
    { within: 15_000, what: `${process.name} to answer on port ${port}` },
  );
}

/** The servers that all contestants have. */
export async function startOrigins(
  scope: Scope,
  native: Native,
  cores: readonly number[],
): Promise<RunningProcess> {
  const process = await startPinned(scope, cores, native.origin, ORIGIN_PORTS.map(String));
  for (const port of ORIGIN_PORTS) await answers(process, port);
  return process;
}
