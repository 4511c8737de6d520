import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requestView } from '../testing/messages.js';
import { addressKey, AddressMap, compareKeys } from './address.js';
import { Automaton } from './automaton.js';
import { patternBytes, textOf } from './bytes.js';
import { Hits } from './hits.js';
import { PatternTable, type Place } from './pattern-table.js';
import { CookieSubject, HostSubject, located, ParameterSubject, type Subject } from './subject.js';
import type { RequestView } from './view.js';

const word = fc.string({ unit: fc.constantFrom('a', 'A', 'b', '/'), maxLength: 6 });

function found(
  finder: { find(b: Uint8Array, s: number, e: number, hits: Hits): void },
  text: string,
): number[] {
  const hits = new Hits();
  const b = Buffer.from(`xx${text}yy`, 'latin1');
  finder.find(b, 2, 2 + text.length, hits);
  return [...new Set(hits.list.subarray(0, hits.count))].sort((a, b2) => a - b2);
}

const numbers = (patterns: readonly string[], fits: (pattern: string) => boolean): number[] =>
  patterns.flatMap((pattern, i) => (fits(pattern) ? [i] : []));

describe('many patterns', () => {
  it.each<[Place, (text: string, pattern: string) => boolean]>([
    ['whole', (t, p) => t === p],
    ['prefix', (t, p) => t.startsWith(p)],
    ['suffix', (t, p) => t.endsWith(p)],
  ])('are found by a table: %s', (place, fits) => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), word, fc.boolean(), (patterns, text, fold) => {
        const table = new PatternTable(
          patterns.map((p) => patternBytes(p, fold)),
          place,
          fold,
        );
        const low = (s: string): string => (fold ? s.toLowerCase() : s);
        expect(found(table, text)).toEqual(numbers(patterns, (p) => fits(low(text), low(p))));
      }),
    );
  });

  it('are found by an automaton', () => {
    const patterns = fc.array(
      word.filter((w) => w !== ''),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(
        patterns,
        fc.string({ unit: fc.constantFrom('a', 'A', 'b', '/', 'c'), maxLength: 30 }),
        fc.boolean(),
        (list, text, fold) => {
          const automaton = new Automaton(
            list.map((p) => patternBytes(p, fold)),
            fold,
          );
          const low = (s: string): string => (fold ? s.toLowerCase() : s);
          expect(found(automaton, text)).toEqual(numbers(list, (p) => low(text).includes(low(p))));
        },
      ),
    );
  });
});

const compare = (a: string, b: string): number => compareKeys(addressKey(a)!, 0, addressKey(b)!, 0);

describe('addresses', () => {
  const v4 = fc.ipV4();
  const v6 = fc.ipV6();

  it('have an order', () => {
    expect(addressKey('::ffff:10.0.0.1')).toEqual(addressKey('10.0.0.1'));
    expect(addressKey('fe80::1%eth0')).toEqual(addressKey('fe80::1'));
    for (const bad of ['', '10.0.0', '10.0.0.256', '1::2::3', ':::', '1:2:3:4:5:6:7', 'g::', '1.2.3.4.5'])
      expect([bad, addressKey(bad)]).toEqual([bad, null]);
    fc.assert(fc.property(fc.oneof(v4, v6), (a) => addressKey(a) !== null));
  });

  it('are found in the sets that hold them', () => {
    const low = fc.nat({ max: 20 }).map((n) => `10.0.0.${n}`);
    const range = fc.tuple(low, low);
    const six = fc.constantFrom(
      { first: '::', last: '::ffff' },
      { first: 'ffff::', last: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' },
    );
    const ranges = fc.array(
      fc.oneof(
        range.map(([a, b]) => ({ first: a, last: b })),
        six,
      ),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(
        fc.array(ranges, { maxLength: 6 }),
        fc.oneof(low, fc.constantFrom('::5', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '1::')),
        (sets, address) => {
          const expected = sets.flatMap((set, i) =>
            set.some((r) => compare(r.first, address) <= 0 && compare(address, r.last) <= 0) ? [i] : [],
          );
          expect([...new AddressMap(sets).find(addressKey(address)!)]).toEqual(expected);
        },
      ),
    );
  });
});

const normal = (path: string): string | null => {
  const view = requestView({ target: path, headers: [['Host', 'h']] });
  if (view.ambiguous) return null;
  const { b, start, end } = view.normalPath();
  return textOf(b, start, end);
};

describe('the normal form of a path', () => {
  it.each([
    ['/admin', '/admin'],
    ['/ADMIN/', '/ADMIN/'],
    ['//admin', '/admin'],
    ['/a///b//', '/a/b/'],
    ['/%61dmin', '/admin'],
    ['/%2fadmin', '/admin'],
    ['/a%2Fb', '/a/b'],
    ['/%2561', '/%61'],
    ['/100%', '/100%'],
    ['/%zz%4', '/%zz%4'],
    ['/.well-known/...', '/.well-known/...'],
    ['/a.b/..c/d..', '/a.b/..c/d..'],
    ['/a%5Cb', '/a\\b'],
    ['http://h/x//y', '/x/y'],
    ['http://h', '/'],
    ['*', '*'],
  ])('%s is %s', (path, expected) => expect(normal(path)).toBe(expected));

  it.each([
    '/a/../admin',
    '/./admin',
    '/a/..',
    '/..',
    '/a/.',
    '/a/%2e%2e/admin',
    '/a/%2E./admin',
    '/a/.%2e',
    '/a/..%2fadmin',
    '/a%2f..%2fadmin',
    '/a/..%5cadmin',
    '/a\\..\\admin',
    '/a/..;x=1/admin',
    '/a/%2e%2e;/admin',
    '/admin%00',
    'http://h/a/../b',
    '//../admin',
    '/%2e',
  ])('%s has none', (path) => expect(normal(path)).toBeNull());
});

const all = (subject: Subject<RequestView>, view: RequestView): string[] => {
  const texts: string[] = [];
  for (let at = subject.next(view, 0); at >= 0; at = subject.next(view, at))
    texts.push(textOf(located.b, located.start, located.end));
  return texts;
};

describe('what rules look at', () => {
  it('is each value of a cookie, in every line', () => {
    const view = requestView({
      target: '/',
      headers: [
        ['Cookie', 'a=1; b="2" ;a=3;aa=4; A=5'],
        ['X', 'a=9'],
        ['cookie', 'a=;xa=7;a=6'],
      ],
    });
    expect(all(new CookieSubject('a'), view)).toEqual(['1', '3', '', '6']);
    expect(all(new CookieSubject('b'), view)).toEqual(['2']);
    expect(all(new CookieSubject('c'), view)).toEqual([]);
  });

  it.each([
    ['?a=1&b=%62&c', ['a', 'b', 'c']],
    ['?', ['']],
    ['', []],
    ['?a&', ['a']],
    ['?x%61=1', ['xa']],
  ])('is the name of each parameter: %s', (query, expected) => {
    expect(all(new ParameterSubject(true), requestView({ target: `/${query}` }))).toEqual(expected);
  });

  it.each([
    ['a.example', 'a.example'],
    ['a.example:8080', 'a.example'],
    ['a.example.:8080', 'a.example'],
    ['[::1]:80', '[::1]'],
    ['[::1]', '[::1]'],
    ['.', '.'],
  ])('is the host without port and trailing dot: %s', (host, expected) => {
    const view = requestView({ target: '/', headers: [['Host', host]] });
    expect(all(new HostSubject(false), view)).toEqual([expected]);
    expect(all(new HostSubject(true), view)).toEqual([host]);
  });
});
