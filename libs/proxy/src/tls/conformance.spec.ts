import { describe, expect, it } from '@jest/globals';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';

const program = new URL('../transport/conformance.program.js', import.meta.url);

describe('TLS over the transport seam', () => {
  it.each(
    RUNTIMES.flatMap((runtime) => ['--tls12', '--tls13'].map((version) => [runtime, version] as const)),
  )(
    'sockets of %s keep the contract with %s',
    async (runtime, version) => {
      expect(await failuresOf(runtime, program, ['', version])).toEqual([]);
    },
    120_000,
  );
});
