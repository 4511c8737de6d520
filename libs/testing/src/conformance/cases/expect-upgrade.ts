import { GET, OK, OK_CLOSE, passes, POST, refused, responds, type Case } from '../case.js';

const EXPECT = 'RFC 9110 10.1.1';
const INTERIM = 'RFC 9110 15.2';
const UPGRADE = 'RFC 9110 7.8';

const expecting = (length: number, body = '', version = '1.1'): string =>
  `POST / HTTP/${version}\r\nHost: a\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n${body}`;
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';

const asks = (upgrade: string, connection = 'Upgrade'): string =>
  `GET / HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n${upgrade}\r\n\r\n`;
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const UPGRADED = 'GET / HTTP/1.1\r\nConnection: Upgrade\r\nHost: a\r\nUpgrade: echo\r\n\r\n';

/** Offers that are not passed on: what would follow is HTTP that nobody here has looked at. */
const withheld: [string, string][] = [
  ['h2c', 'Upgrade: h2c'],
  ['h2c in capitals', 'Upgrade: H2C'],
  ['h2c in front of others', 'Upgrade: h2c, echo'],
  ['h2c behind others', 'Upgrade: echo, h2c'],
  ['h2c in another line', 'Upgrade: h2c\r\nUpgrade: echo'],
  ['h2c in a line in front', 'Upgrade: echo\r\nUpgrade: h2c'],
  ['TLS', 'Upgrade: TLS/1.0'],
  ['another HTTP', 'Upgrade: HTTP/2.0'],
  ['nothing', 'Upgrade:'],
];

