import { GET, OK, OK_CLOSE, passes, refused, responds, type Case } from '../case.js';

const HOP = 'RFC 9110 7.6.1';
const PERSIST = 'RFC 9112 9.3';
const PIPELINE = 'RFC 9112 9.3.2';
const TEARDOWN = 'RFC 9112 9.6';
const V10 = 'RFC 9110 6.2';

const withFields = (...fields: string[]): string =>
  `GET / HTTP/1.1\r\nHost: a\r\n${fields.map((f) => `${f}\r\n`).join('')}\r\n`;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const body = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;

/** Names that Connection must not take out: framing, routing, and what tells who the client is. */
const protectedNames: [string, string][] = [
  ['Host', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n'],
  [
    'Content-Length',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: content-length\r\n\r\nx',
  ],
  [
    'Transfer-Encoding',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close, Transfer-Encoding\r\n\r\n0\r\n\r\n',
  ],
  [
    'X-Forwarded-For',
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nConnection: X-Forwarded-For\r\n\r\n',
  ],
];

const ended = { fate: 'ended', atClient: OK_CLOSE } as const;

export const CONNECTION: readonly Case[] = [
  ...[
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'TE: trailers',
    'TE: gzip, trailers;q=0.5',
    'Upgrade: foo',
  ].map((field) =>
    passes(
      HOP,
      `${field} is not passed on`,
      withFields('X-One: 1', field, 'X-Two: 2'),
      withFields('X-One: 1', 'X-Two: 2'),
    ),
  ),
  passes(
    HOP,
    'fields that Connection names are not passed on',
    withFields('X-Mine: 1', 'Connection: x-MINE, X-None', 'X-Other: 2', 'X-Mine: 3'),
    withFields('X-Other: 2'),
  ),
  passes(
    HOP,
    'several Connection lines count together',
    withFields('Connection: X-A', 'X-A: 1', 'X-B: 2', 'X-C: 3', 'Connection: keep-alive,,X-B ,'),
    withFields('X-C: 3'),
  ),
  passes(HOP, 'an empty Connection field', withFields('Connection:'), GET),
  passes(
    HOP,
    'only whole names count',
    withFields('Connection: X-A', 'X-Ab: 1', 'Y-X-A: 2'),
    withFields('X-Ab: 1', 'Y-X-A: 2'),
  ),
  ...protectedNames.map(([name, message]) =>
    refused('ADR 0008', `Connection names ${name}`, message, 400, 'Connection'),
  ),
  responds(
    HOP,
    'fields of one connection are taken out of responses',
    'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nConnection: X-Mine, keep-alive\r\nX-Mine: 1\r\nX-Other: 2\r\nProxy-Connection: x\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nX-Other: 2\r\nContent-Length: 2\r\n\r\nok',
  ),
  responds(
    HOP,
    'Connection: close of an origin ends its own connection only',
    { onRequest: OK_CLOSE, after: 'end' },
    OK,
  ),
  responds(
    HOP,
    'Upgrade in another response than 101 or 426 is of one connection',
    'HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok',
    OK,
  ),

  passes(TEARDOWN, 'Connection: close', withFields('Connection: close'), GET, ended),
  passes(TEARDOWN, 'Connection: CLOSE in a list', withFields('Connection: X-A , CLOSE'), GET, ended),
  passes(
    TEARDOWN,
    'close outweighs keep-alive',
    withFields('Connection: keep-alive', 'Connection: close'),
    withFields('Connection: keep-alive'),
    ended,
  ),
  passes(
    TEARDOWN,
    'a request behind Connection: close is ignored',
    `${withFields('Connection: close')}${get('/second')}`,
    GET,
    ended,
  ),
  passes(
    TEARDOWN,
    'garbage behind Connection: close is ignored',
    `${withFields('Connection: close')}\0\x01garbage\r\n\r\n`,
    GET,
    ended,
  ),
  passes(
    TEARDOWN,
    'garbage behind a body and Connection: close is ignored',
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nxGET',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
    ended,
  ),
  passes(
    TEARDOWN,
    'garbage behind a refusal is ignored',
    ['GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    '',
    {
      atClient: { status: 400, says: 'Host header missing' },
    },
  ),
  passes(PERSIST, 'HTTP/1.1 persists', GET, GET),
  passes(
    PERSIST,
    'keep-alive alone says of our own connection what is true of it',
    withFields('Connection: keep-alive'),
    withFields('Connection: keep-alive'),
  ),
  passes(PERSIST, 'keep-alive beside others does not', withFields('Connection: keep-alive, X-A'), GET),
  passes(PERSIST, 'HTTP/1.0 ends', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', GET, ended),
  passes(
    PERSIST,
    'HTTP/1.0 with keep-alive persists, and is told so',
    'GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n',
    withFields('Connection: Keep-Alive'),
    {
      atClient: 'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    },
  ),
  passes(
    PERSIST,
    'HTTP/1.0 with keep-alive and close ends',
    'GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive, close\r\n\r\n',
    GET,
    ended,
  ),
  passes(
    PERSIST,
    'Keep-Alive alone does not keep HTTP/1.0',
    'GET / HTTP/1.0\r\nHost: a\r\nKeep-Alive: 300\r\n\r\n',
    GET,
    ended,
  ),
  passes(
    PERSIST,
    'Proxy-Connection keeps nothing',
    'GET / HTTP/1.0\r\nHost: a\r\nProxy-Connection: keep-alive\r\n\r\n',
    GET,
    ended,
  ),
  passes(
    V10,
    'the request goes on as HTTP/1.1',
    'POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
    ended,
  ),
  responds(
    V10,
    'the response goes on as HTTP/1.1',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
  ),

  {
    clause: PIPELINE,
    name: 'requests sent ahead are answered in order',
    client: get('/1') + get('/2') + get('/3'),
    origin: [body('one'), body('two'), body('three')],
    atOrigin: [get('/1') + get('/2') + get('/3')],
    atClient: body('one') + body('two') + body('three'),
  },
  {
    clause: PIPELINE,
    name: 'requests with bodies sent ahead',
    client:
      'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nHEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n',
    origin: [OK, OK, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
    atOrigin: [
      'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nHEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    atClient: `${OK}${OK}HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n`,
  },
  {
    clause: PIPELINE,
    name: 'empty lines between requests',
    client: `${get('/1')}\r\n\r\n${get('/2')}\r\n`,
    atOrigin: [get('/1') + get('/2')],
    atClient: OK + OK,
  },
  {
    clause: PIPELINE,
    name: 'half a request ahead waits for its rest',
    client: [`${get('/1')}GET /2 HT`, { awaits: OK }, 'TP/1.1\r\nHost: a\r\n\r\n'],
    atOrigin: [get('/1') + get('/2')],
    atClient: OK + OK,
  },
  refused(
    PIPELINE,
    'a malformed request behind a good one does not touch its response',
    `${GET}GET / HTTP/1.1\r\nHost : a\r\n\r\n${GET}`,
    400,
    'white space',
    {
      atOrigin: [GET],
      atClient: { status: 400, says: 'white space', after: OK },
    },
  ),
  {
    clause: 'ADR 0008',
    name: 'a client that ends its direction gets its response',
    client: [GET, { reaches: GET }, { does: 'end' }],
    origin: { onRequest: OK },
    atOrigin: [GET],
    atClient: OK,
    fate: 'ended',
  },
  {
    clause: 'ADR 0008',
    name: 'requests sent ahead of the end are all answered',
    client: [get('/1') + get('/2'), { does: 'end' }],
    atOrigin: [get('/1') + get('/2')],
    atClient: OK + OK,
    fate: 'ended',
  },
  {
    clause: 'RFC 9112 8',
    name: 'a request whose body is cut short is given up',
    client: [
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc',
      { reaches: 'abc' },
      { does: 'end' },
    ],
    atOrigin: ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'],
    atClient: '',
    fate: 'reset',
    abortsOrigin: true,
  },
  {
    clause: 'RFC 9112 8',
    name: 'a chunked request cut short is given up',
    client: [
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
      { reaches: 'abc\r\n' },
      { does: 'end' },
    ],
    atOrigin: ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
    atClient: '',
    fate: 'reset',
    abortsOrigin: true,
  },
  {
    clause: 'RFC 9112 9.6',
    name: 'a client that resets takes its request with it, while it waits',
    client: [GET, { reaches: GET }, { does: 'reset' }],
    origin: {},
    atOrigin: [GET],
    atClient: '',
    abortsOrigin: true,
  },
  {
    clause: 'RFC 9112 9.6',
    name: 'a client that resets takes its request with it, in mid-response',
    client: [GET, { awaits: 'abc' }, { does: 'reset' }],
    origin: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc',
    atOrigin: [GET],
    atClient: '',
    abortsOrigin: true,
  },
  {
    clause: 'RFC 9112 9.6',
    name: 'a client that resets takes its upload with it',
    client: [
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc',
      { reaches: 'abc' },
      { does: 'reset' },
    ],
    atOrigin: ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'],
    atClient: '',
    abortsOrigin: true,
  },
  {
    clause: 'X-Forwarded-For',
    name: 'the client is named to the origin',
    settings: 'forwarded',
    client: GET,
    atOrigin: ['GET / HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\nHost: a\r\n\r\n'],
    atClient: OK,
  },
  {
    clause: 'X-Forwarded-For',
    name: 'the last line is appended to',
    settings: 'forwarded',
    client: withFields('X-Forwarded-For: 9.9.9.9', 'X-Forwarded-For: 8.8.8.8'),
    atOrigin: [withFields('X-Forwarded-For: 9.9.9.9', 'X-Forwarded-For: 8.8.8.8, 127.0.0.1')],
    atClient: OK,
  },
];
