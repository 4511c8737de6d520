import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { repository, tool } from '../paths.js';
import type { Step } from './tally.js';

/** A command that must end with 0. */
export interface Check {
  name: string;
  command: string;
  directory: string;
}

interface Manifest {
  scripts?: Record<string, string>;
}

const ofTheWorkspace: Check[] = [
  {
    name: 'lint',
    // Nested configs: packages ship theirs inside node_modules, and oxlint would load them.
    command: 'oxlint --type-aware --disable-nested-config --quiet',
    directory: repository,
  },
  { name: 'format', command: 'oxfmt --check .', directory: repository },
];

/**
 * The checks of the checkout: lint, format, and every script of a workspace package whose name begins with
 * `check` (that is how a package says that what it generates is fresh). A package's check is named
 * `<package>:<script>`.
 */
export function checks(): Check[] {
  const manifests = globSync('{apps,libs,tools,.}/*/package.json', {
    cwd: repository,
    exclude: (name) => name === 'node_modules',
  });
  const own = manifests.sort().flatMap((manifest) => {
    const directory = path.join(repository, path.dirname(manifest));
    const { scripts = {} }: Manifest = JSON.parse(readFileSync(path.join(repository, manifest), 'utf8'));
    return Object.entries(scripts)
      .filter(([script]) => script.startsWith('check'))
      .map(([script, command]) => ({ name: `${path.basename(directory)}:${script}`, command, directory }));
  });
  return [...ofTheWorkspace, ...own];
}

/** Runs one check; what it printed is shown only when it failed. */
export async function runCheck(check: Check): Promise<Step> {
  const began = performance.now();
  const child = spawn('/bin/sh', ['-c', check.command], {
    cwd: check.directory,
    env: {
      ...process.env,
      PATH: [
        path.join(check.directory, 'node_modules/.bin'),
        path.dirname(tool('node')),
        process.env.PATH,
      ].join(':'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(signal ? 1 : (status ?? 1)));
  });
  const ok = code === 0;
  if (!ok) console.log(`\n${check.name}: ${check.command}\n${Buffer.concat(output).toString().trimEnd()}`);
  return {
    name: check.name,
    seconds: (performance.now() - began) / 1000,
    passed: ok ? 1 : 0,
    failed: ok ? 0 : 1,
    skipped: 0,
    failures: ok ? [] : [`\`${check.command}\` ended with ${code} (its output stands above)`],
  };
}
