import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Where the tests run, told to them in SPILLWAY_TEST_NETWORK: `namespace` is a network namespace of the run
 * with its own sysctls (`net.ipv4.tcp_migrate_req=1`: connections in the queue of a closing listener are
 * handed over); `host` is the machine as it is, where nothing that needs those sysctls is asserted.
 */
export type TestNetwork = 'namespace' | 'host';

const variable = 'SPILLWAY_TEST_NETWORK';

/** The network this process was put into, or undefined before it was. */
export function currentNetwork(): TestNetwork | undefined {
  const value = process.env[variable];
  return value === 'namespace' || value === 'host' ? value : undefined;
}

/**
 * How to enter a network namespace of one's own here. Without root it needs a user namespace, which keeps the
 * uid (PostgreSQL refuses to run as root) and gives the capabilities that the interfaces need.
 */
export function namespaceCommand(isRoot: boolean): string[] {
  return isRoot
    ? ['unshare', '--net', '--']
    : ['unshare', '--user', '--map-current-user', '--keep-caps', '--net', '--'];
}

const sysctls: Record<string, string> = {
  'net/ipv4/tcp_migrate_req': '1',
  // Below are the ports of listeners (process/port.ts).
  'net/ipv4/ip_local_port_range': '16384 65535',
  'net/ipv4/tcp_tw_reuse': '1',
  'net/ipv4/ip_unprivileged_port_start': '0',
};

/**
 * A namespace reaches no registry: what a test asks of npm and pnpm comes from their stores, which the install
 * before has filled and checked, or fails at once instead of trying on.
 */
const withoutRegistry = {
  npm_config_offline: 'true',
  pnpm_config_offline: 'true',
  pnpm_config_trust_lockfile: 'true',
};

/** Runs this same command again, inside a namespace where there can be one. Answers its exit code. */
export async function runAgainInside(): Promise<number> {
  const enter = namespaceCommand(process.getuid?.() === 0);
  const [program = '', ...enterArguments] = enter;
  const possible = spawnSync(program, [...enterArguments, 'ip', 'link', 'set', 'lo', 'up']).status === 0;
  const network: TestNetwork = possible ? 'namespace' : 'host';
  if (!possible)
    console.log(
      'No network namespace can be made here: the tests run on the host, whose sysctls stay as they are.\n' +
        'Not asserted then: 0 lost connections where the kernel hands over a closing listener (scale in, migrate).',
    );
  const command = [...(possible ? enter : []), process.execPath, ...process.argv.slice(1)];
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, [variable]: network, ...(possible ? withoutRegistry : {}) },
  });
  const forward = (signal: NodeJS.Signals): boolean => child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (signal) console.log(`The test run was ended by ${signal}\n\n0 passed, 1 failed`);
      resolve(signal ? 128 + constants.signals[signal] : (code ?? 1));
    });
  });
}

/** Brings up the loopback and sets what the tests rely on. Answers the settings that the kernel refused. */
export function furnish(): string[] {
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
  return Object.entries(sysctls).flatMap(([name, value]) => {
    try {
      writeFileSync(`/proc/sys/${name}`, value);
      return [];
    } catch (error) {
      return [`${name.replaceAll('/', '.')}=${value}: ${String(error)}`];
    }
  });
}

/** A process that a test left running. */
interface Leftover {
  pid: number;
  command: string;
}

/** Who else lives in the namespace of this run: every one of them was started by a test. */
function others(): Leftover[] {
  const own = readlinkSync('/proc/self/ns/net');
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      if (readlinkSync(`/proc/${pid}/ns/net`) !== own) return [];
      return [{ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() }];
    } catch {
      return []; // it ended while we looked, or is not ours to see
    }
  });
}

/** Ends what the tests left running in this namespace, and names it. Gives them a moment to end by themselves. */
export async function endLeftovers(graceMs = 5000): Promise<string[]> {
  const deadline = performance.now() + graceMs;
  let left = others();
  while (left.length > 0 && performance.now() < deadline) {
    await delay(50);
    left = others();
  }
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  return left.map(({ pid, command }) => `process ${pid} was left running: ${command.slice(0, 160)}`);
}
