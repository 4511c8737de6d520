import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HEAD_ROOM } from '../transport/seam.js';
import { MALFORMED } from './corpus.js';
import { editor } from './edit.js';
import { LINE, METHOD, NEXT, type Head } from './head.js';
import { INCOMPLETE, REFUSE, refusalOf } from './refusal.js';
import { request, scanRequest } from './scan-request.js';
import { response, scanResponse } from './scan-response.js';
import { VALUE, valueEnd } from './tables.js';

const load = (text: string): { b: Buffer; start: number; end: number } => {
  const b = Buffer.alloc(HEAD_ROOM + text.length + 64, 0xaa);
  b.write(text, HEAD_ROOM, 'latin1');
  return { b, start: HEAD_ROOM, end: HEAD_ROOM + text.length };
};

const scan = (text: string, mostBytes = 65_536, mostFields = 100): number | string => {
  const { b, start, end } = load(text);
  const r = scanRequest(b, start, end, mostBytes, mostFields);
  return r >= 0 ? r - start : r === INCOMPLETE ? 'INCOMPLETE' : refusalOf(r).name;
};

const facts = (h: Head): unknown => ({
  minor: h.minor,
  method: h.method,
  status: h.status,
  contentLength: h.contentLength,
  chunked: h.chunked,
  persistent: h.persistent,
  count: h.count,
  dropped: [...h.dropped.subarray(0, h.count)],
  expectContinue: h.expectContinue,
});

/** The head as it goes on, after the removals. */
const forwarded = (text: string): string => {
  const { b, start, end } = load(text);
  const r = scanRequest(b, start, end, 65_536, 100);
  expect(r).toBeGreaterThan(0);
  editor.begin(b, request);
  return b.toString('latin1', editor.end(), r);
};

const getWith = (target: string, list: [string, string][]): string =>
  `GET ${target} HTTP/1.1\r\n${list.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`;

