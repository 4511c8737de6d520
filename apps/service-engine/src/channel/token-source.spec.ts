import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TokenMissing, TokenSource } from './token-source.js';

let dir: string;
let file: string;

beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'spillway-token-'));
  file = path.join(dir, 'tokens', 'se-1');
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const put = (text: string): void => {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
};

describe('token to enrol with', () => {
  test('one that was given is always the one, also after it was refused', () => {
    put('from the file\n');
    const source = new TokenSource('given', file);
    expect(source.next()).toBe('given');
    source.refused('given');
    expect(source.next()).toBe('given');
  });

  test('without any the message names both variables', () => {
    expect(() => new TokenSource(undefined, undefined).next()).toThrow(
      /SPILLWAY_ENROLMENT_TOKEN or SPILLWAY_ENROLMENT_TOKEN_FILE/,
    );
  });

  test('a file that comes later is waited for, by name', () => {
    const source = new TokenSource(undefined, file);
    expect(() => source.next()).toThrow(TokenMissing);
    expect(() => source.next()).toThrow(file);
    put('');
    expect(() => source.next()).toThrow('waiting for a token');
    put('  first\n');
    expect(source.next()).toBe('first');
  });

  test('after a refusal the file is read until it holds another token', () => {
    let now = 0;
    put('first\n');
    const source = new TokenSource(undefined, file, () => now);
    source.refused(source.next());
    expect(() => source.next()).toThrow('was refused');
    put('second\n');
    expect(source.next()).toBe('second');
    source.refused('second');
    now = 59_999;
    expect(() => source.next()).toThrow('was refused');
    now = 60_000;
    expect(source.next()).toBe('second');
  });

  test('a file that cannot be read is named with the reason', () => {
    mkdirSync(file, { recursive: true });
    expect(() => new TokenSource(undefined, file).next()).toThrow(/cannot be read: EISDIR/);
  });
});
