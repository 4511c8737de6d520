import { clean } from './clean.js';
import { ruleError, type FieldError } from './errors.js';
import { fieldsOf, type Field } from './facts.js';
import type { KindName, KindTypes } from './generated/types.js';
import { elementKey, matching } from './keys.js';
import { kinds } from './kinds.js';
import { isObject, type Json } from './walk.js';

/** The body of a PATCH: one or more of these, each with some fields of the object. */
export interface MergePatch {
  readonly add?: unknown;
  readonly replace?: unknown;
  readonly delete?: unknown;
}

export interface Patched<T> {
  /** The object after the patch, not yet validated: pass it through parseObject and the rules. */
  readonly value: T;
  /** Dotted paths in the patch that the schema does not have. */
  readonly unknown: string[];
  readonly errors: FieldError[];
}

const OPERATIONS = ['delete', 'replace', 'add'] as const;

/**
 * Applies a PATCH to an object. Works on the top-level fields:
 *
 * - `add` sets a scalar; merges a nested message; in a list it merges each element into the one with the same natural
 *   key (a server's address and port, a name) or appends it.
 * - `replace` sets a scalar, a message or a whole list; null or an empty list takes the field away.
 * - `delete` takes a scalar or a message away, so that it goes back to its default; in a list it removes the elements
 *   that match what is given of the natural key.
 *
 * Several are applied in the order delete, replace, add.
 */
export function mergePatch<K extends KindName>(
  kind: K,
  current: KindTypes[K],
  patch: MergePatch,
): Patched<KindTypes[K]> {
  const { type } = kinds[kind];
  const unknown = new Set<string>();
  const errors: FieldError[] = [];
  let value = { ...(current as unknown as Json) };
  for (const operation of OPERATIONS) {
    const payload = patch[operation];
    if (payload === undefined) continue;
    if (!isObject(payload)) {
      errors.push(ruleError(operation, `${operation} is not an object. Give it some fields of a ${type}`));
      continue;
    }
    const cleaned = clean(type, payload, { keepReadOnly: false, fillRequired: false });
    for (const path of cleaned.unknown) unknown.add(path);
    value = APPLY[operation](type, value, payload, cleaned.value);
  }
  return { value: value as unknown as KindTypes[K], unknown: [...unknown], errors };
}

type Apply = (message: string, value: Json, raw: Json, payload: Json) => Json;

const APPLY: Readonly<Record<(typeof OPERATIONS)[number], Apply>> = {
  add: (message, value, _raw, payload) => addInto(message, value, payload),
  replace: (message, value, raw, payload) => {
    const result = { ...value, ...payload };
    for (const name of settable(message, raw)) if (!(name in payload)) delete result[name];
    return result;
  },
  delete: (message, value, raw, payload) => {
    const result = { ...value };
    for (const name of settable(message, raw)) {
      const left = without(fieldsOf(message).get(name), result[name], payload[name]);
      if (left === undefined) delete result[name];
      else result[name] = left;
    }
    return result;
  },
};

/** The fields of a payload that the schema has and a client may set. */
function settable(message: string, raw: Json): string[] {
  const fields = fieldsOf(message);
  return Object.keys(raw).filter(
    (name) => fields.get(name)?.facts.read_only === undefined && fields.has(name),
  );
}

function addInto(message: string, value: Json, payload: Json): Json {
  const result = { ...value };
  for (const [name, added] of Object.entries(payload)) {
    const field = fieldsOf(message).get(name);
    const held = result[name];
    if (field?.repeated && Array.isArray(held) && Array.isArray(added)) {
      result[name] = addElements(field.nested, held, added);
    } else if (field?.nested !== undefined && isObject(held) && isObject(added)) {
      result[name] = addInto(field.nested, held, added);
    } else {
      result[name] = added;
    }
  }
  return result;
}

function addElements(
  nested: string | undefined,
  held: readonly unknown[],
  added: readonly unknown[],
): unknown[] {
  const list = [...held];
  const places = new Map<string, number>();
  for (const [i, element] of list.entries()) {
    const key = elementKey(nested, element);
    if (!places.has(key)) places.set(key, i);
  }
  for (const one of added) {
    const key = elementKey(nested, one);
    const place = places.get(key);
    if (place === undefined) {
      places.set(key, list.length);
      list.push(one);
      continue;
    }
    const there = list[place];
    if (nested !== undefined && isObject(there) && isObject(one)) list[place] = addInto(nested, there, one);
  }
  return list;
}

/** What is left of a field; undefined when nothing is. */
function without(field: Field | undefined, held: unknown, pattern: unknown): unknown {
  if (!field?.repeated || !Array.isArray(held)) return undefined;
  const gone = matching(field.nested, held, Array.isArray(pattern) ? pattern : []);
  // Scalars compare by value in the set, objects by identity: both are elements of this very list.
  const left = held.filter((e) => !gone.has(e));
  return left.length > 0 ? left : undefined;
}
