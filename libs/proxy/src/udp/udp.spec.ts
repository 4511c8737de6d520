import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('UDP', () => {
  it.each(RUNTIMES)(
    'flows on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./udp.program.js', import.meta.url))).toEqual([]);
    },
    120_000,
  );

  it.each(RUNTIMES)(
    'flows that workers on %s share',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./sharing.program.js', import.meta.url))).toEqual([]);
    },
    120_000,
  );
});
