import { fieldsOf } from './facts.js';
import { mapMessages, type Json } from './walk.js';

/** Dotted paths of the secrets in a message, `[]` for each element. */
export function secretPaths(message: string, prefix = ''): string[] {
  return [...fieldsOf(message).values()].flatMap((field) => {
    const path = `${prefix}${field.name}${field.repeated ? '[]' : ''}`;
    if (field.facts.secret) return [path];
    return field.nested === undefined ? [] : secretPaths(field.nested, `${path}.`);
  });
}

/** A copy without the secrets. */
export function redactMessage(message: string, value: Json): Json {
  return mapMessages(message, value, (name, nested) => {
    const fields = fieldsOf(name);
    return Object.fromEntries(Object.entries(nested).filter(([key]) => !fields.get(key)?.facts.secret));
  });
}
