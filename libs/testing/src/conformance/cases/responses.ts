import { badGateway, GET, OK, OK_CLOSE, POST, responds, type Case } from '../case.js';

const STATUS_LINE = 'RFC 9112 4';
const FIELDS = 'RFC 9112 5';
const BODY = 'RFC 9112 6.3';
const CODING = 'RFC 9112 6.1';
const CHUNKED = 'RFC 9112 7.1';
const INCOMPLETE = 'RFC 9112 8';

const HEAD = 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n';
const GET10 = 'GET / HTTP/1.0\r\nHost: a\r\n\r\n';
const same = (clause: string, name: string, message: string): Case =>
  responds(clause, name, message, message);
const chunked = (body: string): string => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
const withField = (field: string): string => `HTTP/1.1 200 OK\r\n${field}\r\nContent-Length: 2\r\n\r\nok`;
const until = (body: string, version = '1.1'): string => `HTTP/${version} 200 OK\r\n\r\n${body}`;

const toHead = (name: string, head: string, clause = BODY): Case =>
  responds(clause, name, head, head, { client: HEAD, atOrigin: [HEAD] });

/** What a client has when its response breaks off: all that came, and a reset. */
const cut = (name: string, sent: string, atClient: string, after: 'end' | 'reset' = 'end'): Case =>
  responds(INCOMPLETE, name, { onRequest: sent, after }, atClient, { fate: 'reset' });

/** POST is sent once; the client learns that there is no response, and may go on. */
const none = (name: string, answer: Exclude<Case['origin'], undefined>, says: string): Case => ({
  clause: 'RFC 9110 15.6.3',
  name,
  client: POST,
  origin: answer,
  atOrigin: [POST],
  atClient: { status: 502, says, kept: true },
});

