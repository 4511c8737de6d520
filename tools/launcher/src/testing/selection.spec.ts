import { describe, expect, test } from '@jest/globals';
import { select } from './selection.js';

const checks = ['lint', 'format', 'codegen:check'];
const files = {
  unit: ['libs/proxy/dist/http1/parser.spec.js', 'libs/health/dist/round.spec.js'],
  e2e: ['test/dist/commands/up.test.js'],
};

describe('what a filter of the test command selects', () => {
  test('without one, everything', () => {
    expect(select(checks, files, [])).toEqual({ checks, files });
  });

  test('part of a path: the files that have it, and nothing else', () => {
    expect(select(checks, files, ['proxy'])).toEqual({
      checks: [],
      files: { unit: ['libs/proxy/dist/http1/parser.spec.js'], e2e: [] },
    });
  });

  test('a source file, as the shell completes it', () => {
    expect(select(checks, files, ['./test/src/commands/up.test.ts']).files.e2e).toEqual(files.e2e);
    expect(select(checks, files, ['libs/health/src/round.spec.ts']).files.unit).toEqual([files.unit[1]]);
  });

  test('a check by its name', () => {
    expect(select(checks, files, ['lint'])).toEqual({ checks: ['lint'], files: { unit: [], e2e: [] } });
  });

  test('several: what any of them selects', () => {
    const chosen = select(checks, files, ['health', 'commands']);
    expect([...chosen.files.unit, ...chosen.files.e2e]).toEqual([files.unit[1], files.e2e[0]]);
  });

  test('what names no file and no check is looked for in the names of the tests', () => {
    expect(select(checks, files, ['second', 'start'])).toEqual({ checks: [], files, name: 'second start' });
  });
});
