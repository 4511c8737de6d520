import { GET, passes, refused, type Case } from '../case.js';

const LINE = 'RFC 9112 3';
const METHOD = 'RFC 9110 9.1';
const TARGET = 'RFC 9112 3.2';
const VERSION = 'RFC 9112 2.3';
const HOST = 'Host: a\r\n\r\n';

const line = (text: string): string => `${text}\r\n${HOST}`;

const methods = ['GET', 'OPTIONS', 'DELETE', 'PROPFIND', 'M-SEARCH', 'get', 'GETS', 'A!#$%&*+.^_`|~9'].map(
  (method) => passes(METHOD, `method ${method}`, line(`${method} / HTTP/1.1`), line(`${method} / HTTP/1.1`)),
);

const targets = [
  '/a/b?c=d&e',
  '/?',
  '//double//slash',
  '/%00%0d%0a%2F..%2f',
  "/a;b=c,d@e:f!$'()*+~",
  '/unwise{|}"<>\\^`[]',
  `/${'long'.repeat(1000)}`,
  '/../../etc/passwd',
].map((target) =>
  passes(
    'RFC 9112 3.2.1',
    `origin-form ${target.slice(0, 40)}`,
    line(`GET ${target} HTTP/1.1`),
    line(`GET ${target} HTTP/1.1`),
  ),
);

const badTargets: [string, string][] = [
  ['no target', ''],
  ['a path without a slash', 'a'],
  ['a fragment', '/a#b'],
  ['TAB in it', '/a\tb'],
  ['NUL in it', '/a\0b'],
  ['VT in it', '/a\vb'],
  ['DEL in it', '/a\x7fb'],
  ['a byte above 0x7f', '/\xe4'],
  ['asterisk-form with GET', '*'],
  ['authority-form with GET', 'a:443'],
  ['a foreign scheme', 'ftp://a/'],
  ['a scheme without authority', 'http:///x'],
  ['a scheme with one slash', 'http:/a/'],
  ['userinfo', 'http://u:p@a/'],
];

const absolute = (name: string, target: string, host: string, atOrigin: string): Case =>
  passes('RFC 9112 3.2.2', name, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, atOrigin);