export const RESPONSES: readonly Case[] = [
  same(STATUS_LINE, 'a plain response', OK),
  same(STATUS_LINE, 'an empty reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n'),
  same(
    STATUS_LINE,
    'a long reason with obs-text',
    `HTTP/1.1 200 ${'r\xe4son '.repeat(50)}\r\nContent-Length: 0\r\n\r\n`,
  ),
  responds(
    STATUS_LINE,
    'a missing space behind the status is put in',
    'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
  ),
  ...[
    201, 202, 203, 206, 300, 301, 307, 308, 400, 401, 404, 405, 409, 410, 416, 421, 422, 425, 429, 451, 500,
    501, 503, 599,
  ].map((status) =>
    same('RFC 9110 15', `status ${status}`, `HTTP/1.1 ${status} Any\r\nContent-Length: 2\r\n\r\nok`),
  ),
  same(
    'RFC 9110 15.3.6',
    '205 with an empty body',
    'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n',
  ),
  responds(
    'RFC 9112 2.3',
    'a higher minor version of a response is taken as 1.1',
    'HTTP/1.5 200 OK\r\nContent-Length: 2\r\n\r\nok',
    OK,
  ),
  ...[
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/2.0 200 OK\r\n\r\n',
    'http/1.1 200 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/1.1\t200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'HTTP/1.1 2x0 OK\r\n\r\n',
    'HTTP/1.1 +20 OK\r\n\r\n',
    'HTTP/1.1 200OK\r\n\r\n',
    'HTTP/1.1 200\tOK\r\n\r\n',
    'HTTP/1.1 200 O\0K\r\n\r\n',
    'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
    'HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n',
    '\r\nHTTP/1.1 200 OK\r\n\r\n',
    '<html>no HTTP at all</html>\r\n\r\n',
    'ICY 200 OK\r\n\r\n',
  ].map((text) => badGateway(STATUS_LINE, `the response ${JSON.stringify(text.slice(0, 24))}`, text)),

  same(
    FIELDS,
    'fields as they came',
    'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Any:value\r\nset-cookie: \t b=2 \r\nX: \x80\xff\r\nContent-Length: 0\r\n\r\n',
  ),
  ...['Expect: x', 'Host: a\r\nHost: b', 'Expect: 100-continue', 'Content_Length: 5', 'Max-Forwards: 0'].map(
    (field) => same(FIELDS, `${JSON.stringify(field)} means nothing in a response`, withField(field)),
  ),
  responds(
    'RFC 9112 5.1',
    'white space in front of a colon is taken away',
    withField('X-Any \t: 1'),
    withField('X-Any:\t  1'),
  ),
  responds(
    'RFC 9112 5.1',
    'white space in front of the colon of a length is taken away',
    'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length:  2\r\n\r\nok',
  ),
  ...[
    ['a folded line', 'X: 1\r\n 2'],
    ['a folded first line', ' X: 1'],
    ['LF behind a line', 'X: 1\nY: 2'],
    ['CR in a value', 'X: 1\r2'],
    ['NUL in a value', 'X: \0'],
    ['VT in a value', 'X: \v'],
    ['an empty name', ': 1'],
    ['a line without a colon', 'X'],
    ['a name that is no token', 'X(: 1'],
    ['a name with obs-text', 'X\x80: 1'],
  ].map(([name, field]) => badGateway(FIELDS, `${name} (response splitting)`, withField(field!))),
  badGateway('RFC 9110 5.4', 'a head larger than any', withField(`X: ${'x'.repeat(300_000)}`)),
  badGateway(
    'RFC 9110 5.4',
    'more fields than any',
    withField(Array.from({ length: 1100 }, (_, i) => `X-${i}: 1`).join('\r\n')),
  ),

  same(BODY, 'a response body by length', OK),
  same(BODY, 'an empty body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  responds(
    BODY,
    'zeros in front of the length of a response',
    'HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length:   2\r\n\r\nok',
  ),
  same(
    BODY,
    'a body of 200,000 bytes',
    `HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${'b'.repeat(200_000)}`,
  ),
  responds(BODY, 'single bytes', { onRequest: OK, bytewise: true }, OK),
  toHead('HEAD has no body, whatever its length', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'),
  toHead('HEAD has no body, chunked or not', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
  toHead('HEAD without a length does not wait for the end', 'HTTP/1.1 200 OK\r\n\r\n'),
  same(
    BODY,
    '304 has no body, whatever its length',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: "x"\r\n\r\n',
  ),
  same(BODY, '304 without a length does not wait for the end', 'HTTP/1.1 304 Not Modified\r\n\r\n'),
  same(BODY, '204 has no body', 'HTTP/1.1 204 No Content\r\n\r\n'),
  responds(
    'RFC 9110 8.6',
    '204 has no length',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ),
  responds(
    CODING,
    '204 is not chunked',
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ),
  responds(
    BODY,
    'a body that the end ends',
    { onRequest: until('to the end'), after: 'end' },
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end',
    { fate: 'ended' },
  ),
  responds(
    BODY,
    'a body of HTTP/1.0 that the end ends',
    { onRequest: until('to the end', '1.0'), after: 'end' },
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end',
    { fate: 'ended' },
  ),
  responds(
    BODY,
    'an empty body that the end ends',
    { onRequest: until(''), after: 'end' },
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
    { fate: 'ended' },
  ),
  responds(
    INCOMPLETE,
    'a body that a reset ends is cut short',
    { onRequest: until('to the e'), after: 'reset' },
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the e',
    { fate: 'reset' },
  ),

  ...[
    ['two equal lengths', 'Content-Length: 2\r\nContent-Length: 2'],
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 3'],
    ['a list of lengths', 'Content-Length: 2, 2'],
    ['a negative length', 'Content-Length: -2'],
    ['a length with a sign', 'Content-Length: +2'],
    ['an empty length', 'Content-Length:'],
    ['a huge length', 'Content-Length: 99999999999999999999'],
    ['length and chunked', 'Content-Length: 2\r\nTransfer-Encoding: chunked'],
    ['chunked and length', 'Transfer-Encoding: chunked\r\nContent-Length: 2'],
    ['gzip, chunked', 'Transfer-Encoding: gzip, chunked'],
    ['gzip', 'Transfer-Encoding: gzip'],
    ['identity', 'Transfer-Encoding: identity'],
    ['chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
    ['chunked, chunked', 'Transfer-Encoding: chunked, chunked'],
    ['an empty coding', 'Transfer-Encoding:'],
    ['VT in front of chunked', 'Transfer-Encoding: \vchunked'],
  ].map(([name, field]) =>
    badGateway(BODY, `a response with ${name}`, `HTTP/1.1 200 OK\r\n${field}\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
  ),
  badGateway(
    CODING,
    'a chunked response in HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),

  same(CHUNKED, 'a chunked response', chunked('2\r\nok\r\n0\r\n\r\n')),
  responds(
    CHUNKED,
    'a chunked response in single bytes',
    { onRequest: chunked('3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'), bytewise: true },
    chunked('3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'),
  ),
  same('RFC 9112 7.1.2', 'trailers', chunked('2\r\nok\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n')),
  responds(
    CHUNKED,
    'HTTP/1.0 gets the data alone',
    chunked('3\r\nabc\r\n3;x\r\ndef\r\n0\r\nX-T: 1\r\n\r\n'),
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcdef',
    { client: GET10, fate: 'ended' },
  ),
  responds(
    CHUNKED,
    'chunked in capitals',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n',
    chunked('0\r\n\r\n'),
  ),
  badGateway(CHUNKED, 'a malformed first chunk', chunked('zz\r\nok')),
  badGateway(CHUNKED, 'a chunk size with a space', chunked('2 \r\nok\r\n0\r\n\r\n')),
  badGateway('RFC 9112 7.1.1', 'LF in an extension of a response', chunked('2;a\nok\r\n0\r\n\r\n')),
  badGateway(
    'RFC 9110 6.5.1',
    'a length among the trailers',
    chunked('2\r\nok\r\n0\r\nContent-Length: 3\r\n\r\n'),
  ),

  cut(
    'a body by length breaks off',
    'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
    'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
  ),
  cut('a chunked body breaks off behind a chunk', chunked('3\r\nabc\r\n'), chunked('3\r\nabc\r\n')),
  cut(
    'a chunked body breaks off in front of the last line',
    chunked('3\r\nabc\r\n0\r\n'),
    chunked('3\r\nabc\r\n0\r\n'),
  ),
  cut(
    'a chunked body breaks off for HTTP/1.1 by reset',
    'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
    'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
    'reset',
  ),
  {
    ...cut(
      'a chunked body breaks off for HTTP/1.0',
      chunked('3\r\nabc\r\n'),
      'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc',
    ),
    client: GET10,
  },

  none('the origin ends without a response', { after: 'end' }, 'without a response'),
  none(
    'the origin ends in the head',
    { onRequest: 'HTTP/1.1 200 OK\r\nContent-Le', after: 'end' },
    'without a response',
  ),
  none(
    'the origin resets in the head',
    { onRequest: 'HTTP/1.1 200 OK\r\nContent-Le', after: 'reset' },
    'reset',
  ),
  {
    ...none(
      'the origin ends after an interim response',
      { onRequest: 'HTTP/1.1 102 Processing\r\n\r\n', after: 'end' },
      '',
    ),
    atClient: {
      status: 502,
      says: 'without a response',
      kept: true,
      after: 'HTTP/1.1 102 Processing\r\n\r\n',
    },
  },
  {
    clause: 'RFC 9110 9.2.2',
    name: 'a request that is idempotent is sent again, three times at most',
    client: GET,
    origin: { after: 'end' },
    atOrigin: [GET, GET, GET],
    atClient: { status: 502, says: 'without a response', kept: true },
  },
  {
    clause: 'RFC 9110 9.2.2',
    name: 'the second try may succeed',
    client: 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
    origin: [{ after: 'end' }, OK],
    atOrigin: [
      'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
      'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
    ],
    atClient: OK,
  },
  {
    clause: 'RFC 9110 9.2.2',
    name: 'nothing is sent again once a byte of a response has come',
    client: GET,
    origin: [{ onRequest: 'H', after: 'end' }, OK],
    atOrigin: [GET],
    atClient: { status: 502, says: 'without a response', kept: true },
  },
  {
    clause: 'RFC 9110 9.2.2',
    name: 'a method that nobody knows is not idempotent',
    client: 'BUY / HTTP/1.1\r\nHost: a\r\n\r\n',
    origin: [{ after: 'end' }, OK],
    atOrigin: ['BUY / HTTP/1.1\r\nHost: a\r\n\r\n'],
    atClient: { status: 502, says: 'without a response', kept: true },
  },

  {
    clause: 'RFC 9112 9.2',
    name: 'what an origin sends behind its response is nobody’s response',
    client: [GET, { awaits: OK }, GET],
    origin: [`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`, OK],
    atOrigin: [GET, GET],
    atClient: OK + OK,
  },
  {
    clause: 'RFC 9112 9.2',
    name: 'the same in a piece of its own',
    client: [GET, { awaits: OK }, GET],
    origin: [`${OK}x`, OK],
    atOrigin: [GET, GET],
    atClient: OK + OK,
  },
  {
    clause: 'RFC 9112 9.2',
    name: 'a body of HEAD is nobody’s response',
    client: [HEAD, { awaits: '\r\n\r\n' }, GET],
    origin: [OK, OK],
    atOrigin: [HEAD, GET],
    atClient: `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${OK}`,
  },
  {
    clause: 'RFC 9112 9.2',
    name: 'a body of 204 is nobody’s response',
    client: [GET, { awaits: '\r\n\r\n' }, GET],
    origin: [`HTTP/1.1 204 No Content\r\n\r\n${OK}`, OK],
    atOrigin: [GET, GET],
    atClient: `HTTP/1.1 204 No Content\r\n\r\n${OK}`,
  },
  {
    clause: 'RFC 9112 9.2',
    name: 'a body of 304 is nobody’s response',
    client: [GET, { awaits: '\r\n\r\n' }, GET],
    origin: [`HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok`, OK],
    atOrigin: [GET, GET],
    atClient: `HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n${OK}`,
  },
  {
    clause: 'RFC 9112 9.2',
    name: 'bytes behind the last chunk are nobody’s response',
    client: [GET, { awaits: '0\r\n\r\n' }, GET],
    origin: [chunked('0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'), OK],
    atOrigin: [GET, GET],
    atClient: chunked('0\r\n\r\n') + OK,
  },
  {
    clause: 'RFC 9112 9.5',
    name: 'a whole response before the whole request ends the connection',
    client: ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc', { reaches: 'abc' }],
    origin: { onHead: 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno' },
    atOrigin: ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'],
    atClient: 'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno',
    fate: 'ended',
  },
  {
    clause: 'RFC 9110 7.5',
    name: 'a response may begin before the request is whole',
    client: ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc', { awaits: '\r\n\r\n1' }, 'def'],
    origin: { onHead: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1', onRequest: '2' },
    atOrigin: ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef'],
    atClient: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n12',
  },
  responds(BODY, 'Connection: close of a client is told to it', OK, OK_CLOSE, {
    client: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    fate: 'ended',
  }),
];