describe('request head scanner', () => {
  it.each(MALFORMED)('refuses with %s: %j', (reason, text) => {
    expect(scan(text)).toBe(reason);
  });

  it.each(MALFORMED)(
    'refuses with %s at the latest when it is whole, never accepts a part: %j',
    (reason, text) => {
      for (let n = 1; n < text.length; n++) expect(['INCOMPLETE', reason]).toContain(scan(text.slice(0, n)));
    },
  );

  it('takes what RFC 9112 allows', () => {
    const good = [
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET / HTTP/1.0\r\n\r\n',
      '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET http://a.example:80/x?y HTTP/1.1\r\nHost: A.example:80\r\n\r\n',
      'GET /?a=%00&b={|}"<>\\^` HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n',
      'M-SEARCH / HTTP/1.1\r\nHost:\ta\t \r\nX:\r\nY: \x80\xff\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: \t Chunked \r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
    ];
    for (const text of good) expect([text, scan(text)]).toEqual([text, text.length]);
  });

  it('reads what it has to know', () => {
    const { b, start, end } = load(
      'POST /p HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 0042 \r\nConnection: Close , X-A\r\nX-A: 1\r\n' +
        'Expect: 100-Continue\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n',
    );
    expect(scanRequest(b, start, end, 65_536, 100)).toBe(end);
    expect(facts(request)).toEqual({
      minor: 1,
      method: METHOD.POST,
      status: 0,
      contentLength: 42,
      chunked: false,
      persistent: false,
      count: 6,
      dropped: [0, 0, 1, 1, 0, 0],
      expectContinue: true,
    });
    expect(request.forwardedField).toBe(5);
    expect(b.toString('latin1', request.at(1, LINE), request.at(1, NEXT))).toBe('content-LENGTH:   42 \r\n');
  });

  it('ends a head that grows too long or has too many lines', () => {
    expect(scan(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(300)}`, 256)).toBe('TOO_LARGE');
    expect(scan(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(300)}\r\n\r\n`, 256)).toBe('TOO_LARGE');
    expect(scan(`GET /${'x'.repeat(300)}`, 256)).toBe('TARGET_LONG');
    expect(scan(`GET /${'x'.repeat(300)} HTTP/1.1\r\nHost: a\r\n\r\n`, 256)).toBe('TARGET_LONG');
    expect(scan(`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(5)}\r\n`, 65_536, 5)).toBe(
      'TOO_MANY_FIELDS',
    );
    expect(scan(`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(4)}\r\n`, 65_536, 5)).not.toBe(
      'TOO_MANY_FIELDS',
    );
  });

  const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/);
  const value = fc.stringMatching(/^[!-~]{0,30}$/);
  const field = fc.tuple(
    fc.oneof(token, fc.constantFrom('Connection', 'Keep-Alive', 'TE', 'X-Forwarded-For', 'Proxy-Connection')),
    value,
  );
  const framing = /^(host|content-length|transfer-encoding|expect)$/i;

  it('a valid head is taken whole, however it is cut, and ends where it ends', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), fc.nat(), fc.string(), (fields, cut, body) => {
        const lines = fields
          .filter(([n]) => !framing.test(n))
          .map(([n, v]) => [n, /^connection$/i.test(n) ? 'close' : v] as const)
          .map(([n, v]) => `${n}: ${v}\r\n`);
        const text = `GET /x HTTP/1.1\r\nHost: a\r\n${lines.join('')}\r\n`;
        expect(scan(text + body)).toBe(text.length);
        const whole = facts(request);
        expect(scan(text.slice(0, cut % text.length))).toBe('INCOMPLETE');
        // Scanning a part changes nothing that a later scan of the whole sees.
        const { b, start, end } = load(text);
        const part = start + (cut % text.length);
        const kept = b[part]!;
        scanRequest(b, start, part, 65_536, 100);
        b[part] = kept;
        expect(scanRequest(b, start, end, 65_536, 100)).toBe(end);
        expect(facts(request)).toEqual(whole);
      }),
    );
  });

  it('no bytes at all make it read outside of them or throw', () => {
    const alphabet = fc.constantFrom(
      'GET',
      ' ',
      '/',
      'HTTP/1.1',
      '\r\n',
      '\r',
      '\n',
      ':',
      'Host',
      'a',
      '\0',
      '\t',
      'é',
    );
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 40 }), (parts) => {
        const { b, start, end } = load(parts.join(''));
        const before = Buffer.from(b.subarray(end + 1));
        const r = scanRequest(b, start, end, 65_536, 100);
        expect(r <= end).toBe(true);
        expect(b.subarray(end + 1).equals(before)).toBe(true);
      }),
    );
  });

  it('removals leave exactly the other lines', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), fc.boolean(), (fields, absolute) => {
        const all = fields
          .filter(([n]) => !framing.test(n) && !/^(connection|te|upgrade)$/i.test(n))
          .concat([['Connection', 'x-one, X-Two']], [['X-Two', '2']], [['TE', 'trailers']]);
        const gone = /^(connection|keep-alive|te|upgrade|proxy-connection|x-one|x-two)$/i;
        const host: [string, string] = ['Host', 'a'];
        const kept = all.filter(([n]) => !gone.test(n));
        expect(forwarded(getWith(absolute ? 'http://a/p' : '/p', [host, ...all]))).toBe(
          getWith('/p', [host, ...kept]),
        );
      }),
    );
  });

  it('edits in place', () => {
    expect(forwarded('GET http://a HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(forwarded('OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n')).toBe(
      'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    const { b, start, end } = load(
      'GET http://a/b HTTP/1.1\r\nTE: x\r\nX-Forwarded-For: 1.1.1.1\r\nHost: a\r\nKeep-Alive: 1\r\n\r\nBODY',
    );
    const at = scanRequest(b, start, end, 65_536, 100);
    editor.begin(b, request);
    editor.appendTo(request.forwardedField, Buffer.from(', 2.2.2.2'));
    editor.insertLine(Buffer.from('A: 1\r\n'));
    editor.insertLine(Buffer.from('B: 2\r\n'));
    expect(b.toString('latin1', editor.end(), end)).toBe(
      'GET /b HTTP/1.1\r\nB: 2\r\nA: 1\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nHost: a\r\n\r\nBODY',
    );
    expect(b.toString('latin1', at, end)).toBe('BODY');
  });
});

