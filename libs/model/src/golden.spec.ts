import { describe, expect, it } from '@jest/globals';
// The files of the golden pairs; what is tested does no I/O.
// oxlint-disable-next-line no-restricted-imports
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyDefaults, checkRules, parseObject, references, stripDefaults, type KindName } from './index.js';

const DIR = join(import.meta.dirname, '..', 'golden');

/** `NAME.in.json` is what a client sends, `NAME.out.json` all that the model makes of it. */
describe('golden files', () => {
  it.each<[string, KindName]>([
    ['pool', 'pool'],
    ['virtualservice', 'virtualservice'],
    ['refused-group', 'serviceenginegroup'],
  ])('%s', (name, kind) => {
    const parsed = parseObject(kind, JSON.parse(readFileSync(join(DIR, `${name}.in.json`), 'utf8')));
    const good = parsed.errors.length === 0;
    const made = good
      ? {
          rules: checkRules(kind, parsed.value),
          references: references(kind, parsed.value),
          withDefaults: applyDefaults(kind, parsed.value),
          withoutDefaults: stripDefaults(kind, parsed.value),
        }
      : {};
    compare(`${name}.out.json`, { ...parsed, ...made });
  });
});

function compare(file: string, value: unknown): void {
  const path = join(DIR, file);
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1' || (!existsSync(path) && process.env['CI'] === undefined)) {
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}
