import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('parsers and engine under mutated input', () => {
  it.each(RUNTIMES)(
    'neither crash nor hang nor leak nor pass on what is ambiguous, on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./fuzz.program.js', import.meta.url))).toEqual([]);
    },
    (Number(process.env['FUZZ_SECONDS'] ?? 10) + 90) * 1000,
  );
});
