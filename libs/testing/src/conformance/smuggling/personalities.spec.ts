import { describe, expect, it } from '@jest/globals';
import { readings } from './matrix.js';

const post = (fields: string, body: string): string =>
  `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;
const INNER = 'GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n';

describe('the personalities of the smuggling matrix', () => {
  it.each([
    ['a body by length', post(`Content-Length: ${INNER.length}`, INNER), 1],
    ['a chunked body', post('Transfer-Encoding: chunked', '5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n'), 1],
    ['two requests', post('Content-Length: 1', 'x') + INNER, 2],
  ])('agree on %s', (_, bytes, count) => {
    expect(readings(bytes, false)).toBe(count);
  });

  it.each([
    [
      'length and chunked',
      post(`Content-Length: ${INNER.length + 5}\r\nTransfer-Encoding: chunked`, `0\r\n\r\n${INNER}`),
    ],
    ['two lengths', post(`Content-Length: 0\r\nContent-Length: ${INNER.length}`, INNER)],
    ['a list of lengths', post(`Content-Length: 0, ${INNER.length}`, INNER)],
    ['an octal length', post('Content-Length: 043', INNER)],
    ['a length with an underscore', post(`Content_Length: ${INNER.length}`, INNER)],
    [
      'a coding with white space in front of the colon',
      post('Transfer-Encoding : chunked', `0\r\n\r\n${INNER}`),
    ],
    ['an unknown coding with chunked in it', post('Transfer-Encoding: xchunked', `0\r\n\r\n${INNER}`)],
    ['identity behind chunked', post('Transfer-Encoding: chunked, identity', `0\r\n\r\n${INNER}`)],
    ['VT in front of chunked', post('Transfer-Encoding: \vchunked', `0\r\n\r\n${INNER}`)],
    ['NUL behind chunked', post('Transfer-Encoding: chunked\0x', `0\r\n\r\n${INNER}`)],
    ['a folded coding', post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${INNER}`)],
    ['LF in a value', post(`X: y\nContent-Length: ${INNER.length}`, INNER)],
    ['CR in a value', post(`X: y\rContent-Length: ${INNER.length}`, INNER)],
    [
      'LF in an extension',
      post('Transfer-Encoding: chunked', `2;\nxx\r\n${INNER.length.toString(16)}\r\n0\r\n\r\n${INNER}`),
    ],
    ['TRACE with content', post(`Content-Length: ${INNER.length}`, INNER).replace('POST', 'TRACE')],
  ])('do not agree on %s', (_, bytes) => {
    expect(readings(bytes, false)).toEqual(expect.any(String));
  });
});
