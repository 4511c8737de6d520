import { describe, expect, it } from '@jest/globals';
import type { HttpProfile, VirtualService } from '@spillway/snapshot';
import { request, scanRequest } from '../../http1/scan-request.js';
import { response, scanResponse } from '../../http1/scan-response.js';
import type { Head } from '../../http1/head.js';
import { HEAD_ROOM } from '../../transport/seam.js';
import { HeadEdits } from '../edits.js';
import type { Exchange } from '../exchange.js';
import { Message } from '../message.js';
import { emptyResponse, plainResponse, type OwnResponse } from '../own-response.js';
import { allRules } from '../rules.js';
import { newRequestId } from './request-id.js';
import { entryFeatures, exitFeatures, profileRedirect } from './index.js';
import { addressIn } from './true-client-ip.js';
import { markedCookie } from './cookies.js';

const TLS = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  serverName: 'shop.example',
  protocol: '',
  resumed: false,
  session: '',
  clientCertificate: null,
};

/** As much of an exchange as features look at. */
function exchange(tls: object | null = null): Exchange & { answered: OwnResponse | null } {
  const x = {
    clientAddress: null,
    requestId: '',
    host: '',
    answered: null as OwnResponse | null,
    answer: (r: OwnResponse) => void (x.answered = r),
    connection: {
      ends: { remoteAddress: '192.0.2.1', remotePort: 4000, localAddress: '198.51.100.9', localPort: 8443 },
      tls,
    },
  };
  return x as unknown as Exchange & { answered: OwnResponse | null };
}

const rulesOf = (http: Partial<HttpProfile>): NonNullable<ReturnType<typeof allRules>> =>
  allRules([
    ...entryFeatures(http as HttpProfile),
    ...profileRedirect(http as HttpProfile),
    ...exitFeatures(http as HttpProfile, { name: '<web>' } as VirtualService),
  ])!;

interface Seen {
  /** Lines that go on, with those put in front of them in the order of the wire. */
  lines: string[];
  on: boolean;
}

/** Lets rules work on a head; `text` without the empty line. */
function pass(text: string, head: Head, run: (m: Message, edits: HeadEdits) => boolean): Seen {
  const bytes = Buffer.from(`${text}\r\n`, 'latin1');
  const b = Buffer.concat([Buffer.alloc(HEAD_ROOM), bytes, Buffer.alloc(8)]);
  const end = HEAD_ROOM + bytes.length;
  const scanned =
    head === request ? scanRequest(b, HEAD_ROOM, end, 65_536, 100) : scanResponse(b, HEAD_ROOM, end);
  expect(scanned).toBe(end);
  const edits = new HeadEdits();
  const message = new Message().of(b, head);
  const on = run(message, edits);
  const kept = text.split('\r\n').slice(1, -1);
  return {
    on,
    lines: [
      ...edits.lines.map((line) => Buffer.from(line).toString('latin1').trimEnd()).toReversed(),
      ...kept.filter((_, k) => head.dropped[k] === 0),
    ],
  };
}

const ask = (http: Partial<HttpProfile>, text: string, x = exchange()): Seen =>
  pass(text, request, (m, edits) => rulesOf(http).onRequest(x, m, edits));

