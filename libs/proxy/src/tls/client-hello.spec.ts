import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MOST_CLIENT_HELLO, peekClientHello, type ClientHello, type Peeked } from './client-hello.js';
import { NODE_FULL, OPENSSL_FULL, OPENSSL_TICKET_1_2, OPENSSL_TICKET_1_3 } from './client-hello.captured.js';
import {
  alpn,
  groups,
  helloBody,
  inRecords,
  preSharedKey,
  schemes,
  serverName,
  sessionTicket,
  versions,
  type WrittenHello,
} from './client-hello.writer.js';
import { HelloPeek } from './peek.js';

const peek = (bytes: Uint8Array): Peeked => peekClientHello(bytes, 0, bytes.length);
const captured = (hex: string): Buffer => Buffer.from(hex, 'hex');
const isHello = (p: Peeked): p is ClientHello => typeof p === 'object';
const plain = (extensions: [number, Uint8Array][] = []): WrittenHello => ({
  legacyVersion: 0x0303,
  sessionId: new Uint8Array(0),
  cipherSuites: [0x1301],
  extensions,
});
const facts = (p: Peeked): unknown =>
  isHello(p) ? { ...p, ticket: p.ticket === null ? null : Buffer.from(p.ticket).toString('hex') } : p;

describe('peek at the ClientHello', () => {
  it('reads what OpenSSL sends', () => {
    const hello = peek(captured(OPENSSL_FULL));
    expect(hello).toMatchObject({
      serverName: 'www.example.com',
      protocols: ['h2', 'http/1.1'],
      versions: [0x0304, 0x0303, 0x0302, 0x0301],
      keyShares: [29],
      ticket: null,
      statusRequest: false,
      earlyData: false,
    });
    expect((hello as ClientHello).cipherSuites.slice(0, 3)).toEqual([0x1302, 0x1303, 0x1301]);
    expect((hello as ClientHello).groups.slice(0, 2)).toEqual([29, 23]);
    expect((hello as ClientHello).signatureSchemes).toContain(0x0403);
  });

  it('reads a post-quantum key share', () => {
    expect(peek(captured(NODE_FULL))).toMatchObject({
      serverName: 'node.example',
      protocols: ['http/1.1'],
      keyShares: [4588, 29],
    });
  });

  it('reads the tickets of TLS 1.2 and 1.3', () => {
    const old = peek(captured(OPENSSL_TICKET_1_2)) as ClientHello;
    expect(old.versions).toEqual([0x0303]);
    expect(old.serverName).toBe('a.example');
    expect(old.ticket!.length).toBeGreaterThan(100);
    const fresh = peek(captured(OPENSSL_TICKET_1_3)) as ClientHello;
    expect(fresh.versions[0]).toBe(0x0304);
    expect(fresh.ticket!.length).toBeGreaterThan(100);
  });

  it.each([
    ['HTTP on the TLS port', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'not_tls'],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 1]), 'not_tls'],
    ['another major version', Buffer.from([22, 2, 0, 0, 5]), 'not_tls'],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0]), 'malformed'],
    ['a record beyond its limit', Buffer.from([22, 3, 1, 0x40, 1]), 'malformed'],
    ['another handshake message', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]), 'malformed'],
    ['an alert after the first record', Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 9, 21]), 'malformed'],
    ['a message beyond our limit', Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff]), 'too_long'],
    ['a name twice', inRecords(helloBody(plain([serverName('a.b'), serverName('a.b')]))), 'malformed'],
    ['an empty name', inRecords(helloBody(plain([serverName('')]))), 'malformed'],
    ['a NUL in the name', inRecords(helloBody(plain([serverName('a.b\0.c')]))), 'malformed'],
    ['an empty protocol', inRecords(helloBody(plain([alpn('')]))), 'malformed'],
    ['no cipher suite', inRecords(helloBody({ ...plain(), cipherSuites: [] })), 'malformed'],
    ['a long session id', inRecords(helloBody({ ...plain(), sessionId: new Uint8Array(33) })), 'malformed'],
    [
      'an extension after the PSK',
      inRecords(helloBody(plain([preSharedKey(Buffer.from('x')), serverName('a.b')]))),
      'malformed',
    ],
    [
      'bytes after the extensions',
      inRecords(Buffer.concat([helloBody(plain()), Buffer.from([0])])),
      'malformed',
    ],
    [
      'one byte a record',
      inRecords(helloBody(plain([[0x0a0a, new Uint8Array(100)]])), Array<number>(200).fill(1)),
      'too_long',
    ],
  ])('refuses %s', (_what, bytes, answer) => {
    expect(peek(bytes)).toBe(answer);
  });

  it('takes a hello without extensions, and a name with a final dot', () => {
    const bare = helloBody(plain());
    expect(peek(inRecords(bare.subarray(0, bare.length - 2)))).toMatchObject({ versions: [0x0303] });
    expect(peek(inRecords(helloBody(plain([serverName('A.Example.')]))))).toMatchObject({
      serverName: 'a.example',
    });
  });

  const name = fc.stringMatching(/^[a-z0-9-]{1,20}(\.[a-z0-9-]{1,10}){0,3}$/);
  const numbers = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 20 });
  const written = fc
    .record({
      name,
      protocols: fc.array(fc.stringMatching(/^[\x21-\x7e]{1,20}$/), { minLength: 1, maxLength: 4 }),
      versions: numbers,
      groups: numbers,
      schemes: numbers,
      suites: numbers,
      ticket: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      psk: fc.boolean(),
      unknown: fc.uint8Array({ maxLength: 3000 }),
    })
    .map((f) => ({
      facts: f,
      hello: {
        legacyVersion: 0x0303,
        sessionId: new Uint8Array(32),
        cipherSuites: f.suites,
        extensions: [
          serverName(f.name),
          [0x0a0a, f.unknown] as [number, Uint8Array],
          alpn(...f.protocols),
          versions(...f.versions),
          groups(...f.groups),
          schemes(...f.schemes),
          f.psk ? preSharedKey(f.ticket, Buffer.from('second')) : sessionTicket(f.ticket),
        ],
      },
    }));
  const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 12 });

  it('reads what was written, however it is cut into records', () => {
    fc.assert(
      fc.property(written, cuts, (w, sizes) => {
        const hello = peek(inRecords(helloBody(w.hello), sizes)) as ClientHello;
        expect(hello).toMatchObject({
          serverName: w.facts.name,
          protocols: w.facts.protocols,
          versions: w.facts.versions,
          groups: w.facts.groups,
          signatureSchemes: w.facts.schemes,
          cipherSuites: w.facts.suites,
        });
        expect(Buffer.from(hello.ticket!)).toEqual(Buffer.from(w.facts.ticket));
      }),
    );
  });

  it('asks for more until it is whole, whatever the segments', () => {
    fc.assert(
      fc.property(written, cuts, fc.array(fc.integer({ min: 1, max: 900 })), (w, sizes, segments) => {
        const all = Buffer.concat([inRecords(helloBody(w.hello), sizes), Buffer.from('early')]);
        const gathering = new HelloPeek();
        let peeked: Peeked = 'more';
        let at = 0;
        for (const size of [...segments, all.length]) {
          if (at === all.length) break;
          const before = all.subarray(at, at + size);
          at += before.length;
          peeked = gathering.take(Buffer.from(before), 0, before.length);
          if (peeked !== 'more') break;
        }
        expect(facts(peeked)).toEqual(facts(peek(all)));
        const got = Buffer.from(gathering.bytes.subarray(gathering.start, gathering.end));
        expect(got.equals(all.subarray(0, at))).toBe(true);
      }),
    );
  });

  it('never takes a part for the whole', () => {
    for (const hex of [OPENSSL_FULL, OPENSSL_TICKET_1_2, OPENSSL_TICKET_1_3, NODE_FULL]) {
      const all = captured(hex);
      for (let n = 0; n < all.length; n++) expect(peek(all.subarray(0, n))).toBe('more');
    }
  });

  it('ends with an answer for any bytes', () => {
    const seeds = [OPENSSL_FULL, OPENSSL_TICKET_1_2, OPENSSL_TICKET_1_3, NODE_FULL].map(captured);
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (seed, changes) => {
          const bytes = Buffer.from(seed);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const peeked = peek(bytes);
          if (typeof peeked === 'string')
            expect(['more', 'not_tls', 'malformed', 'too_long']).toContain(peeked);
          else expect(peeked.versions.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => peek(bytes) !== undefined));
    const flood = Buffer.concat(
      Array.from({ length: 4000 }, () => Buffer.from([22, 3, 1, 0, 6, 1, 0, 0x7f, 0xff, 0, 0])),
    );
    expect(['too_long', 'malformed']).toContain(peek(flood.subarray(0, MOST_CLIENT_HELLO + 100)));
  });
});
