import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { ownScopes, processRuns } from './index.js';

const startTime = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
};

describe('scopes', () => {
  it('name machine and namespace', () => {
    expect(ownScopes().pidScope).toMatch(/^[0-9a-f-]{36}:\d+$/);
    expect(ownScopes().netScope).toMatch(/^[0-9a-f-]{36}:\d+$/);
  });

  it('a process runs until it ends, and a recycled pid is another one', async () => {
    const child = spawn('sleep', ['60']);
    const pid = child.pid ?? 0;
    const started = startTime(pid);
    expect(processRuns(pid, started)).toBe(true);
    expect(processRuns(pid, started + 1)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(processRuns(pid, started)).toBe(false);
  });
});
