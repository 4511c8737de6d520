import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('disabled port translation over real sockets', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./service-port.program.js', import.meta.url))).toEqual([]);
    },
    60_000,
  );
});
