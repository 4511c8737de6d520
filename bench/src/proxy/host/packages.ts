import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from '@spillway/testing';

/** What the bench runs that is not ours, and the Debian package that has it. */
const PACKAGES = {
  nginx: 'nginx',
  haproxy: 'haproxy',
  h2load: 'nghttp2-client',
  perf: 'linux-perf',
  gcc: 'gcc',
  taskset: 'util-linux',
  openssl: 'openssl',
} as const;
export type Tool = keyof typeof PACKAGES;

const PATHS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];

/** Where a command is; undefined when it is not installed. */
export const locate = (command: string): string | undefined =>
  PATHS.map((dir) => join(dir, command)).find((path) => existsSync(path));

/** Headers that the programs of `bench/native` include. */
const HEADERS = { '/usr/include/stdio.h': 'libc6-dev', '/usr/include/openssl/ssl.h': 'libssl-dev' };

/** Installs what is missing of `tools` when this is root on a Debian; what could not be had is named, with the reason. */
export async function provide(tools: readonly Tool[]): Promise<Map<Tool, string>> {
  const lacking = (): Tool[] => tools.filter((tool) => locate(tool) === undefined);
  const packages = lacking().map((tool): string => PACKAGES[tool]);
  if (tools.includes('gcc'))
    for (const [header, name] of Object.entries(HEADERS)) if (!existsSync(header)) packages.push(name);
  if (packages.length === 0) return new Map();
  const reason = await install(packages);
  return new Map(
    lacking().map((tool) => [tool, `${tool} is not installed (package ${PACKAGES[tool]})${reason}`]),
  );
}

async function install(packages: readonly string[]): Promise<string> {
  if (process.getuid?.() !== 0) return ', and only root may install it';
  if (locate('apt-get') === undefined) return ', and there is no apt-get here';
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await run('apt-get', ['-qq', 'update'], { env, timeout: 120_000, check: false });
  const args = ['-qq', '-y', '--no-install-recommends', 'install', ...packages];
  const { code, stderr } = await run('apt-get', args, { env, timeout: 300_000, check: false });
  return code === 0 ? '' : `: ${stderr.trim().split('\n').at(-1) ?? 'apt-get failed'}`;
}
