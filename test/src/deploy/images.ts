import { cpSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository, run, type Scope } from '@spillway/testing';
import type { Container } from './container.js';
import { type ImageConfig, imageConfig, readDockerfile } from './dockerfile.js';

/** The file tree of an image under a directory, and what its containers run. */
export interface Image extends ImageConfig {
  root: string;
  /** Of a stand-in for somebody else's image: more volumes, more arguments, its own way to say that it is well. */
  mounts?: Record<string, string>;
  moreArguments?: string[];
  healthy?: (container: Container) => boolean;
}

/** What the images in the file begin with, beside the system's own folders: those come from this host. */
const BASES: Record<string, () => Record<string, string>> = {
  'node:26-bookworm-slim': () => ({ '/usr/local/bin/node': process.execPath }),
  'debian:trixie-slim': () => ({}),
};

/** Folders of the host that stand in for the system of a base image. */
export const SYSTEM = ['/usr/bin', '/usr/sbin', '/usr/lib', '/usr/lib64', '/usr/share'];

/** The tests' network has no registry: everything comes from the store that the install of this checkout filled. */
const WITHOUT_REGISTRY = {
  npm_config_offline: 'true',
  pnpm_config_offline: 'true',
  pnpm_config_minimum_release_age: '0',
  pnpm_config_trust_lockfile: 'true',
};
const FOLDERS = ['/usr/local/bin', '/etc', '/opt', '/run', '/tmp', '/proc', '/dev', '/var/lib'];

/**
 * Runs the last step of the build stage, which puts together what goes into the images, on this checkout as it is
 * installed and compiled. Returns the directory that stands for `/out`.
 */
export async function buildOutput(scope: Scope): Promise<string> {
  const out = await scope.tempDir('images');
  const step = readDockerfile()
    .find(({ name }) => name === 'build')
    ?.instructions.findLast(({ op }) => op === 'RUN')?.text;
  if (!step?.includes('/out')) throw new Error('the build stage has no last RUN that fills /out');
  await run('sh', ['-ec', step.replaceAll('/out', out)], {
    cwd: repository,
    timeout: 120_000,
    env: { ...process.env, ...WITHOUT_REGISTRY },
  });
  return out;
}

/** Makes the file tree of an image from its stage of the Dockerfile. Needs root: its RUN steps run inside of it. */
export async function makeImage(scope: Scope, target: string, out: string): Promise<Image> {
  const stage = readDockerfile().find(({ name }) => name === target);
  if (!stage) throw new Error(`deploy/Dockerfile has no stage ${target}`);
  const root = await emptyRoot(scope, target);
  const add = BASES[stage.base];
  if (!add) throw new Error(`no stand-in for the base image ${stage.base}`);
  for (const [at, from] of Object.entries(add())) put(from, join(root, at));
  for (const { op, flags, text } of stage.instructions) {
    if (op === 'COPY') await copy(text, flags['from'] === 'build' ? out : undefined, root);
    // Packages are the host's, as the rest of the system is.
    if (op === 'RUN' && !text.startsWith('apt-get ')) await runInside(root, text);
  }
  return { root, ...imageConfig(stage) };
}

/** A file tree with what every image has: folders, accounts, and places for the system of this host. */
export async function emptyRoot(scope: Scope, name: string): Promise<string> {
  const root = join(await scope.tempDir(`root-${name}`), 'root');
  for (const dir of [...SYSTEM, ...FOLDERS]) mkdirSync(join(root, dir), { recursive: true });
  for (const dir of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${dir}`, join(root, dir));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nspillway:x:10001:10001::/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nspillway:x:10001:\n');
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'hosts: files\n');
  writeFileSync(join(root, 'etc/hosts'), '');
  return root;
}

/** `out` for what comes from the build stage, else the checkout. */
async function copy(text: string, out: string | undefined, root: string): Promise<void> {
  const paths = text.split(/\s+/);
  const target = join(root, paths.pop() ?? '');
  for (const path of paths) {
    const from = out === undefined ? join(repository, path) : join(out, path.replace(/^\/out\//, ''));
    mkdirSync(dirname(target), { recursive: true });
    // Hard links where the file system allows: the trees are large.
    await run('cp', ['-a', '--link', from, target]).catch(() => cpSync(from, target, { recursive: true }));
  }
}

async function runInside(root: string, command: string): Promise<void> {
  const mounts = SYSTEM.map((dir) => `mount --bind ${dir} ${root}${dir}`).join('\n');
  const script = `set -e\nmount --make-rprivate /\n${mounts}\nexec chroot ${root} sh -ec "$1"`;
  await run('unshare', ['--mount', 'sh', '-c', script, 'sh', command]);
}

function put(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to, { dereference: true });
  }
}
