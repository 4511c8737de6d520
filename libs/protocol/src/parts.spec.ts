import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { se, splitConfig, UpdateCollector } from './index.js';

const change = fc.record({
  epoch: fc.nat(9),
  generation: fc.nat(999),
  full: fc.boolean(),
  put: fc.array(
    fc.record({
      type: fc.constant('pool'),
      key: fc.string(),
      body: fc.uint8Array({ maxLength: 600 }).map((b) => Buffer.from(b)),
    }),
  ),
  remove: fc.array(fc.string()),
});

describe('parts of a change', () => {
  it('stay below the limit, come through the wire, and make the change again', () => {
    fc.assert(
      fc.property(change, (whole) => {
        const limit = 1000;
        const collector = new UpdateCollector();
        const parts = splitConfig(whole, limit);
        const collected = parts.map((part) => {
          const bytes = se.ConfigUpdate.encode(part).finish();
          expect(bytes.length).toBeLessThanOrEqual(limit + 32);
          return collector.add(se.ConfigUpdate.decode(bytes));
        });
        expect(collected.slice(0, -1).every((c) => c === undefined)).toBe(true);
        const last = collected.at(-1);
        expect(last && { ...last, put: last.put.map((f) => ({ ...f, body: [...f.body] })) }).toEqual({
          ...whole,
          put: whole.put.map((f) => ({ ...f, body: [...f.body] })),
        });
      }),
    );
  });

  it('a part that is missing is an error, and the next change starts clean', () => {
    const put = [1, 2, 3].map((n) => ({ type: 'pool', key: String(n), body: Buffer.alloc(600) }));
    const parts = splitConfig({ epoch: 1, generation: 2, full: true, put, remove: [] }, 1000);
    expect(parts).toHaveLength(3);
    const collector = new UpdateCollector();
    collector.add(parts[0]!);
    expect(() => collector.add(parts[2]!)).toThrow(/part 2 of generation 2/);
    collector.add(parts[0]!);
    collector.add(parts[1]!);
    expect(collector.add(parts[2]!)?.put).toHaveLength(3);
  });
});
