import { fieldsOf } from '@spillway/model';
import type { Lookup, StoredObject } from './types.js';

/** The uuid of a reference, be it stored as a uuid or as a URL with or without `#name`. */
export function refUuid(ref: string | undefined): string | undefined {
  if (ref === undefined || ref === '') return undefined;
  const path = ref.split(/[#?]/, 1)[0] ?? '';
  return path.slice(path.lastIndexOf('/') + 1) || undefined;
}

/** The object that a reference names, when it is there and of that kind. */
export function follow(lookup: Lookup, ref: string | undefined, kind: string): StoredObject | undefined {
  const uuid = refUuid(ref);
  const object = uuid === undefined ? undefined : lookup.get(uuid);
  return object?.kind === kind ? object : undefined;
}

/** A nested message with its defaults, also when the object does not hold it at all. */
export function filledMessage<T extends object>(message: string, value: object | undefined): T {
  const filled: Record<string, unknown> = {};
  for (const [name, field] of fieldsOf(message))
    if (field.facts.default !== undefined && !field.repeated) filled[name] = field.facts.default;
  return Object.assign(filled, value) as T;
}

/** Longest time that a snapshot can hold, in milliseconds. */
const LONGEST = 86_400_000;

export const milliseconds = (value: number): number => Math.min(Math.max(Math.round(value), 0), LONGEST);

export const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), high);
