import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('server reselect over real sockets', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./reselect.program.js', import.meta.url))).toEqual([]);
    },
    180_000,
  );
});
