import { fieldsOf, type Field } from './facts.js';

/** Any JSON object. */
export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One value in an object: a scalar, or an element of a repeated field. */
export interface Visit {
  readonly field: Field;
  /** `servers[0].ip.addr` */
  readonly path: string;
  readonly value: unknown;
  /** The object or the list that holds it. */
  readonly holder: Json | unknown[];
  readonly key: string | number;
}

/**
 * Visits every known field of an object, depth first: each scalar, each element of a repeated field, each nested
 * message before its own fields. Values of the wrong shape are visited and not entered.
 */
export function walk(message: string, value: Json, visit: (v: Visit) => void, prefix = ''): void {
  const fields = fieldsOf(message);
  for (const key of Object.keys(value)) {
    const field = fields.get(key);
    if (!field) continue;
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const held = value[key];
    if (field.repeated && Array.isArray(held)) {
      held.forEach((element: unknown, i) => step(field, `${path}[${i}]`, element, held, i, visit));
    } else {
      step(field, path, held, value, key, visit);
    }
  }
}

function step(
  field: Field,
  path: string,
  value: unknown,
  holder: Json | unknown[],
  key: string | number,
  visit: (v: Visit) => void,
): void {
  visit({ field, path, value, holder, key });
  if (field.nested !== undefined && isObject(value)) walk(field.nested, value, visit, path);
}

/** `servers[0].ip` -> `servers[].ip` */
export function foldPath(path: string): string {
  return path.replaceAll(/\[\d+\]/g, '[]');
}

/** A copy of the known part of an object, each nested message passed through `change` after its own fields were copied. */
export function mapMessages(
  message: string,
  value: Json,
  change: (message: string, value: Json) => Json,
): Json {
  const fields = fieldsOf(message);
  const copy: Json = {};
  for (const [key, held] of Object.entries(value)) {
    const nested = fields.get(key)?.nested;
    if (nested === undefined) copy[key] = held;
    else if (Array.isArray(held)) {
      copy[key] = held.map((e: unknown) => (isObject(e) ? mapMessages(nested, e, change) : e));
    } else copy[key] = isObject(held) ? mapMessages(nested, held, change) : held;
  }
  return change(message, copy);
}
