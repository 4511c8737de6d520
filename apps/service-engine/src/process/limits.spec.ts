import { expect, it } from '@jest/globals';
import { connectionsAllowed, descriptorLimit, limitAdvice, mostSockets, queuedBudget } from './limits.js';

const limits = (soft: string, hard: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft}                 ${hard}               files\n`;

it('reads the limit of descriptors, also where there is none', () => {
  expect(descriptorLimit(limits('1024', '4096'))).toEqual({ soft: 1024, hard: 4096 });
  expect(descriptorLimit(limits('unlimited', 'unlimited'))).toEqual({ soft: Infinity, hard: Infinity });
  expect(descriptorLimit('')).toEqual({ soft: 1024, hard: 1024 });
});

it('keeps descriptors for what is not a connection', () => {
  expect([40, 100, 1024, 1_048_576].map((soft) => mostSockets({ soft }))).toEqual([1, 36, 960, 1_000_000]);
  expect(connectionsAllowed(mostSockets({ soft: 20_000 }))).toBe(9700);
});

it('advises only where something is short, with the line to type', () => {
  const gib = 2 ** 30;
  expect(limitAdvice(4, { soft: 1_048_576, hard: 1_048_576 }, 16 * gib)).toEqual([]);
  const [files] = limitAdvice(4, { soft: 1024, hard: 1024 }, 16 * gib);
  expect(files).toMatchObject({ code: 'RLIMIT_NOFILE' });
  expect(files!.text).toContain('about 480 proxied connections');
  expect(limitAdvice(8, { soft: 1_048_576, hard: 1_048_576 }, gib).map((a) => a.code)).toEqual(['MEMORY']);
});

it('lets a quarter of the memory of a worker wait, within reason', () => {
  expect([2 ** 20, 2 ** 30, 2 ** 40].map((n) => queuedBudget(n) / 2 ** 20)).toEqual([16, 256, 1024]);
});
