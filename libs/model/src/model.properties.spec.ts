import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import {
  applyDefaults,
  fieldsOf,
  inBounds,
  kinds,
  mapReferences,
  messageNames,
  parseObject,
  redact,
  references,
  stripDefaults,
} from './index.js';
import { arbitraryKindAndObject } from './testing/arbitrary.js';
import { isObject, walk, type Json } from './walk.js';

// Hundreds of generated objects take a while on a busy machine.
jest.setTimeout(60_000);

const runs = { numRuns: 250 };

/** Parsed, so in the form that the store keeps. */
function parsed(kind: Parameters<typeof parseObject>[0], value: object): never {
  const result = parseObject(kind, value);
  expect(result.errors).toEqual([]);
  expect(result.unknown).toEqual([]);
  return result.value as never;
}

describe('every kind', () => {
  it('takes what its facts allow, unchanged but for what parsing fills in', () => {
    fc.assert(
      fc.property(arbitraryKindAndObject, ({ kind, value }) => {
        const stored: object = parsed(kind, value);
        expect(parsed(kind, stored)).toEqual(stored);
        expect(stored).toMatchObject(JSON.parse(JSON.stringify(value)) as object);
      }),
      runs,
    );
  });

  it('gets the same defaults twice as once, and takes back what it gave', () => {
    fc.assert(
      fc.property(arbitraryKindAndObject, ({ kind, value }) => {
        const stored = parsed(kind, value);
        const filled = applyDefaults(kind, stored);
        expect(applyDefaults(kind, filled as never)).toEqual(filled);
        const again = parseObject(kind, filled, { keepReadOnly: true });
        expect(again).toMatchObject({ errors: [], unknown: [] });
        expect(again.value).toEqual(filled);
      }),
      runs,
    );
  });

  it('loses nothing to skip_default', () => {
    fc.assert(
      fc.property(arbitraryKindAndObject, ({ kind, value }) => {
        const stored = parsed(kind, value);
        const bare = stripDefaults(kind, stored);
        const filled = applyDefaults(kind, stored);
        expect(stripDefaults(kind, filled as never)).toEqual(bare);
        expect(applyDefaults(kind, bare)).toEqual(filled);
      }),
      runs,
    );
  });

  it('has no null and no empty list with its defaults', () => {
    fc.assert(
      fc.property(arbitraryKindAndObject, ({ kind, value }) => {
        const filled = applyDefaults(kind, parsed(kind, value)) as unknown as Json;
        walk(kinds[kind].type, filled, ({ value: held, holder }) => {
          expect(held).not.toBeNull();
          if (isObject(holder)) {
            for (const inner of Object.values(holder))
              expect(Array.isArray(inner) && inner.length === 0).toBe(false);
          }
        });
      }),
      { numRuns: 100 },
    );
  });

  it('gives its references back after a round trip', () => {
    fc.assert(
      fc.property(arbitraryKindAndObject, ({ kind, value }) => {
        const stored = parsed(kind, value) as object;
        const away = mapReferences(kind, stored, (r) => `${r.targetKind}/${r.value}`);
        expect(references(kind, away).map((r) => r.path)).toEqual(
          references(kind, stored).map((r) => r.path),
        );
        expect(mapReferences(kind, away, (r) => r.value.slice(r.targetKind.length + 1))).toEqual(stored);
      }),
      runs,
    );
  });

  it('names each foreign key once, with its folded path, and drops it', () => {
    fc.assert(
      fc.property(arbitraryKindAndObject, ({ kind, value }) => {
        const stored = parsed(kind, value) as Json;
        const expected = new Set(['no_such_field']);
        const spoiled = structuredClone(stored);
        spoiled['no_such_field'] = 1;
        walk(kinds[kind].type, structuredClone(stored), ({ path, value: held }) => {
          if (!isObject(held)) return;
          expected.add(`${path.replaceAll(/\[\d+\]/g, '[]')}.no_such_field`);
        });
        walk(kinds[kind].type, spoiled, ({ value: held }) => {
          if (isObject(held)) held['no_such_field'] = 1;
        });
        const result = parseObject(kind, spoiled);
        expect(new Set(result.unknown)).toEqual(expected);
        expect(result.unknown).toHaveLength(expected.size);
        expect(result.value).toEqual(stored);
      }),
      runs,
    );
  });

  it('has no complaint about an object at its defaults', () => {
    fc.assert(
      fc.property(arbitraryKindAndObject, ({ kind, value }) => {
        const bare = stripDefaults(kind, parsed(kind, value));
        const filled = applyDefaults(kind, bare);
        expect(new Set(parseObject(kind, filled).unhonoured)).toEqual(
          new Set(parseObject(kind, bare).unhonoured),
        );
      }),
      runs,
    );
  });

  it('shows no secret once it is redacted', () => {
    fc.assert(
      fc.property(arbitraryKindAndObject, ({ kind, value }) => {
        walk(kinds[kind].type, redact(kind, parsed(kind, value)) as Json, ({ field }) => {
          expect(field.facts.secret).toBeUndefined();
        });
      }),
      runs,
    );
  });

  it('never throws, whatever is sent', () => {
    fc.assert(
      fc.property(arbitraryKindAndObject, fc.jsonValue(), fc.nat(), ({ kind, value }, junk, pick) => {
        const spoiled = structuredClone(value) as unknown as Json;
        const names = [...fieldsOf(kinds[kind].type).keys()];
        spoiled[names[pick % names.length] as string] = junk;
        for (const error of parseObject(kind, spoiled).errors) expect(error.message).toContain(error.field);
      }),
      runs,
    );
  });
});

describe('every number', () => {
  const numbers = messageNames().flatMap((m) =>
    [...fieldsOf(m).values()].filter((f) => f.bounds !== undefined),
  );

  it('takes its ends, its default and its special values, and nothing beyond', () => {
    for (const { bounds, facts } of numbers) {
      if (!bounds) continue;
      for (const good of bounds.choices ?? [bounds.min, bounds.max])
        expect(inBounds(bounds, good)).toBe(true);
      for (const good of bounds.specials) expect(inBounds(bounds, good)).toBe(true);
      if (typeof facts.default === 'number') expect(inBounds(bounds, facts.default)).toBe(true);
      if (!facts.range || bounds.choices) continue;
      for (const bad of [bounds.min - 1, bounds.max + 1]) {
        expect(inBounds(bounds, bad)).toBe(bounds.specials.includes(bad));
      }
    }
    expect(numbers.length).toBeGreaterThan(700);
  });

  it('has a range that was understood where the tables give one', () => {
    for (const { bounds, facts, message, name } of numbers) {
      if (!facts.range) continue;
      expect([`${message}.${name}`, bounds?.choices ?? Number.isFinite(bounds?.min)]).not.toContain(false);
      expect(Number.isNaN(bounds?.min) || Number.isNaN(bounds?.max)).toBe(false);
      expect(bounds?.choices ?? (bounds && bounds.max - bounds.min < 2 ** 33)).toBeTruthy();
    }
  });
});
