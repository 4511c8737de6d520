import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cookieName, cookieSpan, findCookie, withoutCookie } from './cookie-field.js';
import { CookieCodec, CookieKey, MOST_COOKIE, MOST_PARTS, withPart, type CookiePart } from './cookie.js';
import { merged, MOST_VERSION, outranks, poolTag, serverTag, type Entry } from './entry.js';
import { decodeNews, encodeNews, MOST_ENTRIES, newsOf } from './news.js';
import { cookieSet, pathParameter, queryValue, setCookie } from './set-cookie.js';

const word = fc.nat({ max: 0xffff_ffff });
const part: fc.Arbitrary<CookiePart> = fc.record({
  pool: word,
  issued: word,
  server: fc.oneof(
    fc.ipV4().map((a) => `${a}:80`),
    fc.ipV6().map((a) => `[${a}]:65535`),
  ),
});
const parts = fc.uniqueArray(part, { selector: (p) => p.pool, minLength: 1, maxLength: MOST_PARTS });
const key = (name: string, scope = 'p'): CookieKey =>
  new CookieKey({ name, aes_key: `secret of ${name}`, hmac_key: 'h' }, scope);
const partOf = (pool: number): CookiePart => ({ pool, issued: pool, server: `10.0.0.${pool}:80` });
const iv = (): Buffer => randomBytes(12);

describe('a persistence cookie', () => {
  const codec = new CookieCodec([key('a')]);

  it('gives back what was put in, in characters that every cookie may have, and no longer than allowed', () => {
    fc.assert(
      fc.property(parts, (given) => {
        const value = codec.seal(given, iv());
        expect(value).toMatch(/^[\w-]+$/);
        expect(value.length).toBeLessThanOrEqual(MOST_COOKIE);
        expect(codec.open(value)).toEqual(given);
      }),
    );
  });

  it('tells nobody where it leads', () => {
    const value = codec.seal([{ pool: 1, issued: 2, server: '10.1.2.3:8080' }], iv());
    const bytes = Buffer.from(value, 'base64url').toString('latin1');
    expect(bytes).not.toContain('10.1.2.3');
    expect(value).not.toContain(Buffer.from('10.1.2.3:8080').toString('base64url').slice(2, -2));
  });

  it('is none of ours once a bit of it has changed', () => {
    fc.assert(
      fc.property(parts, fc.nat(), fc.integer({ min: 0, max: 7 }), (given, at, bit) => {
        const bytes = Buffer.from(codec.seal(given, iv()), 'base64url');
        bytes[at % bytes.length]! ^= 1 << bit;
        expect(codec.open(bytes.toString('base64url'))).toBeNull();
      }),
    );
  });

  it('is none of ours when it is cut, longer, foreign or no cookie at all', () => {
    const value = codec.seal([{ pool: 1, issued: 2, server: '10.1.2.3:80' }], iv());
    for (let i = 0; i < value.length; i++) expect(codec.open(value.slice(0, i))).toBeNull();
    expect(codec.open(`${value}AAAA`)).toBeNull();
    expect(codec.open('A'.repeat(100_000))).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => expect(codec.open(text)).toBeNull()));
    fc.assert(fc.property(fc.base64String(), (text) => expect(codec.open(text)).toBeNull()));
  });

  it('is read with every key and written with the first, and never with a key of another scope', () => {
    const given = [{ pool: 1, issued: 2, server: '10.1.2.3:80' }];
    const old = new CookieCodec([key('old')]).seal(given, iv());
    const both = new CookieCodec([key('new'), key('old')]);
    expect(both.open(old)).toEqual(given);
    const fresh = both.seal(given, iv());
    expect(new CookieCodec([key('new')]).open(fresh)).toEqual(given);
    expect(new CookieCodec([key('old')]).open(fresh)).toBeNull();
    expect(new CookieCodec([key('new', 'other'), key('old', 'other')]).open(fresh)).toBeNull();
  });

  it('remembers the pools that were used last', () => {
    let held: CookiePart[] = [];
    for (let i = 1; i <= MOST_PARTS + 2; i++) held = withPart(held, partOf(i));
    expect(held.map((p) => p.pool)).toEqual([3, 4, 5, 6]);
    held = withPart(held, partOf(3));
    expect(held.map((p) => p.pool)).toEqual([4, 5, 6, 3]);
  });
});

const OURS = cookieName('OURS');
/** Fields lie inside of larger buffers. */
const placed = (field: string): Buffer => Buffer.from(`;OURS=not this;${field};OURS=nor this`, 'latin1');
const FROM = ';OURS=not this;'.length;

function left(field: string): string | null {
  const found = withoutCookie(placed(field), FROM, FROM + field.length, OURS);
  return found === null ? null : Buffer.from(found).toString('latin1');
}

function values(field: string): string[] {
  const b = placed(field);
  const end = FROM + field.length;
  const all: string[] = [];
  for (let at = FROM; findCookie(b, at, end, OURS); at = cookieSpan.next)
    all.push(b.toString('latin1', cookieSpan.start, cookieSpan.end));
  return all;
}

