import type { FieldError } from '../errors.js';
import type { Json } from '../walk.js';
import { refuse } from './rule.js';

const REMEDY = 'Set it to 1 to 256 printable characters without blanks at either end';

/** Names appear in addresses, logs and shell lines. */
export function nameRule(value: Json): FieldError[] {
  const name = value['name'];
  if (typeof name !== 'string') return [];
  if (name.length === 0) return [refuse('name', 'it is empty', REMEDY, name)];
  if (name.length > 256) return [refuse('name', `${name.length} characters are too many`, REMEDY, name)];
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return [refuse('name', 'it has a control character', REMEDY, name)];
  return name === name.trim() ? [] : [refuse('name', 'it starts or ends with a blank', REMEDY, name)];
}
