import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChunkScanner } from './chunked.js';
import { MALFORMED_CHUNKS } from './corpus.js';
import { INCOMPLETE, refusalOf } from './refusal.js';

/** Feeds `text` in pieces of the given sizes; where the body ended, or why it was refused. */
function feed(text: string, sizes: number[], mostBytes = 0): number | string {
  const scanner = new ChunkScanner();
  scanner.begin(mostBytes);
  const b = Buffer.from(text, 'latin1');
  let at = 0;
  for (let k = 0; at < b.length; k++) {
    const end = Math.min(b.length, at + Math.max(1, sizes[k % Math.max(1, sizes.length)] ?? b.length));
    const r = scanner.scan(b, at, end);
    if (r >= 0) return r;
    if (r !== INCOMPLETE) return refusalOf(r).name;
    at = end;
  }
  return 'INCOMPLETE';
}

const body = fc
  .tuple(
    fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 50 }), fc.constantFrom('', ';a', ';a="b c";d')), {
      maxLength: 8,
    }),
    fc.array(fc.stringMatching(/^X-[a-z]{1,8}: [ -~]{0,20}$/), { maxLength: 3 }),
  )
  .map(([chunks, trailers]) => {
    const data = chunks.map(([d]) => Buffer.from(d).toString('latin1'));
    const text =
      chunks.map(([, e], i) => `${data[i]!.length.toString(16)}${e}\r\n${data[i]}\r\n`).join('') +
      `0\r\n${trailers.map((t) => `${t}\r\n`).join('')}\r\n`;
    return { text, data: data.join('') };
  });
const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 });

describe('chunked scanner', () => {
  it('finds the end of a body, however it is cut', () => {
    fc.assert(
      fc.property(body, sizes, fc.string(), ({ text }, cut, next) => {
        expect(feed(text + next, cut)).toBe(text.length);
        expect(feed(text.slice(0, -1), cut)).toBe('INCOMPLETE');
      }),
    );
  });

  it('takes the data alone out, however it is cut', () => {
    fc.assert(
      fc.property(body, sizes, ({ text, data }, cut) => {
        const scanner = new ChunkScanner();
        scanner.begin(0);
        let out = '';
        for (let at = 0, k = 0; at < text.length; k++) {
          const piece = Buffer.from(text.slice(at, at + cut[k % cut.length]!), 'latin1');
          const r = scanner.compact(piece, 0, piece.length);
          expect(r).toBeGreaterThanOrEqual(INCOMPLETE);
          out += piece.toString('latin1', 0, scanner.dataEnd);
          at += piece.length;
        }
        expect(out).toBe(data);
        expect(scanner.total).toBe(data.length);
      }),
    );
  });

  it.each(MALFORMED_CHUNKS)('refuses with %s: %j', (reason, text) => {
    expect(feed(text, [])).toBe(reason);
    expect(feed(text, [1])).toBe(reason);
    expect(feed(text, [3, 2])).toBe(reason);
  });

  it('refuses a body as soon as it announces too much', () => {
    expect(feed('5\r\nabcde\r\n6\r\n', [], 10)).toBe('BODY_TOO_LARGE');
    expect(feed('5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n', [], 10)).toBe(25);
  });
});
