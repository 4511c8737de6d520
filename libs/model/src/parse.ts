import { clean } from './clean.js';
import type { FieldError } from './errors.js';
import { explain } from './explain.js';
import { hooksOf } from './hooks/index.js';
import type { KindName, KindTypes } from './generated/types.js';
import { unhonouredPaths } from './honoured/index.js';
import { kinds } from './kinds.js';
import { isObject, type Json } from './walk.js';
import { messageSchema } from './zod.js';

export interface ParseOptions {
  /** Unknown and unhonoured fields are errors (`?strict=true`). */
  readonly strict?: boolean;
  /** Nothing is required at any depth, for the payload of a patch. */
  readonly partial?: boolean;
  /** Keep read-only fields, for what the server itself writes. */
  readonly keepReadOnly?: boolean;
  /** Uuids of what the server refers to by itself where the input says nothing: naming one asks for nothing. */
  readonly filledIn?: readonly string[];
}

export interface Parsed<T> {
  /** The known part in canonical form, without uuid, url and _last_modified. Valid only when `errors` is empty. */
  readonly value: T;
  /** The uuid that the input named, if any. */
  readonly uuid?: string;
  /** The input's `_last_modified`, microseconds since 1970: the version that the client has seen. */
  readonly lastModified?: string;
  /** Dotted paths that the schema does not have; they were dropped. */
  readonly unknown: string[];
  /** Dotted paths that are set to other than their default and that nothing acts on; they are stored. `field=VALUE` where only that value is without effect. */
  readonly unhonoured: string[];
  readonly errors: FieldError[];
}

const notAnObject = (type: string): FieldError => ({
  code: 'type',
  field: '',
  message: `Field check for ${type} failed : the body is not a JSON object. Send one object with the fields of a ${type}`,
});

/** What `?strict=true` makes of unknown and unhonoured fields. */
export const strictErrors = (unknown: readonly string[], unhonoured: readonly string[]): FieldError[] => [
  ...unknown.map((field): FieldError => ({
    code: 'unknown_field',
    field,
    message: `Field check for ${field} failed : the schema has no such field. Remove it, or send the request without strict`,
  })),
  ...unhonoured.map((field): FieldError => ({
    code: 'unhonoured_field',
    field,
    message: `Field check for ${field} failed : it would be stored and have no effect yet. Remove it, or send the request without strict`,
  })),
];

/** Parses what a client sent for a kind: see {@link Parsed}. Never throws for bad input. */
export function parseObject<K extends KindName>(
  kind: K,
  input: unknown,
  options: ParseOptions = {},
): Parsed<KindTypes[K]> {
  const { type } = kinds[kind];
  const partial = options.partial ?? false;
  if (!isObject(input))
    return { value: {} as unknown as KindTypes[K], unknown: [], unhonoured: [], errors: [notAnObject(type)] };
  const { uuid, url: _url, _last_modified: lastModified, ...body } = input;
  const cleaned = clean(type, body, { keepReadOnly: options.keepReadOnly ?? false, fillRequired: !partial });
  const identify = partial ? undefined : hooksOf(kind).identify;
  const value = identify ? identify(cleaned.value) : cleaned.value;
  const { errors } = check(type, value, partial);
  const unhonoured = unhonouredPaths(kind, value, options.filledIn);
  return {
    value: value as unknown as KindTypes[K],
    ...(typeof uuid === 'string' && uuid !== '' ? { uuid } : {}),
    ...(typeof lastModified === 'string' || typeof lastModified === 'number'
      ? { lastModified: String(lastModified) }
      : {}),
    unknown: cleaned.unknown,
    unhonoured,
    errors: options.strict ? [...errors, ...strictErrors(cleaned.unknown, unhonoured)] : errors,
  };
}

function check(type: string, value: Json, partial: boolean): { errors: FieldError[] } {
  const result = messageSchema(type, { partial }).safeParse(value);
  return { errors: result.success ? [] : explain(type, result.error.issues, value) };
}

/** Parses a nested message on its own, for the body of an action (`VsScaleoutParams`). */
export function parseMessage<T = Json>(
  message: string,
  input: unknown,
): { value: T; unknown: string[]; errors: FieldError[] } {
  if (!isObject(input)) return { value: {} as T, unknown: [], errors: [notAnObject(message)] };
  const { value, unknown } = clean(message, input, { keepReadOnly: false, fillRequired: true });
  return { value: value as T, unknown, ...check(message, value, false) };
}
