import { existsSync, globSync, rmSync } from 'node:fs';
import path from 'node:path';
import { repository } from '../paths.js';
import type { TestFiles } from './selection.js';

const excluded = (name: string): boolean => name === 'node_modules';

function compiled(roots: string, kind: string): string[] {
  return globSync(`${roots}/dist/**/*.${kind}.js`, { cwd: repository, exclude: excluded }).sort();
}

/** The compiled test files, relative to the checkout. */
export function testFiles(): TestFiles {
  return { unit: compiled('{apps,libs,tools}/*', 'spec'), e2e: compiled('test', 'test') };
}

/** The source that a compiled file was made from. */
export function sourceOf(file: string): string {
  return file.replace(/(^|\/)dist\//, '$1src/').replace(/\.js$/, '.ts');
}

/** Removes compiled tests whose source is gone: the compiler leaves them, and Jest would still run them. */
export function removeStaleTests(): void {
  const { unit, e2e } = testFiles();
  for (const file of [...unit, ...e2e]) {
    if (!existsSync(path.join(repository, sourceOf(file)))) rmSync(path.join(repository, file));
  }
}
