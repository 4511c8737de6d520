import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { matchesPattern, patternBytes } from './pattern.js';
import { header, MalformedResponse, type ResponseHead, ResponseParser } from './response-parser.js';

function parse(text: string | Buffer, { method = 'GET', cuts = [] as number[], end = false } = {}) {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  let head: ResponseHead | undefined;
  const body: Buffer[] = [];
  const parser = new ResponseParser(method, {
    head: (h) => (head = h),
    body: (chunk) => body.push(Buffer.from(chunk)),
  });
  const at = [0, ...cuts.map((c) => Math.min(c, bytes.length)).sort((a, b) => a - b), bytes.length];
  const rest: Buffer[] = [];
  for (let i = 1; i < at.length; i++) {
    const part = bytes.subarray(at[i - 1], at[i]);
    rest.push(parser.done ? part : Buffer.from(parser.push(part)));
  }
  if (end) parser.end();
  return {
    head,
    body: Buffer.concat(body).toString('latin1'),
    done: parser.done,
    rest: Buffer.concat(rest).toString('latin1'),
    interim: parser.interim,
  };
}

describe('response parser', () => {
  it('reads a body by its length and leaves the rest', () => {
    const got = parse('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A:  b \r\n\r\nabcHTTP');
    expect(got).toMatchObject({ body: 'abc', done: true, rest: 'HTTP' });
    expect(header(got.head!, 'x-a')).toBe('b');
  });

  it('reads chunks with extensions and trailers', () => {
    const got = parse(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n',
    );
    expect(got).toMatchObject({ body: 'abc0123456789', done: true, rest: '' });
  });

  it('is not done before the end', () => {
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab').done).toBe(false);
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab', { end: true }).done).toBe(false);
    expect(
      parse('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', { end: true }).done,
    ).toBe(false);
    expect(
      parse('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n', { end: true }).done,
    ).toBe(false);
  });

  it('takes an unframed body to the end of the connection', () => {
    expect(parse('HTTP/1.1 200 OK\r\n\r\nall', { end: true })).toMatchObject({ body: 'all', done: true });
  });

  it('knows responses without a body, and skips 1xx', () => {
    expect(parse('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n').done).toBe(true);
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', { method: 'HEAD' }).done).toBe(true);
    expect(parse('HTTP/1.1 204 No Content\r\n\r\n').done).toBe(true);
    expect(parse('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n')).toMatchObject({
      done: true,
      interim: 1,
    });
    expect(parse('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\nraw')).toMatchObject({
      done: true,
      rest: 'raw',
    });
  });

  it.each([
    ['HTTP/1.0 200 OK\r\n\r\n'],
    ['HTP'],
    ['HTTP/1.1 2000 OK\r\n\r\n'],
    ['HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n'],
    ['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n'],
  ])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(MalformedResponse);
  });

  it('reads the same however the bytes are cut', () => {
    const whole = Buffer.concat([
      Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'),
      Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n'),
      patternBytes(500),
      Buffer.from('\r\n5\r\nabcde\r\n0\r\nT: v\r\n\r\nnext'),
    ]);
    const expected = parse(whole);
    expect(expected).toMatchObject({ done: true, rest: 'next', interim: 1 });
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 40 }), (cuts) => {
        expect(parse(whole, { cuts })).toEqual(expected);
      }),
    );
  });
});

describe('pattern', () => {
  it('is the same in parts as in whole, and any change is seen', () => {
    const whole = patternBytes(300_000);
    fc.assert(
      fc.property(fc.nat(299_999), fc.nat(200_000), (from, size) => {
        const part = whole.subarray(from, from + size);
        expect(patternBytes(part.length, from).equals(part)).toBe(true);
        expect(matchesPattern(part, from)).toBe(true);
        if (part.length > 0) {
          const wrong = Buffer.from(part);
          wrong[size >> 1 < part.length ? size >> 1 : 0]! ^= 1;
          expect(matchesPattern(wrong, from)).toBe(false);
        }
        if (part.length > 2) expect(matchesPattern(part, from + 1)).toBe(false);
      }),
    );
  });
});
