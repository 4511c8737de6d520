import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Regex, RegexError } from './index.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const test = (pattern: string, text: string, fold = false): boolean =>
  new Regex(pattern, fold).test(bytes(text), 0, text.length);

function exec(pattern: string, text: string, fold = false): (string | undefined)[] | null {
  const found = new Regex(pattern, fold).exec(bytes(text), 0, text.length);
  if (found === null) return null;
  return Array.from({ length: found.length / 2 }, (_, i) =>
    found[2 * i]! < 0 ? undefined : text.slice(found[2 * i], found[2 * i + 1]),
  );
}

/**
 * Patterns in the common part of Perl's syntax and JavaScript's, over a small alphabet so that texts match.
 * @param solid what is repeated is put in front of whatever is repeated, so that it is not empty
 */
const patterns = (solid: string): fc.Arbitrary<string> =>
  fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom(
        'a',
        'b',
        'B',
        '/',
        '.',
        '[ab]',
        '[^a]',
        '[a-c/]',
        '\\w',
        '\\W',
        '\\d',
        '\\/',
        '^',
        '$',
        '\\b',
        '\\B',
        '',
      ),
      fc.tuple(tie('node'), tie('node')).map(([l, r]) => l + r),
      fc.tuple(tie('node'), tie('node')).map(([l, r]) => `(?:${l}|${r})`),
      tie('node').map((n) => `(${n})`),
      fc
        .tuple(
          tie('node'),
          fc.constantFrom('*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,2}?', '{1,}'),
        )
        .map(([n, q]) => `(?:${solid}${n})${q}`),
    ),
  })).node;
const pattern = patterns('');
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'B', 'c', '/', '1', '-'), maxLength: 12 });

describe('regular expressions', () => {
  it('find what JavaScript finds', () => {
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (p, t, fold) => {
        expect([p, t, test(p, t, fold)]).toEqual([p, t, new RegExp(p, fold ? 'is' : 's').test(t)]);
      }),
      { numRuns: 5000 },
    );
  });

  it('find the same match', () => {
    // JavaScript resets groups in a repetition and does not repeat what is empty, Perl does not: so only whole matches
    // are compared, of patterns in which nothing empty is repeated.
    fc.assert(
      fc.property(patterns('[ab]'), text, (p, t) => {
        expect([p, t, exec(p, t)?.[0]]).toEqual([p, t, new RegExp(p, 's').exec(t)?.[0]]);
      }),
      { numRuns: 5000 },
    );
  });

  it('give the same from a table that has been thrown away again and again', () => {
    // 2^11 states.
    const hungry = new Regex('a.{10}b', false);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 200 }), (t) => {
        expect(hungry.test(bytes(t), 0, t.length)).toBe(/a.{10}b/.test(t));
      }),
      { numRuns: 2000 },
    );
  });

  it('hold what they say that every match holds', () => {
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (p, t, fold) => {
        const regex = new Regex(p, fold);
        if (!regex.test(bytes(t), 0, t.length)) return;
        expect((fold ? t.toLowerCase() : t).includes(Buffer.from(regex.literal).toString('latin1'))).toBe(
          true,
        );
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['^/api/v(\\d+)/(.*)$', '/api/v12/users/7', ['/api/v12/users/7', '12', 'users/7']],
    ['(?<shop>[a-z]+)\\.example', 'www.shop.example', ['shop.example', 'shop']],
    ['(a|ab)(c|bcd)', 'abcd', ['abcd', 'a', 'bcd']],
    ['(x)?y', 'y', ['y', undefined]],
    ['(?i:ABC)d', 'abcd', ['abcd']],
    ['(?i)abc', 'xABC', ['ABC']],
    ['[[:alpha:]]+[^[:digit:]]', 'ab-1', ['ab-']],
    ['\\x2fé', '/Ã©', ['/Ã©']],
    ['a{,2}', 'a{,2}', ['a{,2}']],
    ['[]a]+', 'a]', ['a]']],
    ['[a\\-z]+', '-z', ['-z']],
  ])('%s on %s', (p, t, expected) => {
    expect(exec(p, t)).toEqual(expected);
    expect(test(p, t)).toBe(true);
  });

  it.each([
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '(a)\\1',
    '\\k<a>',
    '(?>a)',
    'a++',
    'a**',
    '*a',
    '(a',
    'a)',
    '[a',
    '[z-a]',
    'a\\',
    '[[:nope:]]',
    '\\y',
    'a{2000}',
    'a{3,2}',
    '(a{900}){900}',
    '[é]',
    '(?R)',
    `${'('.repeat(200)}${')'.repeat(200)}`,
  ])('refuse %s and say where', (p) => {
    expect(() => new Regex(p, false)).toThrow(RegexError);
    expect(() => new Regex(p, false)).toThrow(/ at position \d+ of /);
  });

  it('take a time that grows with the text and not with its powers', () => {
    const nested = new Regex('^(a+)+$', false);
    const long = bytes(`${'a'.repeat(200_000)}!`);
    // As many states as there are texts: the table is of no use.
    const wide = new Regex('(a|b)*a(a|b){150}c', false);
    const noise = Uint8Array.from({ length: 48_000 }, (_, i) => 97 + (((i * i * 31 + i) >> 3) & 1));
    const begin = performance.now();
    for (let n = 0; n < 3; n++) expect(wide.test(noise, 0, noise.length)).toBe(false);
    expect(performance.now() - begin).toBeLessThan(5000);
    const start = performance.now();
    expect(nested.test(long, 0, long.length)).toBe(false);
    expect(nested.exec(long, 0, long.length)).toBeNull();
    // Doubling the text once would already be beyond reach for an engine that goes back.
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
