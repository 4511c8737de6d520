import { describe, expect, test } from '@jest/globals';
import { UsageError } from '../errors.js';
import { defaultDirectory } from './directory.js';
import { parseUp } from './options.js';

describe('arguments of up', () => {
  test('none: everything as it is or by default', () => {
    expect(parseUp([])).toEqual({
      dir: defaultDirectory,
      detach: false,
      empty: false,
      restart: true,
      tune: false,
    });
  });

  test('all of them', () => {
    const line =
      '--detach --dir /x --empty --service-engines 2 --workers 4 --api-port 8443 --no-restart --tune';
    expect(parseUp(line.split(' '))).toEqual({
      dir: '/x',
      detach: true,
      empty: true,
      serviceEngines: 2,
      workers: 4,
      apiPort: 8443,
      restart: false,
      tune: true,
    });
  });

  test.each([
    ['--service-engines', '65', '0 to 64'],
    ['--service-engines', '1.5', '0 to 64'],
    ['--workers', '0', '1 to 64'],
    ['--workers', '0x10', '1 to 64'],
    ['--api-port', '70000', '0 to 65535'],
    ['--api-port', '', '0 to 65535'],
  ])('%s %s is refused with its range', (name, value, range) => {
    expect(() => parseUp([`${name}=${value}`])).toThrow(range);
  });

  test.each([['--frob'], ['--dir'], ['--detach=yes'], ['stray']])(
    '%s is refused with the usage',
    (argument) => {
      expect(() => parseUp([argument])).toThrow(UsageError);
      expect(() => parseUp([argument])).toThrow('usage: ./spillway up');
    },
  );
});
