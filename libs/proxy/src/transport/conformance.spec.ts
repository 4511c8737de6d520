import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('transport seam', () => {
  it.each(RUNTIMES)(
    'sockets of %s keep the contract',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./conformance.program.js', import.meta.url))).toEqual([]);
    },
    120_000,
  );

  it.each(RUNTIMES)(
    'datagrams of %s keep the contract',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./datagrams.program.js', import.meta.url))).toEqual([]);
    },
    60_000,
  );
});
