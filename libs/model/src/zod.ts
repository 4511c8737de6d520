import { z } from 'zod';
import { inBounds } from './facts-parse.js';
import { fieldsOf, type Field } from './facts.js';

function scalarSchema(field: Field): z.ZodType {
  const { bounds, facts } = field;
  if (facts.enum) return z.enum(facts.enum as [string, ...string[]]);
  if (field.scalar === 'boolean') return z.boolean();
  if (field.scalar === 'string') {
    return Number.isFinite(field.maxLength) ? z.string().max(field.maxLength) : z.string();
  }
  const number = field.scalar === 'integer' ? z.int() : z.number();
  return bounds ? number.refine((value) => inBounds(bounds, value)) : number;
}

function fieldSchema(field: Field, partial: boolean): z.ZodType {
  const one = field.nested === undefined ? scalarSchema(field) : messageSchema(field.nested, { partial });
  let schema: z.ZodType = one;
  if (field.repeated) {
    let list = z.array(one);
    if (!partial && field.minItems > 0) list = list.min(field.minItems);
    if (Number.isFinite(field.maxItems)) list = list.max(field.maxItems);
    schema = list;
  }
  // A default stands in for a required field that is missing.
  const needed = field.facts.required && field.facts.default === undefined && !partial;
  return needed ? schema : schema.optional();
}

const cache = new Map<string, z.ZodObject>();

/**
 * The Zod schema of a message or of a kind's type, made from the tables on first use. With `partial`, nothing is
 * required at any depth: the shape of a patch.
 */
export function messageSchema(message: string, { partial = false } = {}): z.ZodObject {
  const key = `${message}/${partial}`;
  const known = cache.get(key);
  if (known) return known;
  const shape: Record<string, z.ZodType> = {};
  for (const [name, field] of fieldsOf(message)) shape[name] = fieldSchema(field, partial);
  const schema = z.object(shape);
  cache.set(key, schema);
  return schema;
}
