import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from './suite/runtimes.js';

describe('warm-up', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./warm.program.js', import.meta.url))).toEqual([]);
    },
    60_000,
  );
});
