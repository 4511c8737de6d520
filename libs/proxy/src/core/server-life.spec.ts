import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('the life of servers over real sockets', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./server-life.program.js', import.meta.url))).toEqual([]);
    },
    60_000,
  );
});
