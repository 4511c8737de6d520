import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('L4 TCP over real sockets', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./tcp.program.js', import.meta.url))).toEqual([]);
    },
    180_000,
  );

  it.each(RUNTIMES)(
    'PROXY protocol, rules and names of servers on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./passing.program.js', import.meta.url))).toEqual([]);
    },
    60_000,
  );
});
