import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FailureCode } from './result.js';
import { decodeNews, encodeNews, goesBefore, KEY_BYTES, trustFor, type SharedResult } from './shared-news.js';

const key = fc
  .uint8Array({ minLength: KEY_BYTES, maxLength: KEY_BYTES })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const failure = fc.record({
  code: fc.constantFrom<FailureCode>('NO_RESPONSE', 'SSL_CERT_ERROR'),
  text: fc.string({ maxLength: 200, unit: 'grapheme' }),
});
const result: fc.Arbitrary<SharedResult> = fc.oneof(
  key.map((k) => ({ key: k, result: { ok: true as const } })),
  fc.tuple(key, fc.nat()).map(([k, tasks]) => ({ key: k, result: { ok: true as const, tasks } })),
  fc.tuple(key, failure).map(([k, f]) => ({ key: k, result: { ok: false as const, ...f } })),
);

const wrong = (json: string): Uint8Array =>
  Buffer.concat([Buffer.of(1), Buffer.alloc(KEY_BYTES), Buffer.from(json)]);

describe('news of shared checks', () => {
  it('come as they were told, in items of at most 1 kB', () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 400 }), (told) => {
        const items = encodeNews(told);
        for (const item of items) expect(item.length).toBeLessThanOrEqual(1024);
        const heard = items.flatMap((item) => decodeNews(item));
        expect(new Set(heard.map((h) => JSON.stringify(h)))).toEqual(
          new Set(told.map((t) => JSON.stringify(t))),
        );
        expect(heard).toHaveLength(told.length);
      }),
    );
  });

  it('are bounded in their text, and few where all is well', () => {
    const long: SharedResult = {
      key: '00'.repeat(KEY_BYTES),
      result: { ok: false, code: 'SSL_ERROR', text: '"'.repeat(5000) },
    };
    expect(encodeNews([long])[0]!.length).toBeLessThan(1024);
    const many = Array.from({ length: 5000 }, () => ({
      key: '11'.repeat(KEY_BYTES),
      result: { ok: true as const },
    }));
    expect(encodeNews(many).length).toBeLessThan(50);
  });

  it('say nothing when they make no sense', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const { key: k } of decodeNews(bytes)) expect(k).toHaveLength(2 * KEY_BYTES);
      }),
    );
    for (const json of [
      '',
      '{',
      'null',
      '7',
      '{"code":7}',
      '{"code":"INCONCLUSIVE","text":"x"}',
      '{"code":"a b","text":""}',
    ])
      expect(decodeNews(wrong(json))).toEqual([]);
  });
});

describe('who makes a shared check', () => {
  const engine = fc.string({ minLength: 1, maxLength: 40 });
  it('is one of them, wherever it is reckoned', () => {
    fc.assert(
      fc.property(fc.uniqueArray(engine, { minLength: 1, maxLength: 8 }), key, (engines, k) => {
        const makers = engines.filter(
          (own) => !engines.some((other) => other !== own && goesBefore(other, own, k)),
        );
        expect(makers).toHaveLength(1);
      }),
    );
  });

  it('is spread over them', () => {
    const engines = ['serviceengine-1', 'serviceengine-2', 'serviceengine-3'];
    const counts = engines.map(() => 0);
    for (let i = 0; i < 3000; i++) {
      const k = i.toString(16).padStart(16, '0');
      const maker = engines.findIndex(
        (own) => !engines.some((other) => other !== own && goesBefore(other, own, k)),
      );
      counts[maker]!++;
    }
    for (const n of counts) expect(Math.abs(n - 1000)).toBeLessThan(150);
  });

  it('is trusted for one interval and its time-out, and what news take', () => {
    expect(trustFor(10_000, 4_000)).toBe(14_250);
  });
});
