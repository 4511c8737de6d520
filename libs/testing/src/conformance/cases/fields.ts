import { passes, refused, type Case } from '../case.js';

const SYNTAX = 'RFC 9112 5';
const COLON = 'RFC 9112 5.1';
const FOLD = 'RFC 9112 5.2';
const VALUE = 'RFC 9110 5.5';
const HOST = 'RFC 9112 3.2';

const withField = (line: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;
const withHost = (value: string): string => `GET / HTTP/1.1\r\nHost:${value}\r\n\r\n`;

const intact = (clause: string, name: string, field: string): Case =>
  passes(clause, name, withField(field), withField(field));

const badHosts = [
  '',
  ' ',
  ' a b',
  ' a/b',
  ' a?b',
  ' a#b',
  ' u@a',
  ' a\\b',
  ' a:b',
  ' a:80:90',
  ' a:-1',
  ' :80',
  ' [::1',
  ' ::1',
  ' []',
  ' [::1]a',
  ' [::g]',
  ' a]',
  ' a[b',
  ' a%',
  ' a%2',
  ' a%zz',
  ' "a"',
  ' <a>',
  ' a^b',
  ' a|b',
  ' a{b}',
  ' a\xff',
];
const goodHosts = [
  ' a',
  'a',
  '\ta ',
  ' a.example.',
  ' 127.0.0.1:8080',
  ' [::1]',
  ' [2001:db8::1]:443',
  ' [v1.fe80::a+en1]',
  ' a:',
  ' a:00080',
  ' A-B_c~d',
  " x!$&'()*+,;=y",
  ' %41b',
];

export const FIELDS: readonly Case[] = [
  intact(SYNTAX, 'an unknown field', 'X-Any: value'),
  intact(SYNTAX, 'an empty value', 'X-Empty:'),
  intact(SYNTAX, 'white space around a value', 'X-Space: \t value \t '),
  intact(SYNTAX, 'no white space in front of a value', 'X-Tight:value'),
  intact(SYNTAX, 'colons in a value', 'X-Colon: a:b: c'),
  intact(SYNTAX, 'every byte of a token in a name', "!#$%&'*+-.^_`|~09azAZ: 1"),
  intact(SYNTAX, 'repeated fields keep their order', 'X-Twice: 1\r\nX-Other: 2\r\nX-Twice: 3'),
  intact(VALUE, 'obs-text in a value', 'X-Text: \x80\xff\xe4'),
  intact(VALUE, 'a value of 8,000 bytes', `X-Long: ${'v'.repeat(8000)}`),
  intact('RFC 9110 5.4', '90 fields', Array.from({ length: 90 }, (_, i) => `X-${i}: ${i}`).join('\r\n')),

  ...[' ', '\t', ' \t '].map((space) =>
    refused(
      COLON,
      `${JSON.stringify(space)} in front of the colon`,
      withField(`X-Any${space}: 1`),
      400,
      'white space',
    ),
  ),
  refused(
    COLON,
    'white space in front of the colon of Content-Length',
    withField('Content-Length : 0'),
    400,
    'white space',
  ),
  refused(
    COLON,
    'white space in front of the colon of Transfer-Encoding',
    withField('Transfer-Encoding : chunked'),
    400,
    'white space',
  ),
  refused(
    COLON,
    'white space in front of the colon of Host',
    'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
    400,
    'white space',
  ),
  refused(COLON, 'a space in a name', withField('X Any: 1'), 400, 'white space'),
  refused(FOLD, 'a line folded with a space', withField('X-Fold: 1\r\n 2'), 400, 'folded'),
  refused(FOLD, 'a line folded with TAB', withField('X-Fold: 1\r\n\t2'), 400, 'folded'),
  refused(FOLD, 'a folded line of white space alone', withField('X-Fold: 1\r\n '), 400, 'folded'),
  refused(
    FOLD,
    'a folded Transfer-Encoding',
    withField('Transfer-Encoding:\r\n chunked'),
    400,
    'Transfer-Encoding',
  ),
  refused(FOLD, 'a folded Content-Length', withField('Content-Length:\r\n 5'), 400, 'Content-Length'),
  refused(FOLD, 'a folded Host', 'GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n', 400, 'folded'),

  ...['\0', '\x01', '\x08', '\v', '\f', '\x1b', '\x7f'].map((byte) =>
    refused(
      VALUE,
      `${JSON.stringify(byte)} in a value`,
      withField(`X-Any: a${byte}b`),
      400,
      'forbidden byte',
    ),
  ),
  refused('RFC 9112 2.2', 'CR in a value', withField('X-Any: a\rb'), 400, 'CR without LF'),
  refused('RFC 9112 2.2', 'LF in a value', withField('X-Any: a\nX-Two: b'), 400, 'LF without CR'),
  refused('RFC 9112 2.2', 'CR CR LF behind a value', withField('X-Any: a\r'), 400, 'CR without LF'),
  refused('RFC 9112 2.2', 'LF ends the head', 'GET / HTTP/1.1\r\nHost: a\r\n\n', 400, 'LF without CR'),
  refused('RFC 9112 2.2', 'LF LF ends the head', 'GET / HTTP/1.1\r\nHost: a\n\n', 400, 'LF without CR'),
  refused(
    'RFC 9112 2.2',
    'CR alone in front of a name',
    'GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n',
    400,
    'CR without LF',
  ),
  ...['', '@', 'X@', 'X(', 'X/', 'X[', 'X"', 'X\0', 'X\x80', 'X\x7f', 'X,', 'X;', 'X='].map((name) =>
    refused(SYNTAX, `the name ${JSON.stringify(name)}`, withField(`${name}: 1`), 400, 'header name'),
  ),
  refused(SYNTAX, 'a line without a colon', withField('X-Any'), 400, 'header name'),
  refused(SYNTAX, 'a request line among the fields', withField('GET /smuggled HTTP/1.1'), 400, 'white space'),
  ...[
    'Content_Length: 5',
    'Transfer_Encoding: chunked',
    'transfer_encoding: x',
    'CONTENT_LENGTH: 0',
    'X_Forwarded_For: 1.2.3.4',
    'X-Forwarded_For: 1.2.3.4',
    'x_forwarded-for: 1.2.3.4',
  ].map((field) =>
    refused(
      'ADR 0008',
      `${field.split(':')[0]}, which servers may take for the name with hyphens`,
      withField(field),
      400,
      'underscore',
    ),
  ),
  intact('ADR 0008', 'other names with underscores', 'X_Any_Thing: 1'),

  refused(HOST, 'no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'Host header missing'),
  refused(
    HOST,
    'no Host but a field that looks like it',
    'GET / HTTP/1.1\r\nX-Host: a\r\nHosts: a\r\n\r\n',
    400,
    'Host header missing',
  ),
  refused(HOST, 'two equal Hosts', withField('Host: a'), 400, 'more than one Host'),
  refused(HOST, 'two Hosts that differ', withField('hOST: b'), 400, 'more than one Host'),
  refused(HOST, 'two Hosts, the second empty', withField('Host:'), 400, 'more than one Host'),
  refused(
    HOST,
    'two Hosts far apart',
    withField(`${'X: y\r\n'.repeat(50)}Host: b`),
    400,
    'more than one Host',
  ),
  ...badHosts.map((value) => refused(HOST, `Host:${JSON.stringify(value)}`, withHost(value), 400, 'Host')),
  ...goodHosts.map((value) =>
    passes(HOST, `Host:${JSON.stringify(value)}`, withHost(value), withHost(value)),
  ),
  {
    clause: 'RFC 9112 3.2',
    name: 'HTTP/1.0 needs no Host; the origin gets the address that was connected to',
    client: 'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
    atOrigin: ['GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    atClient: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
    fate: 'ended',
  },
  refused(
    HOST,
    'two Hosts in HTTP/1.0',
    'GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n',
    400,
    'more than one Host',
  ),
];
