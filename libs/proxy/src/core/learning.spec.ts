import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('what algorithms are told of requests', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./learning.program.js', import.meta.url))).toEqual([]);
    },
    120_000,
  );
});
