import { describe, expect, test } from '@jest/globals';
import { readReport } from './jest.js';
import { lastLine, summary, total } from './tally.js';

const step = { name: 'unit', seconds: 1.25, passed: 3, failed: 0, skipped: 0, failures: [] };

describe('summary of a test run', () => {
  test('its last line is the sum of all steps, exactly "N passed, N failed"', () => {
    const text = summary([step, { ...step, name: 'lint', passed: 0, failed: 1, failures: ['a.ts'] }]);
    expect(text.split('\n').at(-1)).toBe('3 passed, 1 failed');
    expect(text).toContain('✗ lint: a.ts');
  });

  test('skipped tests are named only where there are some', () => {
    expect(lastLine({ passed: 1, failed: 0, skipped: 2 })).toBe('1 passed, 0 failed, 2 skipped');
  });

  test('nothing at all is zero of each', () => {
    expect(summary([]).split('\n').at(-1)).toBe('0 passed, 0 failed');
    expect(total([])).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });
});

describe('what is read from a report of Jest', () => {
  const report = {
    numPassedTests: 2,
    numFailedTests: 1,
    numPendingTests: 4,
    numTodoTests: 1,
    testResults: [
      {
        name: '/x/a.spec.js',
        status: 'failed',
        message: '',
        assertionResults: [{ fullName: 'adds', status: 'failed' }],
      },
      { name: '/x/b.spec.js', status: 'failed', message: 'SyntaxError: oops\n at b', assertionResults: [] },
    ],
  };

  test('a file that could not run is a failure of its own', () => {
    const read = readReport(report, false);
    expect(read).toMatchObject({ passed: 2, failed: 2, skipped: 5 });
    expect(read.failures).toHaveLength(2);
    expect(read.failures[1]).toContain('SyntaxError: oops');
  });

  test('what a name filter left out does not count as skipped', () => {
    expect(readReport(report, true).skipped).toBe(0);
  });
});
