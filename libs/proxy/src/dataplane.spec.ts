import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from './suite/runtimes.js';

describe('data plane under changes', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./dataplane.program.js', import.meta.url))).toEqual([]);
    },
    180_000,
  );
});
