import { OK, passes, refused, type Case } from '../case.js';

const LENGTH = 'RFC 9112 6.3';
const CODING = 'RFC 9112 6.1';
const CHUNKED = 'RFC 9112 7.1';
const EXTENSION = 'RFC 9112 7.1.1';
const TRAILER = 'RFC 9112 7.1.2';

const post = (fields: string, body = '', version = '1.1'): string =>
  `POST / HTTP/${version}\r\nHost: a\r\n${fields}\r\n\r\n${body}`;
const chunked = (body: string): string => post('Transfer-Encoding: chunked', body);
const intact = (clause: string, name: string, message: string): Case =>
  passes(clause, name, message, message);

/** What reaches the origin before the fault is seen, and that the origin is told to give it up. */
const brokenOff = (clause: string, name: string, good: string, bad: string, says: string): Case => ({
  clause,
  name,
  client: [chunked(good), { reaches: chunked(good) }, bad],
  atOrigin: [chunked(good)],
  atClient: { status: 400, says },
  abortsOrigin: true,
});

const lengths: [string, string][] = [
  ['empty', 'Content-Length:'],
  ['a sign', 'Content-Length: +5'],
  ['negative', 'Content-Length: -5'],
  ['a list of equal values', 'Content-Length: 5, 5'],
  ['a list', 'Content-Length: 5, 6'],
  ['two numbers', 'Content-Length: 5 5'],
  ['hexadecimal', 'Content-Length: 0x5'],
  ['a fraction', 'Content-Length: 5.0'],
  ['an exponent', 'Content-Length: 5e0'],
  ['a trailing comma', 'Content-Length: 5,'],
  ['quoted', 'Content-Length: "5"'],
  ['words', 'Content-Length: five'],
  ['2^64', 'Content-Length: 18446744073709551616'],
  ['2^63', 'Content-Length: 9223372036854775808'],
  ['32 digits', `Content-Length: ${'9'.repeat(32)}`],
  ['a separator', 'Content-Length: 1_0'],
  ['letters behind', 'Content-Length: 5abc'],
  ['a parameter', 'Content-Length: 5;a=b'],
  ['fullwidth digits', 'Content-Length: \xef\xbc\x95'],
];

const codings: [string, number, string][] = [
  ['gzip', 400, 'Transfer-Encoding'],
  ['identity', 400, 'Transfer-Encoding'],
  ['', 400, 'Transfer-Encoding'],
  ['chunked, chunked', 400, 'Transfer-Encoding'],
  ['chunked, gzip', 400, 'Transfer-Encoding'],
  ['chunked, identity', 400, 'Transfer-Encoding'],
  ['chunked,', 400, 'Transfer-Encoding'],
  [',chunked', 400, 'Transfer-Encoding'],
  ['xchunked', 400, 'Transfer-Encoding'],
  ['chunkedx', 400, 'Transfer-Encoding'],
  ['chunked;q=1', 400, 'Transfer-Encoding'],
  ['"chunked"', 400, 'Transfer-Encoding'],
  ["'chunked'", 400, 'Transfer-Encoding'],
  ['chunked chunked', 400, 'Transfer-Encoding'],
  ['chun ked', 400, 'Transfer-Encoding'],
  ['cow', 400, 'Transfer-Encoding'],
  ['\x80chunked', 400, 'Transfer-Encoding'],
  ['\xa0chunked', 400, 'Transfer-Encoding'],
  ['gzip, chunked', 501, 'Transfer-Encoding'],
  ['deflate,chunked', 501, 'Transfer-Encoding'],
  ['cow, gzip , chunked', 501, 'Transfer-Encoding'],
];

const sizes = [
  ' 5\r\n',
  '5 \r\n',
  '5\t\r\n',
  '0x5\r\n',
  '-5\r\n',
  '+5\r\n',
  '5\n',
  '5\r',
  '5,5\r\n',
  '\r\n',
  'g\r\n',
  '5_0\r\n',
  '"5"\r\n',
  '5.\r\n',
  'ffffffffffffffff\r\n',
  'fffffffffffffffff\r\n',
  '10000000000000000\r\n',
  '00000000000000005\r\n',
  '\n5\r\n',
  '\0\r\n',
  '5\0\r\n',
];