export const EXPECT_AND_UPGRADE: readonly Case[] = [
  {
    clause: EXPECT,
    name: '100 goes to the client, then the body to the origin',
    client: [expecting(5), { awaits: CONTINUE }, 'hello'],
    origin: { onHead: CONTINUE, onRequest: OK },
    atOrigin: [expecting(5, 'hello')],
    atClient: CONTINUE + OK,
  },
  {
    clause: EXPECT,
    name: 'a client may send its body without waiting',
    client: expecting(5, 'hello'),
    origin: { onHead: CONTINUE, onRequest: OK },
    atOrigin: [expecting(5, 'hello')],
    atClient: CONTINUE + OK,
  },
  {
    clause: EXPECT,
    name: 'an origin may leave 100 out',
    client: expecting(5, 'hello'),
    atOrigin: [expecting(5, 'hello')],
    atClient: OK,
  },
  {
    clause: EXPECT,
    name: 'a final response instead of 100 ends the connection, since the body may or may not come',
    client: expecting(5),
    origin: { onHead: 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno' },
    atOrigin: [expecting(5)],
    atClient: 'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno',
    fate: 'ended',
  },
  passes(
    EXPECT,
    'an expectation of HTTP/1.0 is ignored',
    expecting(5, 'hello', '1.0'),
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
    {
      atClient: OK_CLOSE,
      fate: 'ended',
    },
  ),
  passes(
    EXPECT,
    '100-continue in mixed letters',
    POST.replace('Content', 'Expect: 100-Continue\r\nContent'),
    POST.replace('Content', 'Expect: 100-Continue\r\nContent'),
  ),
  ...['200-ok', '100-continue, x', '', 'continue', '100'].map((value) =>
    refused(
      EXPECT,
      `the expectation ${JSON.stringify(value)}`,
      POST.replace('Content', `Expect: ${value}\r\nContent`),
      417,
      'expectation',
    ),
  ),

  responds(INTERIM, '103 goes to the client', HINTS + OK, HINTS + OK),
  responds(
    INTERIM,
    'several interim responses',
    `HTTP/1.1 102 Processing\r\n\r\n${HINTS}${HINTS}${OK}`,
    `HTTP/1.1 102 Processing\r\n\r\n${HINTS}${HINTS}${OK}`,
  ),
  responds(INTERIM, 'an interim response that nobody asked for', CONTINUE + OK, CONTINUE + OK),
  responds(
    INTERIM,
    'an unknown interim response',
    `HTTP/1.1 199 Any\r\nX-Any: 1\r\n\r\n${OK}`,
    `HTTP/1.1 199 Any\r\nX-Any: 1\r\n\r\n${OK}`,
  ),
  responds(
    INTERIM,
    'interim responses in single bytes',
    { onRequest: HINTS + CONTINUE + OK, bytewise: true },
    HINTS + CONTINUE + OK,
  ),
  responds(INTERIM, 'no interim response goes to HTTP/1.0', HINTS + CONTINUE + OK, OK_CLOSE, {
    client: 'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
    fate: 'ended',
  }),
  responds(
    INTERIM,
    'an interim response has no framing and no fields of one connection',
    `HTTP/1.1 103 Early Hints\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nContent-Length: 5\r\nLink: </x>\r\nKeep-Alive: 1\r\n\r\n${OK}`,
    HINTS + OK,
  ),
  responds(
    INTERIM,
    'an interim response goes on as HTTP/1.1',
    `HTTP/1.0 103 Early Hints\r\nLink: </x>\r\n\r\n${OK}`,
    HINTS + OK,
  ),
  responds(
    'RFC 9110 8.6',
    'chunked in an interim response is no framing',
    `HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\nLink: </x>\r\n\r\n${OK}`,
    HINTS + OK,
  ),

  {
    clause: UPGRADE,
    name: 'bytes go both ways after 101',
    client: [asks('Upgrade: echo'), { awaits: SWITCH }, 'ping', { reaches: 'ping' }, { does: 'end' }],
    origin: { onHead: `${SWITCH}hello` },
    atOrigin: [`${UPGRADED}ping`],
    atClient: `${SWITCH}hello`,
    fate: 'ended',
  },
  {
    clause: UPGRADE,
    name: 'the other side of a tunnel answers, in any bytes, as often as it likes',
    client: [
      asks('Upgrade: echo'),
      { awaits: SWITCH },
      'ping\0\r\n\r\n',
      { awaits: 'pong' },
      'ping',
      { awaits: 'pong\0\r\n\r\npong' },
      { does: 'end' },
    ],
    origin: { onHead: SWITCH, onText: ['ping', 'pong\0\r\n\r\n'] },
    atOrigin: [`${UPGRADED}ping\0\r\n\r\nping`],
    atClient: `${SWITCH}pong\0\r\n\r\npong\0\r\n\r\n`,
    fate: 'ended',
  },
  {
    clause: UPGRADE,
    name: '101 has no framing and no other fields of one connection',
    client: [asks('Upgrade: echo'), { awaits: SWITCH }, { does: 'end' }],
    origin: {
      onHead:
        'HTTP/1.0 101 Switching Protocols\r\nContent-Length: 0\r\nConnection: X-Mine, Upgrade\r\nX-Mine: 1\r\nUpgrade: echo\r\nKeep-Alive: 1\r\n\r\n',
    },
    atOrigin: [UPGRADED],
    atClient: SWITCH,
    fate: 'ended',
  },
  {
    clause: UPGRADE,
    name: 'options beside Upgrade',
    client: [asks('Upgrade: echo', 'keep-alive, Upgrade'), { awaits: SWITCH }, { does: 'end' }],
    origin: { onHead: SWITCH },
    atOrigin: [UPGRADED],
    atClient: SWITCH,
    fate: 'ended',
  },
  {
    clause: UPGRADE,
    name: 'an origin may decline, and what follows is HTTP',
    client: [asks('Upgrade: echo'), { awaits: OK }, GET],
    atOrigin: [UPGRADED + GET],
    atClient: OK + OK,
  },
  {
    clause: UPGRADE,
    name: '426 keeps its Upgrade field',
    client: GET,
    origin:
      'HTTP/1.1 426 Upgrade Required\r\nUpgrade: foo\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n',
    atOrigin: [GET],
    atClient:
      'HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 0\r\n\r\n',
  },
  passes(
    UPGRADE,
    'Upgrade of HTTP/1.0 is ignored',
    'GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    GET,
    { atClient: OK_CLOSE, fate: 'ended' },
  ),
  passes(UPGRADE, 'Upgrade that Connection does not name is ignored', asks('Upgrade: echo', 'X-Other'), GET),
  passes(
    UPGRADE,
    'an upgrade of a request with content is ignored',
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 1\r\n\r\nx`,
    POST,
  ),
  ...withheld.map(([name, field]) =>
    passes('ADR 0008', `an upgrade to ${name} is not offered to the origin`, asks(field), GET),
  ),
  passes(
    'ADR 0008',
    'HTTP2-Settings goes with h2c',
    asks('Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk', 'Upgrade, HTTP2-Settings'),
    GET,
  ),
  {
    clause: UPGRADE,
    name: '101 that nobody asked for is a bad gateway',
    client: GET,
    origin: SWITCH,
    atOrigin: [GET],
    atClient: { status: 502, says: 'malformed', kept: true },
  },
];
