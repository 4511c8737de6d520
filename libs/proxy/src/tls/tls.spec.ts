import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

const program = (name: string): URL => new URL(`./${name}.program.js`, import.meta.url);

describe('TLS of the data plane', () => {
  it.each(RUNTIMES)(
    'serves and is served on %s',
    async (runtime) => expect(await failuresOf(runtime, program('tls'))).toEqual([]),
    180_000,
  );

  it.each(RUNTIMES)(
    'bears hostile clients on %s',
    async (runtime) => expect(await failuresOf(runtime, program('hostile'))).toEqual([]),
    180_000,
  );

  // Node has its library inside.
  it(
    'says on Bun what is missing',
    async () => expect(await failuresOf('bun', program('missing'))).toEqual([]),
    60_000,
  );
});
