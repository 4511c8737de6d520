import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { identify, parseStat, runs } from './identity.js';
import { stop } from './stop.js';

describe('identity of a process', () => {
  test('is read from the stat line whatever the command is called', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (command, startTime) => {
        const line = `12 (${command}) S ${Array(18).fill(0).join(' ')} ${startTime} 1 2 3\n`;
        expect(parseStat(line)).toEqual({ state: 'S', startTime });
      }),
    );
  });

  test('what is no stat line has none', () => {
    expect(parseStat('')).toBeUndefined();
    expect(parseStat('1 (x) S 2')).toBeUndefined();
  });

  test('a process with the same pid that started at another time is another one', () => {
    const own = identify(process.pid);
    expect(own && runs(own)).toBe(true);
    expect(runs({ pid: process.pid, startTime: 1 })).toBe(false);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 31 - 2])('nobody has pid %s', (pid) => {
    expect(identify(pid)).toBeUndefined();
  });

  test('stopping ends a process that ignores the polite signal, and leaves a stranger alone', async () => {
    const child = spawn(process.execPath, [
      '-e',
      `process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)`,
    ]);
    await once(child.stdout, 'data');
    const identity = identify(child.pid ?? 0);
    if (!identity) throw new Error('the child does not run');
    expect(await stop({ ...identity, startTime: 1 }, 'stranger')).toBe(false);
    expect(runs(identity)).toBe(true);
    const exit = once(child, 'exit');
    expect(
      await stop(identity, 'child', [
        ['SIGTERM', 100],
        ['SIGKILL', 5000],
      ]),
    ).toBe(true);
    expect(await exit).toEqual([null, 'SIGKILL']);
    expect(await stop(identity, 'child')).toBe(false);
  });
});
