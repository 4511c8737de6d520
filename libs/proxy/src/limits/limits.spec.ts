import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('limits of virtual services', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./limits.program.js', import.meta.url))).toEqual([]);
    },
    60_000,
  );
});