export const REQUEST_FRAMING: readonly Case[] = [
  intact(LENGTH, 'a body by length', post('Content-Length: 5', 'hello')),
  intact(LENGTH, 'an empty body by length', post('Content-Length: 0')),
  intact(LENGTH, 'no length is no body', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n'),
  intact(LENGTH, 'a body of GET', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'),
  intact(LENGTH, 'a body of DELETE', 'DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'),
  intact(
    LENGTH,
    'a body that looks like a request',
    post('Content-Length: 35', 'GET /x HTTP/1.1\r\nHost: smuggled\r\n\r\n'),
  ),
  passes(
    LENGTH,
    'zeros in front of a length',
    post('Content-Length: 0005', 'hello'),
    post('Content-Length:    5', 'hello'),
  ),
  passes(
    LENGTH,
    'a body in single bytes',
    [post('Content-Length: 5'), { bytewise: 'hello' }],
    post('Content-Length: 5', 'hello'),
  ),
  passes(
    LENGTH,
    'a body of 100,000 bytes',
    post('Content-Length: 100000', 'b'.repeat(100_000)),
    post('Content-Length: 100000', 'b'.repeat(100_000)),
  ),
  {
    clause: LENGTH,
    name: 'bytes behind a body are the next request',
    client: `${post('Content-Length: 2', 'ab')}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`,
    atOrigin: [`${post('Content-Length: 2', 'ab')}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`],
    atClient: OK + OK,
  },
  refused(
    LENGTH,
    'bytes behind a body that are no request',
    `${post('Content-Length: 2', 'ab')}cd(\r\n\r\n`,
    400,
    'method',
    {
      atOrigin: [post('Content-Length: 2', 'ab')],
      atClient: { status: 400, says: 'method', after: OK },
    },
  ),
  ...lengths.map(([name, field]) =>
    refused(LENGTH, `Content-Length is ${name}`, post(field, 'hello'), 400, 'Content-Length'),
  ),
  refused(
    LENGTH,
    'two equal lengths',
    post('Content-Length: 5\r\nContent-Length: 5', 'hello'),
    400,
    'more than one Content-Length',
  ),
  refused(
    LENGTH,
    'two lengths that differ',
    post('Content-Length: 5\r\ncontent-length: 6', 'hello'),
    400,
    'more than one Content-Length',
  ),
  refused(
    LENGTH,
    'two lengths, the first 0',
    post('Content-Length: 0\r\nContent-Length: 5', 'hello'),
    400,
    'more than one Content-Length',
  ),
  refused(
    LENGTH,
    'an invalid length of GET',
    'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
    400,
    'Content-Length',
  ),

  refused(
    CODING,
    'length, then chunked',
    post('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
    400,
    'both',
  ),
  refused(
    CODING,
    'chunked, then length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n'),
    400,
    'both',
  ),
  refused(
    CODING,
    'length 0 and chunked',
    post('Content-Length: 0\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
    400,
    'both',
  ),
  refused(
    CODING,
    'chunked in HTTP/1.0',
    post('Transfer-Encoding: chunked', '0\r\n\r\n', '1.0'),
    400,
    'HTTP/1.0',
  ),
  refused(
    CODING,
    'chunked twice',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
    400,
    'Transfer-Encoding',
  ),
  refused(
    CODING,
    'identity, then chunked',
    post('Transfer-Encoding: identity\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
    400,
    'Transfer-Encoding',
  ),
  refused(
    CODING,
    'chunked, then identity',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', '0\r\n\r\n'),
    400,
    'Transfer-Encoding',
  ),
  refused(
    CODING,
    'VT in front of chunked',
    post('Transfer-Encoding: \vchunked', '0\r\n\r\n'),
    400,
    'forbidden byte',
  ),
  refused(
    CODING,
    'NUL behind chunked',
    post('Transfer-Encoding: chunked\0', '0\r\n\r\n'),
    400,
    'forbidden byte',
  ),
  ...codings.map(([value, status, says]) =>
    refused(
      CODING,
      `Transfer-Encoding: ${JSON.stringify(value)}`,
      post(`Transfer-Encoding: ${value}`, '0\r\n\r\n'),
      status,
      says,
    ),
  ),
  passes(
    CODING,
    'chunked in capitals',
    post('Transfer-Encoding: CHUNKED', '0\r\n\r\n'),
    post('Transfer-Encoding: chunked', '0\r\n\r\n'),
  ),
  passes(
    CODING,
    'a name in mixed letters',
    post('tRANSFER-eNCODING: Chunked', '0\r\n\r\n'),
    post('tRANSFER-eNCODING: chunked', '0\r\n\r\n'),
  ),
  passes(
    CODING,
    'white space around chunked',
    post('Transfer-Encoding: \tchunked \t', '0\r\n\r\n'),
    post('Transfer-Encoding: \tchunked \t', '0\r\n\r\n'),
  ),

  intact(CHUNKED, 'one chunk', chunked('5\r\nhello\r\n0\r\n\r\n')),
  intact(CHUNKED, 'an empty body', chunked('0\r\n\r\n')),
  intact(
    CHUNKED,
    'sizes in both letters',
    chunked(`a\r\n${'x'.repeat(10)}\r\nA\r\n${'x'.repeat(10)}\r\n0\r\n\r\n`),
  ),
  intact(CHUNKED, 'zeros in front of a size', chunked('0005\r\nhello\r\n0000\r\n\r\n')),
  intact(CHUNKED, 'data that looks like an end', chunked('7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n')),
  intact(CHUNKED, '1,000 chunks of one byte', chunked(`${'1\r\nx\r\n'.repeat(1000)}0\r\n\r\n`)),
  intact(CHUNKED, 'a chunk of 100,000 bytes', chunked(`186a0\r\n${'x'.repeat(100_000)}\r\n0\r\n\r\n`)),
  passes(
    CHUNKED,
    'single bytes',
    { bytewise: chunked('5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n') },
    chunked('5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'),
  ),
  {
    clause: CHUNKED,
    name: 'bytes behind the last chunk are the next request',
    client: `${chunked('2\r\nab\r\n0\r\n\r\n')}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`,
    atOrigin: [`${chunked('2\r\nab\r\n0\r\n\r\n')}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`],
    atClient: OK + OK,
  },
  ...sizes.map((size) =>
    refused(
      CHUNKED,
      `the size line ${JSON.stringify(size)}`,
      chunked(`${size}hello\r\n0\r\n\r\n`),
      400,
      'chunk size',
    ),
  ),
  refused(CHUNKED, 'data longer than its size', chunked('5\r\nhello!\r\n0\r\n\r\n'), 400, 'chunk data'),
  refused(CHUNKED, 'data that ends with LF', chunked('5\r\nhello\n0\r\n\r\n'), 400, 'chunk data'),
  refused(CHUNKED, 'data that ends with CR', chunked('5\r\nhello\r0\r\n\r\n'), 400, 'chunk data'),
  refused(CHUNKED, 'data without an end', chunked('5\r\nhello0\r\n\r\n'), 400, 'chunk data'),
  refused(CHUNKED, 'LF behind the last size', chunked('0\n\r\n'), 400, 'chunk size'),
  brokenOff(
    CHUNKED,
    'a fault in a later chunk ends the request at the origin too',
    '5\r\nhello\r\n',
    'zz\r\n',
    'chunk size',
  ),
  brokenOff(
    CHUNKED,
    'a size that lies is told to the origin by a reset',
    '5\r\nhello',
    'x\r\n',
    'chunk data',
  ),
  brokenOff(
    TRAILER,
    'a broken trailer ends the request at the origin too',
    '1\r\na\r\n',
    '0\r\nX y: z\r\n\r\n',
    'trailer',
  ),

  intact(EXTENSION, 'an extension by name', chunked('5;a\r\nhello\r\n0\r\n\r\n')),
  intact(EXTENSION, 'an extension with a value', chunked('5;a=b;c=d\r\nhello\r\n0;e\r\n\r\n')),
  intact(EXTENSION, 'a quoted extension', chunked('5;a="b;c d"\r\nhello\r\n0\r\n\r\n')),
  refused(EXTENSION, 'LF in an extension', chunked('5;a\nhello\r\n0\r\n\r\n'), 400, 'chunk extension'),
  refused(EXTENSION, 'CR in an extension', chunked('5;a\rb\r\nhello\r\n0\r\n\r\n'), 400, 'chunk'),
  refused(
    EXTENSION,
    'LF in a quoted extension',
    chunked('5;a="\n"\r\nhello\r\n0\r\n\r\n'),
    400,
    'chunk extension',
  ),
  refused(EXTENSION, 'NUL in an extension', chunked('5;a\0\r\nhello\r\n0\r\n\r\n'), 400, 'chunk extension'),
  refused(
    EXTENSION,
    'more extensions than anybody needs',
    chunked(`5;${'a'.repeat(40_000)}\r\nhello\r\n0\r\n\r\n`),
    400,
    'chunk extension',
  ),

  intact(TRAILER, 'a trailer', chunked('5\r\nhello\r\n0\r\nX-Sum: abc\r\n\r\n')),
  intact(TRAILER, 'several trailers', chunked('0\r\nX-One: 1\r\nX-Two:\r\nX-Three: \t3 \r\n\r\n')),
  ...[
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Host: b',
    'Connection: close',
    'Expect: 100-continue',
    'X-Forwarded-For: 1.2.3.4',
    'content-length:0',
    'Upgrade: x',
    'TE: x',
  ].map((field) =>
    refused('RFC 9110 6.5.1', `the trailer ${field}`, chunked(`0\r\n${field}\r\n\r\n`), 400, 'trailer'),
  ),
  ...[': x', 'X y: z', 'X : y', ' X: y', 'X', 'X: a\nY: b', 'X: a\0', 'X: a\rb', 'X@: y', 'X: 1\r\n 2'].map(
    (field) =>
      refused(
        TRAILER,
        `the trailer ${JSON.stringify(field)}`,
        chunked(`0\r\n${field}\r\n\r\n`),
        400,
        'trailer',
      ),
  ),
  refused(TRAILER, 'LF for the end of the trailers', chunked('0\r\nX: y\r\n\n'), 400, 'trailer'),
  refused(
    TRAILER,
    'more trailers than anybody needs',
    chunked(`0\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`),
    400,
    'trailer',
  ),
];
