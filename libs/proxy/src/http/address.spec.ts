import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
// The reference that the parser is held against; what is tested does no I/O.
// oxlint-disable-next-line no-restricted-imports
import { isIP } from 'node:net';
import { compareAddresses, parseAddress } from './address.js';

describe('an address', () => {
  it('is what the runtime takes for one', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      'ff',
      'ABCD',
      '12345',
      '256',
      '255',
      '01',
      '',
      '::',
      ':',
      '.',
      '1.2.3.4',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6(),
          fc.array(piece, { maxLength: 9 }).map((p) => p.join(':')),
          fc.array(piece).map((p) => p.join('.')),
        ),
        (text) => {
          expect([text, parseAddress(text) !== null]).toEqual([text, isIP(text) !== 0]);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('has one order, over both families', () => {
    const sorted = ['::', '::1', '1.2.3.4', '1.2.4.0', '10.0.0.0', '2001:db8::1', '2001:db8:0:0:1::'];
    const bytes = sorted.map((text) => parseAddress(text)!);
    for (let i = 1; i < bytes.length; i++) expect(compareAddresses(bytes[i - 1]!, bytes[i]!)).toBeLessThan(0);
    expect(compareAddresses(parseAddress('::ffff:1.2.3.4')!, parseAddress('1.2.3.4')!)).toBe(0);
  });
});