export const REQUEST_LINE: readonly Case[] = [
  ...methods,
  refused(METHOD, 'a method that is no token', line('G(T / HTTP/1.1'), 400, 'malformed method'),
  refused(METHOD, 'an empty method', line(' / HTTP/1.1'), 400, 'malformed method'),
  refused(METHOD, 'a NUL in the method', line('GE\0T / HTTP/1.1'), 400, 'malformed method'),
  refused(LINE, 'a method longer than any served', line(`${'M'.repeat(60)} / HTTP/1.1`), 501, 'method'),
  refused('RFC 9110 9.3.6', 'CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405, 'CONNECT', {
    atClient: {
      status: 405,
      says: 'CONNECT',
      fields: ['Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
    },
  }),
  refused(
    'RFC 9110 9.3.8',
    'TRACE with content',
    'TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
    400,
    'TRACE',
  ),
  refused(
    'RFC 9110 9.3.8',
    'TRACE with chunked content',
    'TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'TRACE',
  ),
  passes('RFC 9110 9.3.8', 'TRACE without content', line('TRACE / HTTP/1.1'), line('TRACE / HTTP/1.1')),

  ...targets,
  ...badTargets.map(([name, target]) =>
    refused(TARGET, `target with ${name}`, line(`GET ${target} HTTP/1.1`), 400, 'malformed request'),
  ),
  refused(LINE, 'a target longer than a head may be', `GET /${'x'.repeat(2000)}`, 414, 'target', {
    settings: 'tight',
  }),

  passes('RFC 9112 3.2.4', 'asterisk-form', line('OPTIONS * HTTP/1.1'), line('OPTIONS * HTTP/1.1')),
  passes(
    'RFC 9112 3.2.4',
    'OPTIONS of a whole server in absolute-form',
    line('OPTIONS http://a HTTP/1.1'),
    line('OPTIONS * HTTP/1.1'),
  ),
  passes(
    'RFC 9112 3.2.4',
    'OPTIONS of the root in absolute-form',
    line('OPTIONS http://a/ HTTP/1.1'),
    line('OPTIONS / HTTP/1.1'),
  ),
  absolute('absolute-form becomes origin-form', 'http://a/b?c', 'a', line('GET /b?c HTTP/1.1')),
  absolute('absolute-form without a path', 'http://a', 'a', line('GET / HTTP/1.1')),
  absolute('absolute-form with a query alone', 'http://a?q', 'a', line('GET /?q HTTP/1.1')),
  absolute('absolute-form in capitals', 'HTTP://a/', 'a', line('GET / HTTP/1.1')),
  absolute(
    'the authority of absolute-form replaces Host',
    'http://b:81/p',
    'a',
    'GET /p HTTP/1.1\r\nHost: b:81\r\n\r\n',
  ),
  absolute('an IPv6 authority', 'http://[::1]:80/p', 'x', 'GET /p HTTP/1.1\r\nHost: [::1]:80\r\n\r\n'),
  passes(
    'RFC 9112 3.2.2',
    'the authority replaces Host wherever that stands',
    'GET http://b/ HTTP/1.1\r\nX-One: 1\r\nHost: a\r\nX-Two: 2\r\n\r\n',
    'GET / HTTP/1.1\r\nX-One: 1\r\nHost: b\r\nX-Two: 2\r\n\r\n',
  ),
  refused(
    'RFC 9112 3.2',
    'absolute-form does not make up for a missing Host',
    'GET http://a/ HTTP/1.1\r\n\r\n',
    400,
    'Host header missing',
  ),
  passes(
    'RFC 9112 3.2.2',
    'absolute-form in HTTP/1.0 without Host',
    'GET http://b/p HTTP/1.0\r\n\r\n',
    'GET /p HTTP/1.1\r\nHost: b\r\n\r\n',
    {
      atClient: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
      fate: 'ended',
    },
  ),
  refused(
    'RFC 9110 7.4',
    'an https target on a connection without TLS',
    line('GET https://a/ HTTP/1.1'),
    421,
    'https',
  ),
  refused(
    TARGET,
    'a malformed authority in absolute-form',
    line('GET http://a:b:c/ HTTP/1.1'),
    400,
    'target',
  ),

  passes(VERSION, 'a higher minor version is taken as 1.1', line('GET / HTTP/1.2'), GET),
  passes(VERSION, 'the highest minor version is taken as 1.1', line('GET / HTTP/1.9'), GET),
  refused(VERSION, 'HTTP/2.0 as text', line('GET / HTTP/2.0'), 505, 'HTTP/1.1'),
  refused(VERSION, 'HTTP/3.0 as text', line('GET / HTTP/3.0'), 505, 'HTTP/1.1'),
  refused(VERSION, 'HTTP/0.9 by name', line('GET / HTTP/0.9'), 505, 'HTTP/1.1'),
  refused('RFC 9112 2.3', 'HTTP/0.9 without a version', 'GET /\r\n', 400, 'request line'),
  refused('RFC 9112 2.3', 'HTTP/0.9 with a space', 'GET / \r\n', 400, 'request line'),
  ...[
    'http/1.1',
    'HTTP/1.10',
    'HTTP/01.1',
    'HTTP/1',
    'HTTP/1.',
    'HTTP/.1',
    'HTTP/1,1',
    'HTTP /1.1',
    'HTTP/1.1x',
    'HTTPS/1.1',
    'HTTP/+1.1',
    'ICAP/1.0',
    'HTTP/1.1 x',
  ].map((version) => refused(VERSION, `version ${version}`, line(`GET / ${version}`), 400, 'request line')),

  refused(LINE, 'two spaces in front of the target', line('GET  / HTTP/1.1'), 400, 'target'),
  refused(LINE, 'two spaces in front of the version', line('GET /  HTTP/1.1'), 400, 'request line'),
  refused(LINE, 'TAB for a space', line('GET\t/ HTTP/1.1'), 400, 'method'),
  refused(LINE, 'TAB in front of the version', line('GET /\tHTTP/1.1'), 400, 'target'),
  refused(LINE, 'a space behind the version', line('GET / HTTP/1.1 '), 400, 'request line'),
  refused(LINE, 'a space in the target', line('GET /a b HTTP/1.1'), 400, 'request line'),
  refused(LINE, 'white space in front of the line', line(' GET / HTTP/1.1'), 400, 'method'),
  refused(LINE, 'a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'method'),
  refused(
    'RFC 9112 2.2',
    'white space between request line and headers',
    'GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n',
    400,
    'folded',
  ),
  passes('RFC 9112 2.2', 'one empty line in front', `\r\n${GET}`, GET),
  passes('RFC 9112 2.2', 'many empty lines in front', `${'\r\n'.repeat(20)}${GET}`, GET),
  passes('RFC 9112 2.2', 'empty lines in front, in pieces', ['\r', '\n', '\r\n', GET], GET),
  refused('RFC 9112 2.2', 'LF in front', `\n${GET}`, 400, 'LF without CR'),
  refused('RFC 9112 2.2', 'CR in front', `\r${GET}`, 400, 'CR without LF'),
  refused('RFC 9112 2.2', 'the line ends with LF', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 400, 'LF without CR'),
  refused('RFC 9112 2.2', 'the line ends with CR', 'GET / HTTP/1.1\rHost: a\r\n\r\n', 400, 'CR without LF'),
  refused('RFC 9112 2.2', 'LF in the target', 'GET /\nx HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request line'),
  passes(
    'RFC 9112 2',
    'a head in single bytes',
    { bytewise: 'GET /bytes HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n' },
    'GET /bytes HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n',
  ),

  passes(
    'RFC 9110 7.6.2',
    'Max-Forwards is counted down for TRACE',
    'TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n',
    'TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards:  9\r\n\r\n',
  ),
  passes(
    'RFC 9110 7.6.2',
    'Max-Forwards is counted down for OPTIONS',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n',
  ),
  passes(
    'RFC 9110 7.6.2',
    'Max-Forwards of other methods is left alone',
    'GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n',
  ),
  {
    clause: 'RFC 9110 7.6.2',
    name: 'OPTIONS with Max-Forwards 0 is answered here',
    client: 'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n',
    atOrigin: [],
    atClient: {
      status: 200,
      says: '',
      kept: true,
      fields: ['Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
    },
  },
  refused(
    'RFC 9110 7.6.2',
    'Max-Forwards that is no number',
    'OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n',
    400,
    'Max-Forwards',
  ),
];