describe('a Cookie field', () => {
  const token = fc.stringMatching(/^[a-z]{1,4}$/);
  const pair = fc.tuple(token, fc.stringMatching(/^[!-:<-~]{0,6}$/));

  it('loses our cookie and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(pair, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 3 }),
        (others, at) => {
          const kept = others.map(([n, v]) => `${n}=${v}`);
          const mixed = [...kept];
          for (const i of at) mixed.splice(i, 0, 'OURS=x-y_z');
          expect(left(mixed.join('; '))).toBe(kept.join('; '));
          expect(values(mixed.join('; '))).toEqual(at.map(() => 'x-y_z'));
        },
      ),
    );
  });

  it('is left alone where ours is not in it, whatever it looks like', () => {
    for (const field of ['', ';', 'a', ' a=1 ;; b=2;', 'OURSX=1', 'ours=1', 'a=OURS=1', 'OURS']) {
      expect(left(field)).toBeNull();
      expect(values(field)).toEqual([]);
    }
    expect(values('OURS = "quoted" ;OURS=')).toEqual(['quoted', '']);
    expect(left('a=1;OURS=2')).toBe('a=1');
    expect(left('OURS=2; a=1;  b=2')).toBe('a=1;  b=2');
    expect(left('OURS=2')).toBe('');
  });
});

describe('a cookie as it is set', () => {
  it('says what the profile says', () => {
    expect(setCookie('A', 'b', { httpOnly: false, secure: false }, 0)).toBe('A=b; Path=/');
    expect(setCookie('A', 'b', { maxAge: 60, httpOnly: true, secure: true }, 0)).toBe(
      'A=b; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:01:00 GMT; HttpOnly; Secure',
    );
  });

  it('is found where applications put session ids', () => {
    expect(cookieSet('SID=abc; Path=/; SID=other', 'SID')).toBe('abc');
    expect(cookieSet('XSID=abc', 'SID')).toBeNull();
    expect(cookieSet('=abc', '')).toBeNull();
    expect(queryValue('a=1&sid=x=y&b', 'sid')).toBe('x=y');
    expect(queryValue('xsid=1', 'sid')).toBeNull();
    expect(pathParameter('/shop;sid=abc/cart;v=2', 'sid')).toBe('abc');
    expect(pathParameter('/shop;v=1;sid=abc', 'sid')).toBe('abc');
    expect(pathParameter('/shop;xsid=abc', 'sid')).toBeNull();
  });
});

const entry: fc.Arbitrary<Entry> = fc.record({
  lo: fc.constant(1),
  hi: fc.constant(2),
  serverLo: fc.nat({ max: 2 }),
  serverHi: fc.nat({ max: 1 }),
  since: fc.nat({ max: 2 }),
  origin: fc.nat({ max: 2 }),
  pool: fc.constant(3),
  version: fc.nat({ max: 2 }),
  life: fc.nat({ max: 3 }),
});

describe('entries for one client', () => {
  it('are in one order', () => {
    fc.assert(
      fc.property(entry, entry, entry, (a, b, c) => {
        expect(outranks(a, b) && outranks(b, a)).toBe(false);
        if (outranks(a, b) && outranks(b, c)) expect(outranks(a, c)).toBe(true);
      }),
    );
  });

  it('come to the same on every SE, in whatever order and however often they are heard', () => {
    fc.assert(
      fc.property(
        fc
          .array(entry, { minLength: 1, maxLength: 8 })
          .chain((all) =>
            fc.tuple(
              fc.shuffledSubarray(all, { minLength: all.length }),
              fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }),
            ),
          ),
        ([once, twice]) => expect(twice.reduce(merged)).toEqual(once.reduce(merged)),
      ),
    );
  });

  it('prefer a replacement, then the earlier, then the smaller SE', () => {
    const base = {
      lo: 1,
      hi: 2,
      serverLo: 5,
      serverHi: 5,
      since: 10,
      origin: 7,
      pool: 3,
      version: 0,
      life: 9,
    };
    expect(outranks({ ...base, version: 1, since: 99 }, base)).toBe(true);
    expect(outranks({ ...base, since: 9, origin: 9 }, base)).toBe(true);
    expect(outranks({ ...base, origin: 6, serverLo: 9 }, base)).toBe(true);
    expect(merged(base, { ...base, life: 12 }).life).toBe(12);
  });
});

describe('news of entries', () => {
  const any: fc.Arbitrary<Entry> = fc.record({
    lo: word,
    hi: word,
    serverLo: word,
    serverHi: word,
    since: fc.nat({ max: 2 ** 40 - 1 }),
    origin: word,
    pool: word,
    version: fc.nat({ max: MOST_VERSION }),
    life: word,
  });

  it('come out as they went in', () => {
    fc.assert(fc.property(fc.array(any), (all) => expect(decodeNews(encodeNews(all))).toEqual(all)));
    fc.assert(
      fc.property(fc.array(any, { maxLength: 3 * MOST_ENTRIES }), (all) =>
        expect(newsOf(all).flatMap(decodeNews)).toEqual(all),
      ),
      { numRuns: 10 },
    );
  });

  it('of another release, or broken, say nothing', () => {
    const good = encodeNews([]);
    expect(decodeNews(new Uint8Array(0))).toEqual([]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        if (bytes.length < 4 || bytes[0] !== good[0]) expect(decodeNews(bytes)).toEqual([]);
      }),
    );
  });

  it('has tags that tell servers and pools apart', () => {
    const seen = new Set(
      Array.from({ length: 5000 }, (_, i) => serverTag(`10.0.${i >> 8}.${i & 255}:80`).join()),
    );
    expect(seen.size).toBe(5000);
    expect(poolTag('pool-a')).not.toBe(poolTag('pool-b'));
  });
});
