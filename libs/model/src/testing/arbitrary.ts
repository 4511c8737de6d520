import fc from 'fast-check';
import { fieldsOf, type Field } from '../facts.js';
import type { KindName, KindTypes } from '../generated/types.js';
import { kinds } from '../kinds.js';
import type { Json } from '../walk.js';

/** Text that is not a number or a boolean, so that no coercion changes it. */
const text = fc.string({ minLength: 1, maxLength: 12 }).map((s) => `t${s}`);

function scalar(field: Field): fc.Arbitrary<unknown> {
  const { bounds, facts } = field;
  if (facts.enum) return fc.constantFrom(...facts.enum);
  if (field.scalar === 'boolean') return fc.boolean();
  if (!bounds) return text;
  if (bounds.choices) return fc.constantFrom(...bounds.choices);
  const inside =
    field.scalar === 'integer'
      ? fc.integer({ min: Math.max(bounds.min, -(2 ** 31)), max: Math.min(bounds.max, 2 ** 31 - 1) })
      : fc
          .double({ min: Math.max(bounds.min, -1e6), max: Math.min(bounds.max, 1e6), noNaN: true })
          .map((n) => n + 0);
  return bounds.specials.length > 0 ? fc.oneof(inside, fc.constantFrom(...bounds.specials)) : inside;
}

const cache = new Map<string, fc.Arbitrary<Json>>();

function message(name: string, depth: number): fc.Arbitrary<Json> {
  const key = `${name}/${depth}`;
  const known = cache.get(key) ?? build(name, depth);
  cache.set(key, known);
  return known;
}

function build(name: string, depth: number): fc.Arbitrary<Json> {
  const shape: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [key, field] of fieldsOf(name)) {
    const needed = field.facts.required === true;
    if (field.facts.read_only || (depth <= 0 && field.nested !== undefined && !needed)) continue;
    const one = field.nested === undefined ? scalar(field) : message(field.nested, depth - 1);
    const least = Math.max(1, field.minItems);
    shape[key] = field.repeated
      ? fc.array(one, { minLength: least, maxLength: Math.min(least + 1, field.maxItems) })
      : one;
    // A key is drawn in a quarter of the cases, or objects of 287 fields would be all that is ever tried.
    if (!needed)
      shape[key] = fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: shape[key] },
      );
  }
  return fc
    .record(shape)
    .map((o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)));
}

/** Valid input of a kind: any fields, any allowed values, nested messages to a few levels. Identity fields are left out. */
export function arbitraryObject<K extends KindName>(kind: K, depth = 2): fc.Arbitrary<KindTypes[K]> {
  return message(kinds[kind].type, depth).map(({ uuid: _uuid, ...rest }) => rest as unknown as KindTypes[K]);
}

export const arbitraryKind: fc.Arbitrary<KindName> = fc.constantFrom(...(Object.keys(kinds) as KindName[]));

/** A kind with valid input for it. */
export const arbitraryKindAndObject = arbitraryKind.chain((kind) =>
  arbitraryObject(kind).map((value) => ({ kind, value })),
);
