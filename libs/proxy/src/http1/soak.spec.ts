import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('everything odd at once', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./soak.program.js', import.meta.url))).toEqual([]);
    },
    (Number(process.env['SOAK_SECONDS'] ?? 5) + 90) * 1000,
  );
});
