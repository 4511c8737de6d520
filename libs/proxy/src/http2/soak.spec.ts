import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('HTTP/2 under mixed traffic', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./soak.program.js', import.meta.url))).toEqual([]);
    },
    180_000,
  );
});
