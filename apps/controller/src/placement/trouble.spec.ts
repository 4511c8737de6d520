import { expect, test } from '@jest/globals';
import { troubleOf } from './trouble.js';

test('the holder of a VIP is named, once', () => {
  const holder = 'pid 7 (nginx)';
  expect(troubleOf({ reason: `127.0.0.1:80 is in use by ${holder}`, code: 'VIP_IN_USE', holder })).toBe(
    '127.0.0.1:80 is in use by pid 7 (nginx)',
  );
  expect(troubleOf({ reason: '', code: 'VIP_IN_USE', holder })).toBe('VIP_IN_USE (held by pid 7 (nginx))');
  expect(troubleOf({ reason: '', code: '', holder: '' })).toBe('failed');
});
