import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('TLS of the data plane', () => {
  it.each(RUNTIMES)(
    'serves and is served on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./tls.program.js', import.meta.url))).toEqual([]);
    },
    180_000,
  );
});