const scanned = (text: string): number | string => {
  const { b, start, end } = load(text);
  const r = scanResponse(b, start, end);
  return r >= 0 ? r - start : r === INCOMPLETE ? 'INCOMPLETE' : refusalOf(r).name;
};

describe('response head scanner', () => {
  it('takes what servers send', () => {
    for (const text of [
      'HTTP/1.1 200 OK\r\n\r\n',
      'HTTP/1.1 200 \r\n\r\n',
      'HTTP/1.1 200\r\n\r\n',
      'HTTP/1.0 404 Not \x80 Found\r\nContent-Length: 3\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
    ])
      expect([text, scanned(text)]).toEqual([text, text.length]);
    expect(response.status).toBe(100);
  });

  it.each([
    ['STATUS_LINE', 'HTTP/2 200 OK\r\n\r\n'],
    ['STATUS_LINE', 'HTTP/1.1  200 OK\r\n\r\n'],
    ['STATUS_LINE', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['STATUS_LINE', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['STATUS_LINE', 'HTTP/1.1 099 OK\r\n\r\n'],
    ['STATUS_LINE', 'HTTP/1.1 200 a\x00b\r\n\r\n'],
    ['STATUS_LINE', '<html>'],
    ['BARE_LF', 'HTTP/1.1 200 OK\nX: y\n\n'],
    ['FOLDED', 'HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n'],
    ['LENGTH_TWICE', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n'],
    ['CODING_AND_LENGTH', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['CODING_NOT_IMPLEMENTED', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['CODING_UNKNOWN', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
    ['CODING_IN_1_0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ])('refuses with %s: %j', (reason, text) => {
    expect(scanned(text)).toBe(reason);
    for (let n = 1; n < text.length; n++) expect(['INCOMPLETE', reason]).toContain(scanned(text.slice(0, n)));
  });

  it('every proper part of a head is incomplete', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n';
    for (let n = 0; n < text.length; n++) expect(scanned(text.slice(0, n))).toBe('INCOMPLETE');
    expect(scanned(`${text}abc`)).toBe(text.length);
    expect(facts(response)).toMatchObject({ contentLength: 3, persistent: false, minor: 1 });
  });
});

describe('refusals', () => {
  it('have a status and words each', () => {
    for (const code of Object.values(REFUSE)) {
      const { status, text } = refusalOf(code);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(text).not.toBe('');
    }
  });
});

describe('the end of a field value', () => {
  it('is the same in a receive buffer, looked at by fours, as byte by byte', () => {
    const big = Buffer.alloc(200_000);
    const nearlyAscii = fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
    );
    fc.assert(
      fc.property(fc.array(nearlyAscii, { maxLength: 80 }), fc.nat({ max: 7 }), (bytes, shift) => {
        const start = 512 + shift;
        big.set(bytes, start);
        big[start + bytes.length] = 0;
        const small = Buffer.from([...bytes, 0]);
        const naive = small.findIndex((c) => VALUE[c] === 0);
        expect(valueEnd(small, 0)).toBe(naive);
        expect(valueEnd(big, start) - start).toBe(naive);
        expect(valueEnd(big, start) - start).toBe(naive);
      }),
      { numRuns: 2000 },
    );
    for (let c = 0; c < 256; c++)
      for (let place = 0; place < 4; place++) {
        big.fill(0x41, 512, 520);
        big[512 + place] = c;
        big[520] = 0;
        expect(valueEnd(big, 512) - 512).toBe(VALUE[c] === 0 ? place : 8);
      }
  });
});
