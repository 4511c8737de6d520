import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { BootstrapTokens, type TokenDesk } from './bootstrap-tokens.js';

/** A desk that numbers its tokens. */
class Desk implements TokenDesk {
  readonly enrolled = new Set<string>();
  readonly made: string[] = [];
  broken = false;
  constructor(private readonly now: () => number) {}

  hasEnrolled = async (name: string): Promise<boolean> => {
    if (this.broken) throw new Error('the database is away');
    return this.enrolled.has(name);
  };
  createToken = async (name: string, ttlMs: number): Promise<{ token: string; expiresAt: Date }> => {
    this.made.push(name);
    return { token: `${name}-${this.made.length}`, expiresAt: new Date(this.now() + ttlMs) };
  };
}

let dir: string;
let now: number;
let desk: Desk;
let tokens: BootstrapTokens | undefined;

beforeEach(() => {
  dir = path.join(mkdtempSync(path.join(os.tmpdir(), 'spillway-bootstrap-')), 'tokens');
  now = 1_000_000;
  desk = new Desk(() => now);
});

afterEach(async () => {
  await tokens?.close();
  rmSync(path.dirname(dir), { recursive: true, force: true });
});

const read = (name: string): string => readFileSync(path.join(dir, name), 'utf8').trim();

async function start(names: string[]): Promise<BootstrapTokens> {
  // Looked at by hand, not by the clock.
  tokens = new BootstrapTokens(
    { dir, names, ttlMs: 1000, everyMs: 3_600_000, now: () => now },
    desk,
    pino({ level: 'silent' }),
  );
  await tokens.start();
  return tokens;
}

async function look(): Promise<void> {
  tokens?.lookSoon();
  await tokens?.close();
}

describe('tokens for SEs named beforehand', () => {
  test('each SE that has not enrolled gets one, for the account of the controller alone', async () => {
    desk.enrolled.add('se-2');
    await start(['se-1', 'se-2', 'se-3']);
    expect(readdirSync(dir).sort()).toEqual(['se-1', 'se-3']);
    expect(read('se-1')).toBe('se-1-1');
    expect(statSync(path.join(dir, 'se-1')).mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  test('what was left of an SE that enrolled meanwhile is removed at the start', async () => {
    await start(['se-1']);
    await tokens?.close();
    desk.enrolled.add('se-1');
    await start(['se-1']);
    expect(existsSync(path.join(dir, 'se-1'))).toBe(false);
    expect(desk.made).toEqual(['se-1']);
  });

  test('an unused one is replaced after half of its life, a used one removed', async () => {
    await start(['se-1', 'se-2']);
    now += 499;
    await look();
    expect(desk.made).toHaveLength(2);
    now += 1;
    desk.enrolled.add('se-2');
    await look();
    expect(read('se-1')).toBe('se-1-3');
    expect(readdirSync(dir)).toEqual(['se-1']);
    expect(tokens?.waiting).toEqual(['se-1']);
  });

  test('an SE that was deleted after it enrolled gets no other one', async () => {
    desk.enrolled.add('se-1');
    await start(['se-1', 'se-2']);
    desk.enrolled.clear();
    now += 5000;
    await look();
    expect(readdirSync(dir)).toEqual(['se-2']);
  });

  test('a database that does not answer costs a look and nothing else', async () => {
    await start(['se-1']);
    desk.broken = true;
    now += 5000;
    await look();
    expect(read('se-1')).toBe('se-1-1');
    desk.broken = false;
    await look();
    expect(read('se-1')).toBe('se-1-2');
  });

  test('a directory that cannot be one stops the start', async () => {
    writeFileSync(dir, '');
    await expect(start(['se-1'])).rejects.toThrow(/EEXIST|ENOTDIR/);
  });

  test('without names nothing is made', async () => {
    await start([]);
    expect(existsSync(dir)).toBe(false);
  });
});
