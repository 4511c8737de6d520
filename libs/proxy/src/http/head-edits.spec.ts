import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { HttpProfile } from '@spillway/snapshot';
import { request, scanRequest } from '../http1/scan-request.js';
import { METHOD } from '../http1/head.js';
import { HEAD_ROOM } from '../transport/seam.js';
import { fieldLine, HeadEdits } from './edits.js';
import type { Exchange } from './exchange.js';
import { forwarded, forwardRequest } from './forward.js';
import { Message } from './message.js';

function load(text: string): { b: Buffer; end: number; bodyAt: number } {
  const b = Buffer.alloc(HEAD_ROOM + text.length + 64, 0xaa);
  b.write(text, HEAD_ROOM, 'latin1');
  const end = HEAD_ROOM + text.length;
  return { b, end, bodyAt: scanRequest(b, HEAD_ROOM, end, 65_536, 100) };
}

const view = (text: string): Message => {
  const { b, bodyAt } = load(text);
  expect(bodyAt).toBeGreaterThan(0);
  return new Message().of(b, request);
};

/** As much of an exchange as forwarding looks at. */
const exchange = (profile: Partial<HttpProfile>, upgrade = false): Exchange =>
  ({
    upgrade,
    profile,
    connection: {
      ends: { remoteAddress: '192.0.2.1', remotePort: 4000, localAddress: '198.51.100.9', localPort: 80 },
      forwardedLine: null,
    },
  }) as unknown as Exchange;

function forward(text: string, fill: (edits: HeadEdits, message: Message) => void, xff = false): string {
  const { b, end, bodyAt } = load(text);
  const edits = new HeadEdits();
  fill(edits, new Message().of(b, request));
  forwardRequest(exchange({ xff_enabled: xff, xff_update: 'append' }), request, b, bodyAt, end, edits);
  const { b: out, start, end: to } = forwarded;
  expect(Buffer.from(out).toString('latin1', forwarded.bodyAt, to)).toBe(text.slice(bodyAt - HEAD_ROOM));
  return Buffer.from(out).toString('latin1', start, to);
}

describe('a message as rules see it', () => {
  it('gives the parts of the request line', () => {
    const m = view('DELETE /a%20b/c?x=1&y=?2 HTTP/1.1\r\nHost: Example.ORG:81\r\n\r\n');
    expect([m.method, m.methodId, m.path, m.query, m.host]).toEqual([
      'DELETE',
      METHOD.DELETE,
      '/a%20b/c',
      'x=1&y=?2',
      'Example.ORG:81',
    ]);
    expect(view('GET http://h HTTP/1.1\r\nHost: h\r\n\r\n').path).toBe('/');
    expect(view('GET http://h/p?q HTTP/1.1\r\nHost: h\r\n\r\n').path).toBe('/p');
    expect(view('OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n').path).toBe('*');
    expect(view('GET / HTTP/1.1\r\nHost: h\r\n\r\n').query).toBe('');
  });

  it('finds fields whatever their case, joins several, and knows cookies by their exact name', () => {
    const m = view(
      'GET / HTTP/1.1\r\nHost: h\r\nX-One: a \r\nx-one:b\r\nCookie: A=1; a="2"; b\r\ncookie: c=3=4\r\n\r\n',
    );
    expect(m.header('x-one')).toBe('a, b');
    expect(m.header('x-two')).toBeNull();
    expect(m.header('cookie')).toBe('A=1; a="2"; b; c=3=4');
    expect([m.cookie('A'), m.cookie('a'), m.cookie('b'), m.cookie('c')]).toEqual(['1', '2', null, '3=4']);
    expect(m.name(m.find('x-one'))).toBe('X-One');
  });
});

describe('a request as it is forwarded', () => {
  const GET = 'GET /old?q=1 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nContent-Length: 3\r\n\r\nabc';

  it('gets lines in front of its own, and another target', () => {
    expect(forward(GET, (e) => e.add('X-New', 'v'))).toBe(
      'GET /old?q=1 HTTP/1.1\r\nX-New: v\r\nHost: h\r\nAccept: */*\r\nContent-Length: 3\r\n\r\nabc',
    );
    for (const target of ['/', '/old?q=2', `/${'long/'.repeat(60)}`])
      expect(forward(GET, (e) => void (e.target = Buffer.from(target)))).toBe(
        GET.replace('/old?q=1', target),
      );
  });

  it('keeps an absolute target out, with or without another target', () => {
    const absolute = GET.replace('/old', 'http://h/old');
    expect(forward(absolute, () => {})).toBe(GET);
    expect(forward(absolute, (e) => void (e.target = Buffer.from('/n')))).toBe(GET.replace('/old?q=1', '/n'));
  });

  it('tells the client address behind what was told before, unless a rule has dropped that', () => {
    const told = GET.replace('Accept: */*', 'X-Forwarded-For: 203.0.113.7');
    expect(forward(told, () => {}, true)).toContain('X-Forwarded-For: 203.0.113.7, 192.0.2.1\r\n');
    const dropped = forward(told, (_, m) => m.head.drop(m.find('x-forwarded-for')), true);
    expect(dropped).toContain('X-Forwarded-For: 192.0.2.1\r\n');
    expect(dropped).not.toContain('203.0.113.7');
  });

  it('may outgrow the room in front of it', () => {
    const name = fc.stringMatching(/^X-[A-Za-z0-9-]{1,30}$/);
    const value = fc.stringMatching(/^[!-~]{0,200}$/);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, value), { maxLength: 40 }),
        fc.nat({ max: 400 }),
        (fields, length) => {
          const target = `/${'t'.repeat(length)}`;
          const out = forward(
            GET,
            (e) => {
              e.target = Buffer.from(target);
              for (const [n, v] of fields) e.add(n, v);
            },
            true,
          );
          const lines = out.split('\r\n');
          expect(lines[0]).toBe(`GET ${target} HTTP/1.1`);
          for (const [n, v] of fields) expect(lines).toContain(`${n}: ${v}`);
          expect(lines).toContain('X-Forwarded-For: 192.0.2.1');
          expect(lines.length).toBe(fields.length + 7);
          expect(out.endsWith('Host: h\r\nAccept: */*\r\nContent-Length: 3\r\n\r\nabc')).toBe(true);
        },
      ),
    );
  });

  it('never lets a value break its line', () => {
    expect(Buffer.from(fieldLine('A', 'b\r\nHost: evil\0')).toString('latin1')).toBe('A: b  Host: evil \r\n');
  });
});
