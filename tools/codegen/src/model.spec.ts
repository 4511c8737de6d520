import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generateModel, OWNED_BY_MODEL } from './model.js';
import { check, write } from './output.js';

const ROOT = join(import.meta.dirname, '../../..');

describe('what is generated from the tables', () => {
  it('is up to date: else run node tools/codegen/dist/main.js model', () => {
    expect(check(ROOT, generateModel(ROOT), OWNED_BY_MODEL)).toEqual([]);
  });
});

describe('output', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'spillway-codegen-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('is written where it differs, and only there', () => {
    const output = new Map([
      ['a/one.ts', '1'],
      ['a/two.ts', '2'],
    ]);
    expect(check(root, output, ['a'])).toEqual(['a/one.ts', 'a/two.ts']);
    expect(write(root, output, ['a'])).toEqual(['a/one.ts', 'a/two.ts']);
    expect(check(root, output, ['a'])).toEqual([]);
    writeFileSync(join(root, 'a/one.ts'), 'edited');
    expect(check(root, output, ['a'])).toEqual(['a/one.ts']);
    expect(write(root, output, ['a'])).toEqual(['a/one.ts']);
    expect(readFileSync(join(root, 'a/one.ts'), 'utf8')).toBe('1');
  });

  it('takes away what nothing generates any more', () => {
    write(
      root,
      new Map([
        ['a/one.ts', '1'],
        ['a/old.ts', '2'],
      ]),
      ['a'],
    );
    const output = new Map([['a/one.ts', '1']]);
    expect(check(root, output, ['a'])).toEqual(['a/old.ts']);
    write(root, output, ['a']);
    expect(check(root, output, ['a'])).toEqual([]);
  });
});
