import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('HTTP/2 over TLS', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./tls.program.js', import.meta.url))).toEqual([]);
    },
    180_000,
  );
});
