import type { Field } from './facts.js';

const UNITS: Readonly<Record<string, string>> = {
  SEC: 'seconds',
  SECONDS: 'seconds',
  MILLISECONDS: 'milliseconds',
  MICROSECONDS: 'microseconds',
  MIN: 'minutes',
  minutes: 'minutes',
  HOURS: 'hours',
  DAYS: 'days',
  PERCENT: 'percent',
  KB: 'KiB',
  MB: 'MiB',
  MEGA_BYTES: 'MiB',
  GB: 'GiB',
  BYTES: 'bytes',
  PER_SECOND: 'per second',
  WORD: 'words',
  METRIC_COUNT: '',
};

/** The unit of a field in words, or an empty string. */
export function unitOf(field: Field): string {
  return UNITS[field.facts.unit ?? ''] ?? '';
}

function allowedNumber(field: Field): string {
  const { bounds, facts } = field;
  if (!bounds) return 'a number';
  const noun = field.scalar === 'integer' ? 'an integer' : 'a number';
  const range = facts.range
    ? `${noun} ${bounds.choices ? `out of ${bounds.choices.join(', ')}` : `from ${bounds.min} to ${bounds.max}`}`
    : noun + (bounds.min === 0 ? ' of 0 or more' : '');
  const unit = unitOf(field);
  const special = facts.special ? `, or ${facts.special.replaceAll(/\s*-\s+/g, ' = ')}` : '';
  return `${range}${unit ? ` ${unit}` : ''}${special}`;
}

/** A list that a person can read; some enumerations have hundreds of values. */
function oneOf(values: readonly string[]): string {
  const most = 24;
  const rest = values.length - most;
  return `one of ${values.slice(0, most).join(', ')}${rest > 0 ? ` and ${rest} more (see the reference)` : ''}`;
}

/** What a field, or each element of a repeated field, accepts, in words. */
export function allowedValue(field: Field): string {
  if (field.facts.enum) return oneOf(field.facts.enum);
  if (field.nested !== undefined) return `an object (${field.nested})`;
  if (field.scalar === 'boolean') return 'true or false';
  if (field.scalar !== 'string') return allowedNumber(field);
  if (field.target !== undefined) return `a reference to a ${field.target}`;
  return Number.isFinite(field.maxLength) ? `text of up to ${field.maxLength} characters` : 'text';
}

/** How many elements a repeated field takes, in words; empty when any number. */
export function allowedItems(field: Field): string {
  if (field.minItems > 0) return `at least ${field.minItems} elements`;
  return Number.isFinite(field.maxItems) ? `at most ${field.maxItems} elements` : '';
}
