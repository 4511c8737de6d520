import type { z } from 'zod';
import { allowedItems, allowedValue } from './allowed.js';
import { shortened, show, type FieldError, type FieldErrorCode } from './errors.js';
import { fieldAt, type Field } from './facts.js';

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((v, key) => (v as Record<PropertyKey, unknown> | undefined)?.[key], value);

export function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`,
    '',
  );
}

/** A repeated field whose value is no list; its elements have paths that end in an index. */
const isNoList = (field: Field, value: unknown, path: readonly PropertyKey[]): boolean =>
  field.repeated && !Array.isArray(value) && typeof path.at(-1) !== 'number';

function codeOf(issue: z.core.$ZodIssue, value: unknown, field: Field): FieldErrorCode {
  if (value === undefined) return 'required';
  if (isNoList(field, value, issue.path)) return 'type';
  if (issue.code === 'too_big' || issue.code === 'too_small')
    return Array.isArray(value) ? 'items' : 'length';
  if (issue.code === 'custom') return 'range';
  return field.facts.enum && typeof value === 'string' ? 'enum' : 'type';
}

function expected(code: FieldErrorCode, field: Field, value: unknown, path: readonly PropertyKey[]): string {
  if (code === 'items') return allowedItems(field);
  return isNoList(field, value, path) ? `a list, each ${allowedValue(field)}` : allowedValue(field);
}

function message(code: FieldErrorCode, path: string, field: Field, value: unknown, allowed: string): string {
  if (code === 'required') return `Field check for ${path} failed : it is required. Set it to ${allowed}`;
  const shown = field.facts.secret ? 'the given value' : show(value);
  const detail =
    code === 'length' ? `${String(value).length} characters are too many` : `${shown} is not allowed`;
  return `Field check for ${path} failed : ${detail}. Set it to ${allowed}${remedyOf(field)}`;
}

const remedyOf = (field: Field): string =>
  field.facts.default === undefined || field.repeated
    ? ''
    : `, or leave it out for the default ${String(field.facts.default)}`;

/** The refusals of a schema in the words of the tables. */
export function explain(type: string, issues: readonly z.core.$ZodIssue[], value: unknown): FieldError[] {
  return issues.map((issue) => {
    const path = dotted(issue.path);
    const held = at(value, issue.path);
    const field = fieldAt(type, path);
    if (!field)
      return {
        code: 'type',
        field: path,
        message: `Field check for ${path || type} failed : ${show(held)} is not allowed`,
      };
    const code = codeOf(issue, held, field);
    const allowed = expected(code, field, held, issue.path);
    const shown = held === undefined || field.facts.secret ? {} : { value: shortened(held) };
    return { code, field: path, message: message(code, path, field, held, allowed), allowed, ...shown };
  });
}
