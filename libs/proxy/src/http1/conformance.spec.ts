import { describe, expect, it } from '@jest/globals';
import { HTTP1_CASES, nameOf } from '@spillway/testing/conformance';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('HTTP/1.1 by its clauses', () => {
  it('has cases in both directions, each with a name of its own', () => {
    const names = HTTP1_CASES.map(nameOf);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(500);
  });

  it.each(RUNTIMES)(
    'holds on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./conformance.program.js', import.meta.url))).toEqual([]);
    },
    120_000,
  );
});
