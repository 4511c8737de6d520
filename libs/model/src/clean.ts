import { fieldsOf, type Field } from './facts.js';
import { isObject, type Json } from './walk.js';

export interface CleanOptions {
  /** Keep what only the server may set. */
  readonly keepReadOnly: boolean;
  /** Put defaults in for missing required fields. */
  readonly fillRequired: boolean;
}

export interface Cleaned {
  readonly value: Json;
  /** Dotted paths that the tables do not have, `[]` for each element, each once. */
  readonly unknown: string[];
}

const INTEGER = /^[+-]?\d{1,20}$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Forms that clients send for the same value: numbers in strings, numbers for strings, booleans in strings. */
function coerce(field: Field, value: unknown): unknown {
  if (field.scalar === 'integer' && typeof value === 'string' && INTEGER.test(value.trim()))
    return Number(value);
  if (field.scalar === 'number' && typeof value === 'string' && NUMBER.test(value.trim()))
    return Number(value);
  if (field.scalar === 'string' && !field.facts.enum && typeof value === 'number') return String(value);
  if (field.scalar === 'boolean' && typeof value === 'string' && /^(true|false)$/i.test(value)) {
    return value.toLowerCase() === 'true';
  }
  return value;
}

/**
 * The known part of an input in its canonical form: no null, no empty list, no read-only field, scalars coerced.
 * Values of the wrong type stay for the schema to refuse.
 */
export function clean(message: string, input: Json, options: CleanOptions): Cleaned {
  const unknown = new Set<string>();
  const value = cleanMessage(message, input, '', options, unknown);
  return { value, unknown: [...unknown] };
}

function cleanMessage(
  message: string,
  input: Json,
  prefix: string,
  options: CleanOptions,
  unknown: Set<string>,
): Json {
  const fields = fieldsOf(message);
  const value: Json = {};
  for (const [name, held] of Object.entries(input)) {
    const field = fields.get(name);
    if (!field) {
      unknown.add(prefix + name);
      continue;
    }
    if (held === null || held === undefined) continue;
    if (field.facts.read_only && !options.keepReadOnly) continue;
    const cleaned = cleanField(field, held, prefix + name, options, unknown);
    if (cleaned !== undefined) value[name] = cleaned;
  }
  if (options.fillRequired) {
    for (const [name, { facts }] of fields) {
      if (facts.required && facts.default !== undefined && !(name in value)) value[name] = facts.default;
    }
  }
  return value;
}

function cleanField(
  field: Field,
  held: unknown,
  path: string,
  options: CleanOptions,
  unknown: Set<string>,
): unknown {
  const one = (element: unknown, at: string): unknown =>
    field.nested !== undefined && isObject(element)
      ? cleanMessage(field.nested, element, `${at}.`, options, unknown)
      : coerce(field, element);
  if (!field.repeated) return one(held, path);
  if (!Array.isArray(held)) return held;
  const list = held.filter((e) => e !== null && e !== undefined).map((e) => one(e, `${path}[]`));
  return list.length > 0 ? list : undefined;
}
