import path from 'node:path';

/** The root of the checkout that this launcher was built in. */
export const repository = path.resolve(import.meta.dirname, '../../..');

/** A file of the checkout, by its path from the root. */
export function inRepository(...parts: string[]): string {
  return path.join(repository, ...parts);
}

/** A program of the pinned tool chain. */
export function tool(name: string): string {
  return inRepository('node_modules/.bin', name);
}
