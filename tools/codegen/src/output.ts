import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Path from the root of the repository -> content. */
export type Output = ReadonlyMap<string, string>;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The files under `owned` directories that nothing generates any more. */
function orphans(root: string, output: Output, owned: readonly string[]): string[] {
  return owned.flatMap((directory) => {
    let names: string[] = [];
    try {
      names = readdirSync(join(root, directory));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return names.map((name) => `${directory}/${name}`).filter((path) => !output.has(path));
  });
}

/** Writes what changed, and removes what nothing generates any more from the directories that belong to the generator. Returns the changed paths. */
export function write(root: string, output: Output, owned: readonly string[]): string[] {
  const stale = check(root, output, owned);
  for (const path of stale) {
    const content = output.get(path);
    if (content === undefined) rmSync(join(root, path));
    else {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
  }
  return stale;
}

/** The paths whose content differs from what would be generated, or that should not be there. */
export function check(root: string, output: Output, owned: readonly string[]): string[] {
  const differing = [...output]
    .filter(([path, content]) => read(join(root, path)) !== content)
    .map(([path]) => path);
  return [...differing, ...orphans(root, output, owned)];
}
