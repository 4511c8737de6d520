import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Check } from '@spillway/snapshot';
import { judgeDns } from './dns-check.js';
import { dnsQuery, readDnsResponse } from './dns-message.js';

/** `example.com A` answered by a CNAME to www.example.com and its address, the names compressed (RFC 1035, 4.1.4). */
const RESPONSE = Buffer.from(
  '12348180000100020000000007' +
    Buffer.from('example').toString('hex') +
    '03' +
    Buffer.from('com').toString('hex') +
    '0000010001' +
    'c00c000500010000003c000603777777c00c' +
    'c0290001000100000e1000045db8d822',
  'hex',
);

const check = (more: Partial<Check<'dns'>> = {}): Check<'dns'> => ({
  type: 'dns',
  query_name: 'example.com',
  record_type: 1,
  answer: 'query_type',
  no_error: true,
  ...more,
});

describe('DNS messages', () => {
  it('asks as RFC 1035 says', () => {
    expect(dnsQuery(0x1234, 'example.com.', 28).toString('hex')).toBe(
      '12340100000100000000000007' +
        Buffer.from('example').toString('hex') +
        '03' +
        Buffer.from('com').toString('hex') +
        '00001c0001',
    );
  });

  it('reads answers, compressed names too', () => {
    expect(readDnsResponse(RESPONSE)).toEqual({
      id: 0x1234,
      rcode: 0,
      answers: [
        { type: 5, value: 'www.example.com' },
        { type: 1, value: '93.184.216.34' },
      ],
    });
  });

  it('a question is no response, and what is cut short is none either', () => {
    expect(readDnsResponse(dnsQuery(1, 'a.example', 1))).toBeUndefined();
    for (let n = 0; n < RESPONSE.length; n++)
      expect(readDnsResponse(RESPONSE.subarray(0, n))).toBeUndefined();
  });

  it('survives anything, loops of pointers too', () => {
    const loop = Buffer.from(RESPONSE);
    loop.writeUInt16BE(0xc029, 0x29);
    expect(readDnsResponse(loop)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat({ max: 255 }), (junk, at, byte) => {
        readDnsResponse(Buffer.from(junk));
        const broken = Buffer.from(RESPONSE);
        broken[at % broken.length] = byte;
        readDnsResponse(broken);
      }),
      { numRuns: 3000 },
    );
  });

  it('is judged by response code, type and text', () => {
    const response = readDnsResponse(RESPONSE)!;
    const code = (c: Check<'dns'>, r = response): string => {
      const result = judgeDns(c, r);
      return result.ok ? 'up' : result.code;
    };
    expect(code(check())).toBe('up');
    expect(code(check({ response_text: '93.184.216.34' }))).toBe('up');
    expect(code(check({ response_text: 'WWW.example.com' }))).toBe('up');
    expect(code(check({ response_text: '93.184.216.3' }))).toBe('PAYLOAD_CONTENT_MISMATCH');
    expect(code(check({ record_type: 28 }))).toBe('PAYLOAD_CONTENT_MISMATCH');
    expect(code(check({ record_type: 28, answer: 'any_type' }))).toBe('up');
    const empty = { ...response, answers: [] };
    expect(code(check({ answer: 'any_type' }), empty)).toBe('PAYLOAD_CONTENT_MISMATCH');
    expect(code(check({ answer: 'anything' }), empty)).toBe('up');
    expect(code(check(), { ...response, rcode: 3 })).toBe('RESPONSE_CODE_MISMATCH');
    expect(code(check({ no_error: false }), { ...response, rcode: 3 })).toBe('up');
  });
});