const GET = (fields = '', target = '/a?b=c', host = 'shop.example:8080'): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}`;

const picked = (config: Partial<NonNullable<HttpProfile['true_client_ip']>>, value: string): unknown => {
  const x = exchange();
  ask(
    { true_client_ip: { header: 'X-Real-IP', from: 'left', index: 1, ...config } },
    GET(`x-real-ip: ${value}\r\n`),
    x,
  );
  return x.clientAddress;
};

describe('the address of the client', () => {
  it('is counted from either end, and the last in that direction where the list is shorter', () => {
    const list = '10.0.0.1, 10.0.0.2,10.0.0.3';
    expect(picked({}, list)).toBe('10.0.0.1');
    expect(picked({ index: 2 }, list)).toBe('10.0.0.2');
    expect(picked({ index: 9 }, list)).toBe('10.0.0.3');
    expect(picked({ from: 'right' }, list)).toBe('10.0.0.3');
    expect(picked({ from: 'right', index: 3 }, list)).toBe('10.0.0.1');
    expect(picked({ from: 'right', index: 9 }, list)).toBe('10.0.0.1');
  });

  it('is nobody where the header says nothing that is an address', () => {
    expect(picked({}, 'unknown, 10.0.0.1')).toBeNull();
    expect(picked({}, '')).toBeNull();
    expect(picked({}, '10.0.0.256')).toBeNull();
  });

  it('is read with port, brackets and quotes', () => {
    expect(addressIn('10.0.0.1:80')).toBe('10.0.0.1');
    expect(addressIn('[2001:DB8::1]:443')).toBe('2001:db8::1');
    expect(addressIn('2001:db8::1')).toBe('2001:db8::1');
    expect(addressIn('"[2001:db8::1]"')).toBe('2001:db8::1');
    expect(addressIn('[10.0.0.1')).toBeNull();
  });
});

describe('the id of a request', () => {
  const config = { request_id: { header: 'X-Request-ID', keep: true } };

  it('is made of 32 digits, and never twice', () => {
    const made = new Set(Array.from({ length: 100_000 }, newRequestId));
    expect(made.size).toBe(100_000);
    for (const id of made) if (!/^[0-9a-f]{32}$/.test(id)) throw new Error(id);
  });

  it('is kept when it is fit for one', () => {
    const x = exchange();
    expect(ask(config, GET('x-request-id: abc-123\r\n'), x).lines).toContain('x-request-id: abc-123');
    expect(x.requestId).toBe('abc-123');
  });

  it.each(['a b', '"x"', 'é', '', 'x'.repeat(129)])('is replaced when it is %j', (given) => {
    const x = exchange();
    const { lines } = ask(config, GET(`x-request-id: ${given}\r\n`), x);
    expect(x.requestId).toMatch(/^[0-9a-f]{32}$/);
    expect(lines).toEqual([`X-Request-ID: ${x.requestId}`, 'Host: shop.example:8080']);
  });

  it('is replaced when there are two, or when none is to be kept', () => {
    const two = ask(config, GET('X-Request-ID: a\r\nX-Request-ID: b\r\n')).lines;
    expect(two).toHaveLength(2);
    const own = ask({ request_id: { header: 'X-Request-ID', keep: false } }, GET('X-Request-ID: a\r\n'));
    expect(own.lines).not.toContain('X-Request-ID: a');
  });

  it("is told to the client with the engine's own responses", () => {
    const x = exchange();
    ask(config, GET('X-Request-ID: abc\r\n'), x);
    expect(rulesOf(config).onOwn!(x, plainResponse(503, 'no server')).fields).toContainEqual([
      'X-Request-ID',
      'abc',
    ]);
  });
});

const to = (text: string, port = 443): unknown => {
  const x = exchange();
  const { on } = ask({ https_redirect: { port } }, text, x);
  return on ? null : [x.answered!.status, ...x.answered!.fields[0]!];
};

describe('the redirect to https', () => {
  it('goes to the same place under the port that has TLS', () => {
    expect(to(GET())).toEqual([302, 'Location', 'https://shop.example/a?b=c']);
    expect(to(GET(), 8443)).toEqual([302, 'Location', 'https://shop.example:8443/a?b=c']);
    expect(to(GET('', '/', '[2001:db8::1]:80'))).toEqual([302, 'Location', 'https://[2001:db8::1]/']);
    expect(to(GET('', 'http://shop.example:8080/x?y'))).toEqual([
      302,
      'Location',
      'https://shop.example/x?y',
    ]);
  });

  it('keeps the method of what is no GET, and finds a host where none was given', () => {
    expect(to('POST / HTTP/1.1\r\nHost: a\r\n')).toEqual([307, 'Location', 'https://a/']);
    expect(to('GET /x HTTP/1.0\r\n')).toEqual([302, 'Location', 'https://198.51.100.9/x']);
    expect(to('OPTIONS * HTTP/1.1\r\nHost: a\r\n')).toEqual([307, 'Location', 'https://a/']);
  });

  it('lets pass who has come with TLS', () => {
    expect(ask({ https_redirect: { port: 443 } }, GET(), exchange(TLS)).on).toBe(true);
  });
});

describe('what the server is told of the connection', () => {
  it('X-Forwarded-Proto: by what the client uses, not by what it says', () => {
    const text = GET('X-Forwarded-Proto: https\r\nx-forwarded-proto: ftp\r\n');
    const host = 'Host: shop.example:8080';
    expect(ask({ x_forwarded_proto: true }, text).lines).toEqual(['X-Forwarded-Proto: http', host]);
    expect(ask({ x_forwarded_proto: true }, text, exchange(TLS)).lines).toEqual([
      'X-Forwarded-Proto: https',
      host,
    ]);
  });

  it('certificate headers: what a client writes itself never goes on', () => {
    const http: Partial<HttpProfile> = {
      client_certificate_headers: [
        { header: 'X-Cipher', value: 'cipher' },
        { header: 'X-Subject', value: 'subject' },
        { header: 'X-Port', value: 'vs_port' },
      ],
    };
    const text = GET('x-subject: CN=admin\r\nx-cipher: x\r\nX-Other: y\r\n');
    expect(ask(http, text).lines).toEqual(['X-Port: 8443', 'Host: shop.example:8080', 'X-Other: y']);
    expect(ask(http, text, exchange(TLS)).lines).toEqual([
      'X-Port: 8443',
      'X-Cipher: TLS_AES_128_GCM_SHA256',
      'Host: shop.example:8080',
      'X-Other: y',
    ]);
  });
});

function answer(http: Partial<HttpProfile>, text: string, x = exchange(TLS), asked = GET()): string[] {
  ask(http, asked, x);
  return pass(text, response, (m, edits) => {
    rulesOf(http).onResponse(x, m, edits);
    return true;
  }).lines;
}

describe('responses to clients with TLS', () => {
  it('HSTS: once, in ours; not without TLS', () => {
    const http = { hsts: { max_age: 31_536_000, include_subdomains: true } };
    const text = 'HTTP/1.1 200 OK\r\nstrict-transport-security: max-age=1\r\n';
    expect(answer(http, text)).toEqual(['Strict-Transport-Security: max-age=31536000; includeSubDomains']);
    expect(answer(http, text, exchange())).toEqual(['strict-transport-security: max-age=1']);
    const own = rulesOf(http).onOwn!(exchange(TLS), emptyResponse(302, []));
    expect(own.fields).toEqual([['Strict-Transport-Security', 'max-age=31536000; includeSubDomains']]);
    expect(rulesOf(http).onOwn!(exchange(), emptyResponse(302, [])).fields).toEqual([]);
  });

  it('cookies: the attributes that they lack, in their order', () => {
    const http = { secure_cookies: true, http_only_cookies: true };
    const text =
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX: y\r\nset-cookie: a=2; SECURE; HttpOnly\r\n';
    expect(answer(http, text)).toEqual([
      'Set-Cookie: a=1; Path=/; Secure; HttpOnly',
      'Set-Cookie: a=2; SECURE; HttpOnly',
      'X: y',
    ]);
    expect(answer(http, text, exchange())[0]).toBe('Set-Cookie: a=1; Path=/; HttpOnly');
    expect(answer({ secure_cookies: true }, text, exchange())[0]).toBe('Set-Cookie: a=1; Path=/');
    expect(markedCookie('secure=httponly', true, true)).toBe('secure=httponly; Secure; HttpOnly');
  });

  it.each([
    ['http://shop.example/in?x#y', 'https://shop.example:8080/in?x#y'],
    ['HTTP://SHOP.example:8080', 'https://shop.example:8080'],
    ['http://other.example/', 'http://other.example/'],
    ['http://shop.example.evil/', 'http://shop.example.evil/'],
    ['http://shop.example@evil/', 'http://shop.example@evil/'],
    ['http://shop.example:80@evil/', 'http://shop.example:80@evil/'],
    ['/relative', '/relative'],
    ['https://shop.example/', 'https://shop.example/'],
  ])('a redirect to %s becomes %s', (location, expected) => {
    const text = `HTTP/1.1 302 Found\r\nLocation: ${location}\r\n`;
    expect(answer({ https_locations: true }, text)).toEqual([`Location: ${expected}`]);
    expect(answer({ https_locations: true }, text, exchange())).toEqual([`Location: ${location}`]);
  });
});

const page = (body: string, more: object = {}): NonNullable<HttpProfile['error_pages']>[number] => ({
  statuses: [{ from: 400, to: 999 }],
  negate: false,
  answer: { type: 'page', content_type: 'text/html', body, ...more },
});
const sent = (pages: HttpProfile['error_pages'], own: OwnResponse, asked = GET()): OwnResponse => {
  const x = exchange();
  ask({ error_pages: pages! }, asked, x);
  return rulesOf({ error_pages: pages! }).onOwn!(x, own);
};

describe('error pages', () => {
  it('fill in what is known, harmless in their format', () => {
    const body =
      '{{status}} {{phrase}} {{reason}} {{client_ip}} {{host}} {{virtual_service}} {{nothing}} {{request_id}}';
    const html = sent([page(body)], plainResponse(503, 'no "server" <up>'));
    expect(html.body.toString()).toMatch(
      /^503 Service Unavailable no &quot;server&quot; &lt;up&gt; 192\.0\.2\.1 shop\.example:8080 &lt;web&gt; \{\{nothing\}\} [0-9a-f]{32}$/,
    );
    expect(html.fields).toEqual([['Content-Type', 'text/html; charset=utf-8']]);
    const json = sent(
      [page('{"reason":"{{reason}}"}', { content_type: 'application/json' })],
      plainResponse(502, 'a "b" \\ c'),
    );
    expect(JSON.parse(json.body.toString())).toEqual({ reason: 'a "b" \\ c' });
  });

  it('are chosen by status, the first that matches', () => {
    const pages: HttpProfile['error_pages'] = [
      { ...page('first'), statuses: [{ from: 500, to: 502 }] },
      { ...page('second'), statuses: [{ from: 503, to: 503 }], negate: true },
    ];
    expect(sent(pages, plainResponse(502, 'x')).body.toString()).toBe('first');
    expect(sent(pages, plainResponse(404, 'x')).body.toString()).toBe('second');
    expect(sent(pages, plainResponse(503, 'x')).body.toString()).toBe('503 x\n');
  });

  it('keep what the status asks for, and leave alone what is no error of ours', () => {
    expect(sent([page('x')], plainResponse(405, 'no')).fields.map(([name]) => name)).toEqual([
      'Content-Type',
      'Allow',
    ]);
    const policy = { status: 403, fields: [], body: Buffer.from('mine') };
    expect(sent([page('x')], policy)).toBe(policy);
  });

  it('may be a redirect', () => {
    const pages: HttpProfile['error_pages'] = [
      { statuses: [{ from: 500, to: 599 }], negate: false, answer: { type: 'redirect', location: '/sorry' } },
    ];
    expect(sent(pages, plainResponse(502, 'x'))).toMatchObject({
      status: 302,
      fields: [['Location', '/sorry']],
    });
  });
});

describe('a header line', () => {
  it('stays one, whatever its value holds', () => {
    const edits = new HeadEdits();
    edits.add('X', 'a\r\nb\u0000c');
    edits.add('Y', 'CN=Ċ\u010d\u010a');
    expect(edits.lines.map((l) => Buffer.from(l).toString('latin1').split('\r\n').length)).toEqual([2, 2]);
    expect(Buffer.from(edits.lines[1]!).toString()).toBe('Y: CN=Ċ\u010d\u010a\r\n');
  });
});
