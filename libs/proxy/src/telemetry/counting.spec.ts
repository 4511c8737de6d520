import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('what the data plane counts', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./counting.program.js', import.meta.url))).toEqual([]);
    },
    120_000,
  );
});
