import { describe, expect, it } from '@jest/globals';
import { readUnescaped } from './unescaped-target.js';

const read = (text: string) => readUnescaped(Buffer.from(text, 'latin1'));
const request = (line: string, ...headers: string[]) => [line, 'Host: h', ...headers, '', ''].join('\r\n');

describe('readUnescaped', () => {
  it('escapes the spaces of a GET and keeps its headers', () => {
    expect(
      read(
        request(
          'GET //api/pool?name=my web pool HTTP/1.1',
          'X-Avi-Tenant:  admin ',
          'Cookie: a=1',
          'cookie: b=2',
        ),
      ),
    ).toEqual({
      url: '//api/pool?name=my%20web%20pool',
      headers: { host: 'h', 'x-avi-tenant': 'admin', cookie: 'a=1; b=2' },
    });
  });

  it.each([
    ['another method', request('POST /api/pool?name=a b HTTP/1.1')],
    ['a target without space', request('GET /api/pool HTTP/1.1')],
    ['a head that is not complete', 'GET /a b HTTP/1.1\r\nHost: h\r\n'],
    ['something after the head', `${request('GET /a b HTTP/1.1')}GET / HTTP/1.1\r\n\r\n`],
    ['a body', request('GET /a b HTTP/1.1', 'Content-Length: 5')],
    ['a chunked body', request('GET /a b HTTP/1.1', 'Transfer-Encoding: chunked')],
    ['two hosts', request('GET /a b HTTP/1.1', 'Host: other')],
    ['no host', 'GET /a b HTTP/1.1\r\n\r\n'],
    ['a folded header', request('GET /a b HTTP/1.1', 'X: 1', ' 2')],
    ['a space before the colon', request('GET /a b HTTP/1.1', 'X : 1')],
    ['a bare line feed', request('GET /a b HTTP/1.1', 'X: 1\nY: 2')],
    ['control characters', request('GET /a\tb c HTTP/1.1')],
    ['another protocol', request('GET /a b HTTP/2.0')],
    ['an upgrade', request('GET /a b HTTP/1.1', 'Upgrade: websocket')],
    ['too many headers', request('GET /a b HTTP/1.1', ...Array.from({ length: 101 }, (_, i) => `X-${i}: 1`))],
    ['too long a head', request(`GET /a b${'c'.repeat(40_000)} HTTP/1.1`)],
  ])('refuses %s', (_what, text) => {
    expect(read(text)).toBeUndefined();
  });
});
