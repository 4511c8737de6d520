import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hasCode } from '../process/errno.js';

/** Reads a JSON file; undefined where there is none, or where its writer has not finished it. */
export function readJson<T>(file: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
  try {
    const value: T = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/** Replaces a JSON file at once: a reader sees the old or the new one, never a part. Readable by us alone. */
export function writeJson(file: string, value: unknown): void {
  const half = `${file}.${process.pid}.tmp`;
  writeFileSync(half, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(half, file);
}
