import { badGateway, GET, OK, OK_CLOSE, passes, refused, responds, type Case } from '../case.js';

const tight = { settings: 'tight' } as const;
const narrow = { settings: 'narrow' } as const;
const line = (bytes: number): string => `X: ${'x'.repeat(bytes - 5)}`;
const withLine = (bytes: number): string => `GET / HTTP/1.1\r\nHost: a\r\n${line(bytes)}\r\n\r\n`;
const answer = (fields: string): string => `HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`;
const post = (fields: string, body = ''): string => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;
const fields = (n: number): string => `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(n)}\r\n`;
const sized = (bytes: number): string => {
  const rest = 'GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n'.length;
  return `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(bytes - rest)}\r\n\r\n`;
};

/** Settings `tight`: heads of 1,024 bytes and 16 fields, bodies of 100 bytes, 400 ms for everything. */
export const LIMITS: readonly Case[] = [
  passes('max_header_size', 'a head of just the size', sized(1024), sized(1024), tight),
  refused('max_header_size', 'a head of one byte more', sized(1025), 431, 'head too large', tight),
  refused(
    'max_header_size',
    'a head that does not end',
    sized(3000).slice(0, 2500),
    431,
    'head too large',
    tight,
  ),
  refused(
    'max_header_size',
    'a head that grows byte by byte',
    { bytewise: sized(1100) },
    431,
    'head too large',
    tight,
  ),
  passes('max_header_count', 'just as many fields', fields(15), fields(15), tight),
  refused('max_header_count', 'one field more', fields(16), 431, 'too many', tight),
  passes(
    'max_body_size',
    'a body of just the size',
    post('Content-Length: 100', 'b'.repeat(100)),
    post('Content-Length: 100', 'b'.repeat(100)),
    tight,
  ),
  refused('max_body_size', 'a length of one byte more', post('Content-Length: 101'), 413, 'too large', tight),
  passes(
    'max_body_size',
    'chunks of just the size',
    post('Transfer-Encoding: chunked', `64\r\n${'b'.repeat(100)}\r\n0\r\n\r\n`),
    post('Transfer-Encoding: chunked', `64\r\n${'b'.repeat(100)}\r\n0\r\n\r\n`),
    tight,
  ),
  refused(
    'max_body_size',
    'a chunk of one byte more',
    post('Transfer-Encoding: chunked', '65\r\n'),
    413,
    'too large',
    tight,
  ),
  {
    clause: 'max_body_size',
    name: 'chunks that come to more together; the origin is told',
    settings: 'tight',
    client: [
      post('Transfer-Encoding: chunked', `60\r\n${'b'.repeat(96)}\r\n`),
      { reaches: 'b\r\n' },
      '5\r\n',
    ],
    atOrigin: [post('Transfer-Encoding: chunked', `60\r\n${'b'.repeat(96)}\r\n`)],
    atClient: { status: 413, says: 'too large' },
    abortsOrigin: true,
  },
  refused(
    'client_header_timeout',
    'a head that does not go on',
    'GET / HTTP/1.1\r\nHo',
    408,
    'request head took too long',
    tight,
  ),
  {
    clause: 'client_header_timeout',
    name: 'nothing at all is ended without a word',
    settings: 'tight',
    client: [],
    atOrigin: [],
    atClient: '',
    fate: 'ended',
  },
  {
    clause: 'client_body_timeout',
    name: 'a body that does not go on; the origin is told',
    settings: 'tight',
    client: post('Content-Length: 5', 'ab'),
    atOrigin: [post('Content-Length: 5', 'ab')],
    atClient: { status: 408, says: 'request body took too long' },
    abortsOrigin: true,
  },
  {
    clause: 'server_response_timeout',
    name: 'an origin that does not answer; it is told',
    settings: 'tight',
    client: GET,
    origin: {},
    atOrigin: [GET],
    atClient: { status: 504, says: 'took too long', kept: true },
  },
  {
    clause: 'keepalive_timeout',
    name: 'an idle connection is ended without a word',
    settings: 'tight',
    client: GET,
    atOrigin: [GET],
    atClient: OK,
    fate: 'ended',
  },

  passes('max_field_size', 'a line of 250 bytes', withLine(250), withLine(250), narrow),
  {
    clause: 'max_field_size',
    name: 'a line of 400 bytes; the connection stays, since the end of the head is known',
    ...narrow,
    client: withLine(400),
    atOrigin: [],
    atClient: { status: 431, says: 'header is too large', kept: true },
  },
  responds(
    'max_response_header_size',
    'a head of less',
    answer(`${line(400)}\r\n`),
    answer(`${line(400)}\r\n`),
    narrow,
  ),
  badGateway('max_response_header_size', 'a head of more', answer(`${line(600)}\r\n`), narrow),
  responds(
    'max_response_header_count',
    'just as many fields',
    answer('X: y\r\n'.repeat(7)),
    answer('X: y\r\n'.repeat(7)),
    narrow,
  ),
  badGateway('max_response_header_count', 'one field more', answer('X: y\r\n'.repeat(8)), narrow),
  {
    clause: 'max_keepalive_requests',
    name: 'the last request that a connection may carry is told so',
    ...narrow,
    client: GET + GET + GET + GET,
    atOrigin: [GET + GET + GET],
    atClient: OK + OK + OK_CLOSE,
    fate: 'ended',
  },
];
