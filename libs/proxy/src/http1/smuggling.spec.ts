import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

describe('requests that two parsers might cut differently', () => {
  it.each(RUNTIMES)(
    'reach no origin in more than one reading, on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./smuggling.program.js', import.meta.url))).toEqual([]);
    },
    120_000,
  );
});
