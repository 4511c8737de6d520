import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { canReach, findAccount } from './account.js';
import { parsePostmasterPid } from './postmaster.js';

describe('the account of the database server', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/usr/sbin/nologin\n';

  test('is found by its name', () => {
    expect(findAccount(passwd, 'nobody')).toEqual({ uid: 65534, gid: 65533 });
    expect(findAccount(passwd, 'postgres')).toBeUndefined();
  });

  test('reaches what every directory above lets it enter', () => {
    const closed = mkdtempSync(path.join(os.tmpdir(), 'spillway-account-'));
    try {
      const inside = path.join(closed, 'inside');
      mkdirSync(inside);
      const stranger = { uid: 4_000_000, gid: 4_000_000 };
      expect(canReach(inside, stranger)).toBe(false);
      chmodSync(closed, 0o711);
      expect(canReach(inside, stranger)).toBe(true);
      chmodSync(closed, 0o700);
      expect(canReach(inside, { uid: process.getuid?.() ?? 0, gid: 4_000_000 })).toBe(true);
    } finally {
      rmSync(closed, { recursive: true });
    }
  });
});

describe('postmaster.pid', () => {
  test('tells pid, port and whether connections are taken', () => {
    const text = '77\n/data\n1700000000\n5433\n\n127.0.0.1\n 1234 5\nready   \n';
    expect(parsePostmasterPid(text)).toEqual({ pid: 77, port: 5433, ready: true });
    expect(parsePostmasterPid(text.replace('ready', 'starting'))?.ready).toBe(false);
  });

  test('half-written text is no server yet', () => {
    expect(parsePostmasterPid('')).toBeUndefined();
    expect(parsePostmasterPid('77\n/data\n17000')).toBeUndefined();
  });
});
