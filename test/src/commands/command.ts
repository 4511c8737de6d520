import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import {
  type Completed,
  identify,
  type InstanceStatus,
  isAlive,
  type ProcessIdentity,
  repository,
  run,
  RunningProcess,
  type Scope,
} from '@spillway/testing';

/** The entry script, as a user calls it. */
export const script = join(repository, 'spillway');

/** Runs `./spillway` to its end. */
export async function spillway(
  args: string[],
  options: { env?: Record<string, string | undefined>; check?: boolean } = {},
): Promise<Completed & { milliseconds: number }> {
  const began = performance.now();
  // From another directory: the script must not depend on where it is called.
  const done = await run(script, args, { cwd: '/', timeout: 90_000, ...options });
  return { ...done, milliseconds: performance.now() - began };
}

/** An empty state directory; whatever comes to run in it is stopped when the scope ends. */
export async function stateDirectory(scope: Scope): Promise<string> {
  const directory = join(await scope.tempDir('state'), 'state');
  scope.defer(`instance in ${directory}`, async () => await spillway(['down', '--dir', directory]));
  return directory;
}

/** Starts `./spillway up` in the foreground and waits until it says that all is up. */
export async function upInForeground(scope: Scope, args: string[]): Promise<RunningProcess> {
  const process = await RunningProcess.start(scope, script, ['up', ...args], { name: 'up', cwd: '/' });
  await process.waitForOutput(/Ctrl-C stops everything/, 60_000);
  return process;
}

export async function statusOf(directory: string): Promise<InstanceStatus> {
  const { stdout } = await spillway(['status', '--json', '--dir', directory], { check: false });
  return JSON.parse(stdout) as InstanceStatus;
}

/** Every process of an instance: by its status, and by what the launcher recorded. */
export async function processesOf(directory: string): Promise<ProcessIdentity[]> {
  const { pids, service_engines } = await statusOf(directory);
  const state = JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')) as {
    processes: Record<string, { pid: number }>;
  };
  const all = [
    pids.controller,
    pids.postgres,
    ...service_engines.map(({ pid }) => pid),
    ...Object.values(state.processes).map(({ pid }) => pid),
  ];
  return [...new Set(all)].flatMap((pid) => (pid ? (identify(pid) ?? []) : []));
}

/** Those of the processes that still run. */
export const stillRunning = (processes: ProcessIdentity[]): ProcessIdentity[] => processes.filter(isAlive);

/** Where the sample application of an instance is. */
export function sampleUrl(directory: string): string {
  const state = JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')) as {
    sample: { address: string; port: number };
  };
  return `http://${state.sample.address}:${state.sample.port}/`;
}

/** One request on a connection of its own: status and body. */
export async function fetchOnce(url: string): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.once('timeout', () => request.destroy(new Error('no answer within 5 s')));
    request.once('error', reject);
  });
}
